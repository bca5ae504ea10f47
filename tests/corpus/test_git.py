from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from codetriever.corpus.git import Checkout, git_folders, locate
from codetriever.corpus.gitindex import IndexUnreadable, read_index
from codetriever.errors import PathNotFound

from .conftest import Git, write

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_without_git_is_its_own_root(tmp_path: Path) -> None:
    write(tmp_path, {"sub/a.py": ""})
    assert locate(tmp_path / "sub") == Checkout(root=tmp_path / "sub", identity=str(tmp_path / "sub"))
    assert locate(tmp_path / "sub/a.py") == Checkout(root=tmp_path / "sub", identity=str(tmp_path / "sub"), folder="a.py")


def test_a_path_in_a_repository_belongs_to_its_root(repository: Path, git: Git) -> None:
    head = git(repository, "rev-parse", "HEAD")
    expected = Checkout(repository, str(repository / ".git"), branch="main", head=head, is_git=True)
    assert locate(repository) == expected
    assert locate(repository / "src").folder == "src"
    assert locate(repository / "src/a.py").folder == "src/a.py"
    assert locate(repository / "src").root == repository


def test_links_to_a_checkout_name_the_same_one(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository / "src")
    assert locate(tmp_path / "link") == locate(repository / "src")


@pytest.mark.parametrize("path", ["nothing", "src/a.py/b", "nul\0"])
def test_a_path_that_does_not_exist_is_an_error(repository: Path, path: str) -> None:
    with pytest.raises(PathNotFound):
        locate(repository / path)


def test_the_head_is_found_wherever_git_keeps_it(repository: Path, git: Git) -> None:
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    assert locate(repository).head == head
    git(repository, "checkout", "-q", "-b", "topic/näme")
    assert (locate(repository).branch, locate(repository).head) == ("topic/näme", head)
    git(repository, "checkout", "-q", "--detach")
    assert (locate(repository).branch, locate(repository).head) == (f"HEAD-{head[:7]}", head)
    git(repository, "checkout", "-q", "--orphan", "empty")
    assert (locate(repository).branch, locate(repository).head) == ("empty", "")


def test_worktrees_share_an_identity(repository: Path, git: Git, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    other = locate(tmp_path / "tree")
    assert other.identity == locate(repository).identity
    assert (other.root, other.branch) == (tmp_path / "tree", "other")
    assert other.head == git(repository, "rev-parse", "other")


def test_a_submodule_is_a_repository_of_its_own(repository: Path, git: Git, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "--quiet", "add", str(repository), "deps/inner")
    inner = locate(outer / "deps/inner/src")
    assert (inner.root, inner.folder) == (outer / "deps/inner", "src")
    assert inner.identity == str(outer / ".git/modules/deps/inner")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a.git", "https://example.org/a.git"),
        ("https://user:secret@example.org/a.git", "https://example.org/a.git"),
        ("https://token@example.org/a.git", "https://example.org/a.git"),
        ("git@example.org:a.git", "git@example.org:a.git"),
    ],
)
def test_the_origin_is_shown_without_secrets(repository: Path, git: Git, url: str, shown: str) -> None:
    git(repository, "remote", "add", "zeroth", "https://example.org/other")
    git(repository, "remote", "add", "origin", url)
    assert locate(repository).origin == shown


def test_an_ignored_folder_is_a_root_of_its_own(repository: Path, git: Git) -> None:
    write(repository, {".gitignore": "/build/\n*.log\n", "build/deep/a.py": "", "out.log": "", "kept/.gitignore": "x\n", "kept/x/a.py": ""})
    for path in ("build", "build/deep", "kept/x"):
        assert locate(repository / path) == Checkout(repository / path, str(repository / path))
    assert locate(repository / "out.log") == Checkout(repository, str(repository), folder="out.log")
    assert locate(repository / "kept").root == repository
    git(repository, "add", "-f", "build/deep/a.py")
    assert locate(repository / "build").folder == "build"


