"""Copies, branches and repositories: one answer from several places."""

import os
import subprocess

import pytest

import codetriever
from codetriever.config import load_settings
from codetriever.errors import ViewNotFound

TEXT = "def load_settings(path):\n    '''Read the settings.'''\n    return parse(path)\n"


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def git(root, *arguments):
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *names, *arguments], cwd=root, env=environment, check=True, capture_output=True)


def paths(answer):
    return [hit.path for hit in answer.hits]


# Copies


def test_a_copy_is_shown_once_per_path(indexed):
    index = indexed({"a/settings.py": TEXT, "b/settings.py": TEXT, "c.py": "def other():\n    pass\n"})
    for query in ("load_settings", "read the settings", '"Read the settings"'):
        found = paths(index.search(query, limit=20))
        assert found[:2] == ["a/settings.py", "b/settings.py"], query
        assert len(found) == len(set(found))
    assert index.search('"Read the settings"').total == 2
    assert [usage.path for usage in index.usages("load_settings").usages] == ["a/settings.py", "b/settings.py"]


def test_a_copy_that_the_filter_excludes_is_not_shown(indexed):
    index = indexed({"a/settings.py": TEXT, "b/settings.py": TEXT, "tests/settings.py": TEXT})
    assert paths(index.search("load_settings", paths=["b/"])) == ["b/settings.py"]
    assert paths(index.search('"Read the settings"', roles=["test"])) == ["tests/settings.py"]
    assert sorted(paths(index.search("load_settings", paths=["!a/"]))) == ["b/settings.py", "tests/settings.py"]
    assert [usage.path for usage in index.usages("load_settings", paths=["b/"]).usages] == ["b/settings.py"]


def test_many_copies_fill_pages_without_repeats(indexed):
    index = indexed({f"copy{n:02}/settings.py": TEXT for n in range(30)})
    tiled = [path for offset in range(0, 40, 7) for path in paths(index.search("load_settings", limit=7, offset=offset))]
    assert tiled == [f"copy{n:02}/settings.py" for n in range(30)]


# Branches


@pytest.fixture
def branched(tmp_path):
    root = tmp_path / "code"
    write(root, {"app.py": "def on_main():\n    return 'shared words'\n"})
    git(tmp_path, "init", "-q", "-b", "main", str(root))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "begin")
    with codetriever.open(root, store=tmp_path / "store") as index:
        index.refresh()
        git(root, "switch", "-q", "-c", "topic")
        write(root, {"app.py": "def on_topic():\n    return 'shared words'\n"})
        index.refresh()
        yield index


def test_a_branch_is_searched_as_it_was_indexed(branched):
    for branch, name in (("main", "on_main"), ("topic", "on_topic"), (None, "on_topic")):
        assert [hit.name for hit in branched.search("shared words", branch=branch).hits] == [name]
        assert branched.usages(name, branch=branch).total == 1
        assert branched.outline("app.py", branch=branch).files[0].definitions[0].name == name
        assert branched.context("app.py:2", branch=branch).enclosing.name == name
        assert branched.search('"on_main"', branch=branch).total == (branch == "main")


def test_a_branch_that_was_not_indexed_is_refused(branched):
    with pytest.raises(ViewNotFound, match="indexed are: main, topic"):
        branched.search("words", branch="nowhere")


def test_what_was_never_indexed_is_refused(tmp_path):
    write(tmp_path / "code", {"a.py": TEXT})
    with codetriever.open(tmp_path / "code", store=tmp_path / "store") as index:
        assert not index.is_indexed()
        with pytest.raises(ViewNotFound, match="not indexed"):
            index.search("settings")


# Repositories


@pytest.fixture
def two(tmp_path):
    write(tmp_path / "one", {"src/app.py": TEXT, "only_one.py": "def first_thing():\n    pass\n"})
    write(tmp_path / "two", {"src/app.py": TEXT, "only_two.py": "def second_thing():\n    pass\n"})
    with codetriever.open(tmp_path / "one", tmp_path / "two", store=tmp_path / "store") as index:
        index.refresh()
        yield index


def test_hits_of_several_repositories_name_them(two):
    answer = two.search("load_settings")
    assert [(hit.repository, hit.path) for hit in answer.hits[:2]] == [("one", "src/app.py"), ("two", "src/app.py")]
    assert next((hit.repository, hit.path) for hit in two.search("second_thing").hits) == ("two", "only_two.py")
    assert {(usage.repository, usage.path) for usage in two.usages("load_settings").usages} == {
        ("one", "src/app.py"),
        ("two", "src/app.py"),
    }
    assert {file.repository for file in two.outline("src").files} == {"one", "two"}
    assert two.context("only_two.py:1").repository == "two"
    assert two.lines(answer.hits[1], radius=1).text == TEXT


def test_similar_looks_into_the_other_repository(two):
    assert two.similar("first_thing", limit=1).hits[0].repository == "two"


def test_filters_and_pages_hold_over_all_repositories(two):
    assert {hit.repository for hit in two.search("load_settings", paths=["src/"]).hits} == {"one", "two"}
    whole = two.search("thing settings", limit=50)
    assert tuple(hit for offset in range(whole.total) for hit in two.search("thing settings", limit=1, offset=offset).hits) == whole.hits
    assert two.search('"load_settings"').total == 2


def test_the_cache_has_a_limit_for_programs_too(tmp_path):
    write(tmp_path, {"old/a.py": "def old():\n    return 1\n" * 50, "new/b.py": "def new():\n    return 2\n" * 50})
    settings = load_settings(flags={"store": str(tmp_path / "store"), "cache_limit_bytes": "1kB"}, start=tmp_path, environ={})
    with codetriever.open(tmp_path / "old", settings=settings) as index:
        assert index.refresh().removed_indexes == ()
    with codetriever.open(tmp_path / "new", settings=settings) as index:
        assert index.refresh().removed_indexes == (str((tmp_path / "old").resolve()),)
        assert index.search("new").hits
        assert index.refresh().removed_indexes == ()
    assert len([one for one in (tmp_path / "store").iterdir() if one.is_dir()]) == 1
