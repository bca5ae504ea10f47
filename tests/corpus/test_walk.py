from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from codetriever.corpus.git import locate
from codetriever.corpus.listing import RACY_NS, Listing, listing_from_bytes
from codetriever.corpus.walk import list_files
from codetriever.errors import PathNotFound
from codetriever.types import Skip, SkipReason

from .conftest import Git, write


def paths(root: Path, **options: bool) -> list[str]:
    """List with git and without, and make sure that both agree."""
    checkout = locate(root)
    found = list_files(checkout, **options)
    assert list(list_files(checkout, use_git=False, **options).paths) == list(found.paths)
    return list(found.paths)


def age(root: Path) -> None:
    """Wait until nothing below the root is recent."""
    newest = max(Path(folder, name).lstat().st_ctime_ns for folder, _, names in os.walk(root) for name in ["", *names])
    time.sleep(max(0, (newest + RACY_NS - time.time_ns()) / 1e9 + 0.05))


def test_tracked_and_new_files_are_listed_by_the_bytes_of_their_paths(repository: Path) -> None:
    write(repository, {"a b": "", "é": "", "z/\n": "", "Z": "", "\U0001f600": ""})
    (repository / os.fsdecode(b"\xff")).write_text("")
    found = paths(repository)
    assert found == sorted(found, key=os.fsencode)
    assert set(found) == {"README.md", "Z", "a b", "src/a.py", "z/\n", "é", "\U0001f600", "\udcff"}


def test_rules_of_every_source_hold(repository: Path, home: Path) -> None:
    write(home, {".config/git/ignore": "*.swp\n"})
    write(
        repository,
        {
            ".git/info/exclude": "private\n",
            "src/.gitignore": "!keep.log\n/only\n",
            "src/keep.log": "",
            "src/only": "",
            "src/sub/only": "",
            "src/x.swp": "",
            "private": "",
            "other.log": "",
        },
    )
    write(repository, {".gitignore": "*.log\n"})
    assert paths(repository) == ["README.md", "src/a.py", "src/keep.log", "src/sub/only"]


@pytest.mark.parametrize("place", [".gitconfig", ".config/git/config", "included"])
def test_the_global_rule_file_is_the_one_git_is_set_to(repository: Path, home: Path, place: str) -> None:
    write(home, {place: f'; a comment\n[core]\n\texcludesFile = "{home}/my rules" # mine\n', "my rules": "secret\n"})
    if place == "included":
        write(
            home,
            {".gitconfig": f'[includeIf "gitdir:{repository.parent}/"]\npath = included\n[includeIf "gitdir:/nowhere/"]\npath = nothing\n'},
        )
    write(repository, {"secret": ""})
    assert paths(repository) == ["README.md", "src/a.py"]


def test_case_is_ignored_where_git_ignores_it(repository: Path, git: Git) -> None:
    git(repository, "config", "core.ignoreCase", "true")
    write(repository, {".gitignore": "BUILD\n*.LOG\n", "build": "", "a.log": ""})
    assert paths(repository) == ["README.md", "src/a.py"]


def test_tracked_files_are_listed_whatever_the_rules_say(repository: Path, git: Git) -> None:
    write(repository, {".gitignore": "*\n", ".github/ci.yml": "", "build/kept.c": "", "build/dropped.c": "", ".hidden": ""})
    git(repository, "add", "-f", ".github/ci.yml", "build/kept.c", ".gitignore")
    assert paths(repository) == [".github/ci.yml", ".gitignore", "README.md", "build/kept.c", "src/a.py"]


def test_hidden_and_ignored_files_are_listed_when_asked_for(repository: Path) -> None:
    write(
        repository, {".gitignore": "*.log\n", ".codetrieverignore": "own\n", "a.log": "", "own": "", ".new/a": "", "node_modules/x.js": ""}
    )
    plain = ["README.md", "node_modules/x.js", "src/a.py"]
    hidden = [".codetrieverignore", ".gitignore", ".new/a"]
    assert paths(repository) == plain
    assert paths(repository, hidden=True) == [*hidden, *plain]
    assert paths(repository, no_ignore=True) == ["README.md", "a.log", "node_modules/x.js", "own", "src/a.py"]
    assert paths(repository, hidden=True, no_ignore=True) == [*hidden, "README.md", "a.log", "node_modules/x.js", "own", "src/a.py"]


