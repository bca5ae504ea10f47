"""`clean`, `compact` and `stats` as people and programs use them."""

import json
import os
import time

import pytest
from tests.search.conftest import write

from codetriever.cli.main import main


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CODETRIEVER_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("CODETRIEVER_DATABASE_URL", raising=False)

    def run(*words):
        code = main(words)
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in words else out, err

    for name in ("one", "two"):
        write(tmp_path / name, {"a.py": f"def {name}():\n    return 1\n"})
        assert run("index", str(tmp_path / name), "--quiet")[0] == 0
    return run


def test_clean(run, tmp_path):
    assert run("clean", "--yes")[0] == 1
    assert run("clean", "--dry-run") == (1, "", "nothing would go\n")
    (tmp_path / "one").rename(tmp_path / "moved")
    gone = str(tmp_path / "one")
    assert run("clean", "--dry-run")[:2] == (0, f"would go  {gone}\n")
    assert run("clean", "--json")[1]["error"]["code"] == "confirmation_needed"
    code, done, _ = run("clean", "--yes", "--json")
    assert (code, done["views"], done["indexes"], done["skipped"]) == (0, [gone], [gone], [])
    assert run("list", "--json")[1]["indexes"][0]["views"][0]["root"] == str(tmp_path / "two")
    assert run("clean", "--yes", "--days", "0")[1] == f"gone  {tmp_path / 'two'}\n"


def test_one_file_is_no_plural(run):
    assert "1 file, used just now" in run("list")[1]


def test_compact_and_stats(run, tmp_path):
    code, done, _ = run("compact", "--json")
    assert code == 0
    assert sorted(one["name"] for one in done["compacted"]) == [str(tmp_path / "one"), str(tmp_path / "two")]
    assert done["after_bytes"] <= done["before_bytes"]
    assert str(tmp_path / "one") in run("compact")[1]
    numbers = run("stats", "--json")[1]
    assert (numbers["indexes"], numbers["files"]) == (2, 2)
    assert "chunks         2\n" in run("stats")[1]


def test_in_a_database(run, database_url, tmp_path, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("CODETRIEVER_DATABASE_URL", database_url)
    assert run("index", str(tmp_path / "one"), "--quiet")[0] == 0
    assert run("clean", "--yes")[0] == 1
    assert run("compact", "--json")[1]["after_bytes"] > 0
    assert "postings" in run("compact")[1]
    assert run("stats", "--json")[1]["chunks"] == 1
    assert "  postings " in run("stats")[1]


def test_old_and_unused(run, tmp_path):
    long_ago = time.time() - 90 * 86_400
    for folder in (tmp_path / "store").iterdir():
        for mark in folder.glob("used/*"):
            os.utime(mark, (long_ago, long_ago))
    assert run("clean", "--yes")[0] == 1, "they were indexed just now"