def test_folders_ignored_by_global_and_private_rules_are_roots_too(repository: Path, home: Path) -> None:
    write(repository, {"one/a": "", "two/a": "", ".git/info/exclude": "one\n"})
    write(home, {".config/git/ignore": "two\n"})
    assert locate(repository / "one").root == repository / "one"
    assert locate(repository / "two").root == repository / "two"


def test_the_inside_of_a_git_folder_is_no_checkout(repository: Path) -> None:
    assert not locate(repository / ".git/info").is_git


@pytest.mark.parametrize("content", ["", "gitdir: nowhere", "nonsense", "gitdir: \0"])
def test_a_broken_git_file_is_no_repository(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"a/.git": content})
    assert not locate(tmp_path / "a").is_git


def test_an_empty_git_folder_is_no_repository(repository: Path) -> None:
    (repository / "sub/.git").mkdir(parents=True)
    assert locate(repository / "sub").root == repository


def test_a_reftable_repository_has_one_nameless_branch(repository: Path) -> None:
    (repository / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    assert (locate(repository).branch, locate(repository).head) == ("", "")


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_the_index_is_read_in_every_version(repository: Path, git: Git, version: str) -> None:
    long = "long/" + "n" * 200 + "/" + "m" * 250
    names = ["a", "ab/c", "ab/cd", "b b", "é", "z" * 200 + "/" + "y" * 250, long]
    write(repository, dict.fromkeys(names, "x"))
    git(repository, "config", "index.version", version)
    git(repository, "add", "-A")
    git(repository, "update-index", "--skip-worktree", "a")
    write(repository, {"intended": ""})
    git(repository, "add", "-N", "intended")
    expected = git(repository, "ls-files", "-z").split("\0")[:-1]
    assert [os.fsdecode(name) for name in read_index(repository / ".git/index").files] == expected


def test_the_index_knows_submodules_conflicts_and_shared_parts(repository: Path, git: Git, tmp_path: Path) -> None:
    git(repository, "checkout", "-q", "-b", "other")
    write(repository, {"src/a.py": "a = 2\n"})
    git(repository, "commit", "-q", "-a", "-m", "Two")
    git(repository, "checkout", "-q", "main")
    write(repository, {"src/a.py": "a = 3\n"})
    git(repository, "commit", "-q", "-a", "-m", "Three")
    git(repository, "clone", "-q", str(repository), str(tmp_path / "copy"))
    git(repository, "submodule", "--quiet", "add", str(tmp_path / "copy"), "sub")
    with pytest.raises(Exception, match="returned non-zero"):
        git(repository, "merge", "other")
    tracked = read_index(repository / ".git/index")
    assert tracked.files == (b".gitmodules", b"README.md", b"src/a.py")
    assert tracked.submodules == (b"sub",)
    git(repository, "update-index", "--split-index")
    write(repository, {"later": ""})
    git(repository, "add", "later")
    assert read_index(repository / ".git/index").files == (b".gitmodules", b"README.md", b"later", b"src/a.py")


def test_an_index_of_sha256_names_is_read(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    write(tmp_path, {"a": "", "b/c": ""})
    git(tmp_path, "add", "-A")
    assert read_index(tmp_path / ".git/index", hash_bytes=32).files == (b"a", b"b/c")


def test_a_damaged_index_is_an_error_and_a_missing_one_is_empty(repository: Path) -> None:
    index = repository / ".git/index"
    whole = index.read_bytes()
    for damaged in (b"", b"DIRC", whole[:40], b"DIRC\0\0\0\x09" + whole[8:], whole[:8] + b"\0\xff\xff\xff" + whole[12:]):
        index.write_bytes(damaged)
        with pytest.raises(IndexUnreadable):
            read_index(index)
    index.unlink()
    assert read_index(index).files == ()


def test_git_folders_of_a_worktree(repository: Path, git: Git, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    folders = git_folders(tmp_path / "tree")
    assert folders is not None
    assert folders.gitdir.samefile(repository / ".git/worktrees/tree")
    assert folders.common.samefile(repository / ".git")
    assert git_folders(tmp_path) is None