def test_own_rules_leave_out_tracked_files_too(repository: Path, git: Git) -> None:
    write(repository, {"data/a.json": "", "data/b.json": "", "data/keep.json": "", "src/.codetrieverignore": "a.py\n", "src/b.py": ""})
    write(
        repository,
        {".codetrieverignore": "data/*\n!keep.json\n", ".gitignore": "/hid\n", "hid/.codetrieverignore": "x\n", "hid/x": "", "hid/y": ""},
    )
    git(repository, "add", "-f", ".")
    listed = [".codetrieverignore", ".gitignore", "README.md", "data/keep.json", "hid/.codetrieverignore", "hid/y"]
    assert paths(repository) == [*listed, "src/.codetrieverignore", "src/b.py"]


def test_nested_repositories_and_submodules_are_folders_of_the_tree(repository: Path, git: Git, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    write(outer, {".gitignore": "*.log\n/skipped/\n", "a.py": ""})
    git(outer, "init", "-q")
    git(outer, "submodule", "--quiet", "add", str(repository), ".deps/inner")
    git(outer, "clone", "-q", str(repository), "nested")
    git(outer, "clone", "-q", str(repository), "skipped")
    git(outer, "init", "-q", "empty")
    write(outer, {"nested/.gitignore": "ignored\n", "nested/ignored": "", "nested/own.log": "", "empty/b.py": "", ".deps/inner/new": ""})
    inner = ["README.md", "src/a.py"]
    assert paths(outer) == [
        *(f".deps/inner/{path}" for path in ["README.md", "new", "src/a.py"]),
        ".gitmodules",
        "a.py",
        "empty/b.py",
        *(f"nested/{path}" for path in ["README.md", "own.log", "src/a.py"]),
    ]
    git(outer, "submodule", "--quiet", "deinit", "-f", ".deps/inner")
    assert not any(path.startswith(".deps") for path in paths(outer))
    (outer / ".git").rename(outer / "git")
    assert [path for path in paths(outer) if path.startswith("nested/")] == [
        *(f"nested/{path}" for path in inner[:1]),
        "nested/own.log",
        "nested/src/a.py",
    ]


def test_without_a_repository_rule_files_hold_and_hidden_files_do_not_show(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".gitignore": ".*\n*.o\n!.gitignore\n",
            "a.c": "",
            "a.o": "",
            ".config": "",
            "sub/.gitignore": "/b.c\n",
            "sub/b.c": "",
            "sub/c.c": "",
        },
    )
    assert paths(tmp_path) == ["a.c", "sub/c.c"]
    assert paths(tmp_path, hidden=True) == [".gitignore", "a.c", "sub/.gitignore", "sub/c.c"]


def test_without_a_repository_dependencies_are_skipped_with_that_reason(tmp_path: Path) -> None:
    folders = ("node_modules", ".venv", "__pycache__", ".mypy_cache", "sub/.tox", ".svn")
    write(tmp_path, {f"{folder}/a.py": "" for folder in folders})
    write(
        tmp_path, {"env/pyvenv.cfg": "", "env/lib.py": "", "target/CACHEDIR.TAG": "", "target/a.rs": "", "vendor/v.go": "", "main.py": ""}
    )
    found = list_files(locate(tmp_path))
    assert list(found.paths) == ["main.py", "vendor/v.go"]
    assert [skip.path for skip in found.skips] == sorted([*folders, "env", "target"])
    assert {skip.reason for skip in found.skips} == {SkipReason.DEPENDENCY}
    assert Skip(".venv", SkipReason.DEPENDENCY, "virtual environment") in found.skips
    widened = paths(tmp_path, hidden=True, no_ignore=True)
    assert len(widened) == len(folders) + 6
    assert paths(tmp_path / ".venv") == ["a.py"]


