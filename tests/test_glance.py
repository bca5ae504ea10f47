"""What is said of a repository before it is indexed."""

import pytest

from codetriever.config import Settings
from codetriever.errors import InvalidQuery, PathNotFound
from codetriever.glance import glance


@pytest.fixture
def root(tmp_path):
    files = {
        "pool.py": "def close_idle_connections(pool):\n    return [one for one in pool if one.waited]\n",
        "docs/pool.md": "# Pools\n\nClose idle connections now and then.\n",
        "web/retry.ts": "export function waitBeforeRetry(attempt: number) { return 2 ** attempt }\n",
        "key.py": 'AWS = "AKIAIOSFODNN7EXAMPLE"  # storage account\n',
        ".env": "IDLE_CONNECTIONS=secret\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def paths(answer):
    return [hit.path for hit in answer.hits]


def test_code_that_is_named_so_comes_first(root):
    answer = glance(root, "close idle connections", Settings())
    assert paths(answer) == ["pool.py", "docs/pool.md"]
    assert (answer.hits[0].name, answer.hits[0].score) == ("close_idle_connections", 1.0)
    assert not answer.exhaustive
    assert "Not indexed yet" in answer.freshness.note


def test_filters_hold(root):
    assert paths(glance(root, "idle connections", Settings(), paths=["docs/"])) == ["docs/pool.md"]
    assert paths(glance(root, "idle connections", Settings(), roles=["code"])) == ["pool.py"]
    assert paths(glance(root, "wait before retry", Settings(), languages=["typescript"])) == ["web/retry.ts"]
    assert paths(glance(root / "docs", "idle connections", Settings())) == ["pool.md"]


def test_secrets_are_not_shown(root):
    assert "secret" not in str(glance(root, "idle_connections secret", Settings()).hits)
    assert "IOSFODNN7" not in str(glance(root, "storage account", Settings()).hits)


def test_without_time_nothing_is_read(root):
    answer = glance(root, "idle connections", Settings(), budget_s=-1.0)
    assert answer.hits == ()
    assert answer.freshness.note.startswith("Not indexed yet: 0 of ")


def test_wrong_questions(root):
    with pytest.raises(InvalidQuery):
        glance(root, "  ", Settings())
    with pytest.raises(PathNotFound):
        glance(root / "nowhere", "x", Settings())