def test_git_missing_refusing_or_failing_changes_nothing_but_the_note(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(repository, {".gitignore": "*.log\n", "a.log": "", "new.py": ""})
    expected = list_files(locate(repository))
    assert (expected.method, expected.note) == ("git", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = list_files(locate(repository))
    assert missing.method == "walk"
    assert "could not be started" in missing.note
    write(tmp_path, {"git": "#!/bin/sh\necho 'fatal: detected dubious ownership in repository' >&2\nexit 128\n"})
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    refused = list_files(locate(repository))
    assert refused.method == "walk"
    assert "dubious ownership" in refused.note
    assert expected.paths == missing.paths == refused.paths


def test_another_repositorys_environment_is_not_used(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nothing"))
    assert list_files(locate(repository)).method == "git"


def test_a_repositorys_settings_start_no_program(repository: Path, git: Git, tmp_path: Path) -> None:
    write(tmp_path, {"hook": f"#!/bin/sh\ntouch {tmp_path}/started\n"})
    (tmp_path / "hook").chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(tmp_path / "hook"))
    paths(repository)
    assert not (tmp_path / "started").exists()


def test_a_damaged_index_leaves_what_the_rules_list(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"DIRCxxxx")
    found = list_files(locate(repository))
    assert list(found.paths) == ["README.md", "src/a.py"]
    assert found.method == "walk"
    assert found.note


def test_deleted_files_stay_listed_until_git_forgets_them(repository: Path) -> None:
    (repository / "src/a.py").unlink()
    assert paths(repository) == ["README.md", "src/a.py"]


def test_a_root_that_has_gone_is_an_error_and_no_empty_list(repository: Path) -> None:
    checkout = locate(repository)
    before = list_files(checkout)
    repository.rename(repository.with_name("elsewhere"))
    with pytest.raises(PathNotFound):
        list_files(checkout, previous=before)


def test_a_root_that_may_not_be_listed_is_an_error_too(repository: Path, unprivileged: None) -> None:
    checkout = locate(repository)
    repository.chmod(0o300)
    with pytest.raises(PathNotFound):
        list_files(checkout)
    repository.chmod(0o755)


def test_links_are_listed_and_not_entered(repository: Path) -> None:
    (repository / "loop").symlink_to(".")
    (repository / "folder").symlink_to("src")
    (repository / "file").symlink_to("src/a.py")
    assert paths(repository) == ["README.md", "file", "folder", "loop", "src/a.py"]
    (repository / ".gitignore").symlink_to("rules")
    write(repository, {"rules": "*.py\n"})
    assert "src/a.py" in paths(repository)


def test_deep_folders_are_listed(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 200)
    write(tmp_path, {f"{deep}/a.py": ""})
    assert paths(tmp_path) == [f"{deep}/a.py"]


def test_an_unreadable_folder_is_a_skip(repository: Path, unprivileged: None) -> None:
    write(repository, {"closed/a.py": "", "open/a.py": ""})
    (repository / "closed").chmod(0)
    found = list_files(locate(repository))
    (repository / "closed").chmod(0o755)
    assert "open/a.py" in found.paths
    assert found.method == "walk"
    assert found.skips == [Skip("closed", SkipReason.UNREADABLE, "Permission denied")]


CHANGES = {
    "nothing": ("src/a.py", "changed in place"),
    "new": ("new.py", ""),
    "new below": ("src/deep/new.py", ""),
    "new where nothing was listed": ("objects/new.py", ""),
    "rules": (".gitignore", "*.log\n*.md\n"),
    "own rules": (".codetrieverignore", "src\n"),
    "private rules": (".git/info/exclude", "src\n"),
    "global rules": ("home/.config/git/ignore", "src\n"),
    "settings": ("home/.gitconfig", "[core]\nexcludesFile = /rules\n"),
    "git": ("", ""),
}


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, bytes]]:
    """A repository for each change, its list as a later process would read it, all old enough to be trusted."""
    top = tmp_path_factory.mktemp("aged")
    for name in CHANGES:
        root = top / name / "repository"
        write(root, {"README.md": "", "src/a.py": "a = 1", ".gitignore": "*.log\n", "objects/a.log": "", "src/deep/b.py": ""})
        write(root, {".codetrieverignore": "nothing\n", "home/.gitconfig": "[user]\nname = A\n", "home/.config/git/x": ""})
        subprocess.run(["git", "init", "-q", str(root)], check=True)
    age(top)
    with pytest.MonkeyPatch.context() as patch:
        lists = {}
        for name in CHANGES:
            root = top / name / "repository"
            patch.setenv("HOME", str(root / "home"))
            lists[name] = (root, list_files(locate(root)).to_bytes())
    return lists


@pytest.fixture
def listed(request: pytest.FixtureRequest, aged: dict[str, tuple[Path, bytes]], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Listing]:
    root, data = aged[request.param]
    monkeypatch.setenv("HOME", str(root / "home"))
    found = listing_from_bytes(data)
    assert found is not None
    return root, found


@pytest.mark.parametrize("listed", ["nothing"], indirect=True)
def test_a_list_that_is_current_is_returned_as_it_is(listed: tuple[Path, Listing]) -> None:
    root, before = listed
    (root / CHANGES["nothing"][0]).write_text(CHANGES["nothing"][1])
    assert list_files(locate(root), previous=before) is before
    assert list_files(locate(root), previous=before, hidden=True) is not before
    assert list_files(locate(root), previous=before, no_ignore=True) is not before


@pytest.mark.parametrize(("listed", "change"), [(name, CHANGES[name]) for name in list(CHANGES)[1:-1]], indirect=["listed"])
def test_a_list_is_made_anew_when_anything_it_depends_on_changed(listed: tuple[Path, Listing], change: tuple[str, str]) -> None:
    root, before = listed
    write(root, dict([change]))
    found = list_files(locate(root), previous=before)
    assert found is not before
    assert found.paths == list_files(locate(root), use_git=False).paths
    assert list_files(locate(root), previous=found) is not found, "it changed too recently to be trusted"


@pytest.mark.parametrize("listed", ["git"], indirect=True)
def test_tracking_renaming_and_deleting_make_the_list_anew(listed: tuple[Path, Listing], git: Git) -> None:
    root, before = listed
    git(root, "add", "-f", "objects/a.log")
    assert "objects/a.log" in list_files(locate(root), previous=before).paths
    (root / "src/deep/b.py").rename(root / "src/deep/c.py")
    assert "src/deep/c.py" in list_files(locate(root), previous=before).paths
    shutil.rmtree(root / "src/deep")
    assert "src/deep/b.py" not in list_files(locate(root), previous=before).paths


def test_a_damaged_stored_list_is_none(repository: Path) -> None:
    data = list_files(locate(repository)).to_bytes()
    assert listing_from_bytes(data) is not None
    for damaged in (b"", data[:11], data[:-1], data[:50] + b"x" + data[51:], b"x" + data[1:]):
        assert listing_from_bytes(damaged) is None


def test_skips_and_strange_names_survive_being_stored(tmp_path: Path) -> None:
    write(tmp_path, {"node_modules/a": "", "é": ""})
    (tmp_path / os.fsdecode(b"\xff\xfe")).write_text("")
    found = list_files(locate(tmp_path))
    again = listing_from_bytes(found.to_bytes())
    assert again is not None
    assert (again.paths, again.skips, again.method, again.note) == (found.paths, found.skips, found.method, found.note)
    empty = list_files(locate(tmp_path / "node_modules"), no_ignore=True)
    assert listing_from_bytes(empty.to_bytes()) is not None


def test_a_fifo_is_listed_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert paths(tmp_path) == ["pipe"]
