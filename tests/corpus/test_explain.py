from __future__ import annotations

from pathlib import Path

import pytest

from codetriever.config import Settings
from codetriever.corpus.explain import Explanation, explain, explain_empty
from codetriever.corpus.git import locate
from codetriever.corpus.walk import list_files
from codetriever.errors import PathNotFound
from codetriever.operations import explain_path
from codetriever.types import Role, Skip, SkipReason

from .conftest import Git, write


def why(root: Path, path: str, **options: bool) -> Explanation:
    return explain(locate(root), str(root / path), **options)


def test_an_indexed_file_has_a_language_a_role_an_encoding_and_a_size(repository: Path) -> None:
    assert why(repository, "src/a.py") == Explanation(
        root=str(repository),
        path="src/a.py",
        reason=None,
        detail="git tracks it",
        language="python",
        role=Role.CODE,
        encoding="utf-8",
        size_bytes=6,
    )


@pytest.mark.parametrize(
    ("path", "reason", "detail"),
    [
        ("a.log", SkipReason.IGNORED, "line 2 of {root}/.gitignore ignores it: *.log"),
        ("build/deep/x", SkipReason.IGNORED, "line 3 of {root}/.gitignore ignores it: /build/"),
        ("src/own", SkipReason.IGNORED, "line 1 of {root}/src/.codetrieverignore ignores it: own"),
        ("private", SkipReason.IGNORED, "line 1 of {root}/.git/info/exclude ignores it: private"),
        (".new", SkipReason.IGNORED, "it is hidden and git does not track it; `--hidden` lists it"),
        (".git/config", SkipReason.IGNORED, "it belongs to git"),
        (".env", SkipReason.CREDENTIAL, "named like a credential file"),
        ("picture", SkipReason.BINARY, "binary"),
        ("src", SkipReason.NOT_REGULAR, "it is a folder"),
        ("away", SkipReason.OUTSIDE_ROOT, "links outside the root"),
    ],
)
def test_a_file_that_is_left_out_says_why(repository: Path, git: Git, path: str, reason: SkipReason, detail: str) -> None:
    write(repository, {".gitignore": "# rules\n*.log\n/build/\n", "a.log": "", "build/deep/x": "", ".git/info/exclude": "private\n"})
    write(repository, {"src/.codetrieverignore": "own\n", "src/own": "", "private": "", ".new": "", ".env": "", "picture": b"\0"})
    (repository / "away").symlink_to("/etc/hostname")
    git(repository, "add", "-f", "src/own", ".env")
    found = why(repository, path)
    assert (found.reason, found.detail) == (reason, detail.format(root=repository))
    assert not found.is_indexed


def test_what_lies_in_a_folder_that_may_not_be_read_is_explained_too(repository: Path, unprivileged: None) -> None:
    (repository / "src").chmod(0)
    found = explain_path(repository / "src/a.py", Settings()).explanation
    assert (found.reason, found.detail) == (SkipReason.UNREADABLE, f"{repository / 'src'}: Permission denied")
    (repository / "src").chmod(0o755)


def test_dependencies_are_named_where_there_is_no_repository(tmp_path: Path) -> None:
    write(tmp_path, {"a/node_modules/b/c.js": "", "env/pyvenv.cfg": "", "env/lib/x.py": "", "ok.py": ""})
    assert why(tmp_path, "a/node_modules/b/c.js").detail == "a/node_modules: installed dependencies"
    assert why(tmp_path, "env/lib/x.py").reason is SkipReason.DEPENDENCY
    assert why(tmp_path, "env/lib/x.py", no_ignore=True).is_indexed
    assert why(tmp_path, "ok.py").detail == "no rule leaves it out"


def test_a_file_in_an_ignored_folder_is_explained_by_its_repository(repository: Path) -> None:
    write(repository, {".gitignore": "build/\n", "build/a.py": ""})
    found = explain(locate(repository / "build"), str(repository / "build/a.py"))
    assert (found.root, found.path, found.reason) == (str(repository), "build/a.py", SkipReason.IGNORED)


def test_a_path_is_relative_to_the_working_directory(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "src")
    assert explain(locate(Path()), "a.py").path == "src/a.py"
    with pytest.raises(PathNotFound):
        explain(locate(Path()), "nothing.py")


TEXTS = "a.log keep.log build/a build/b.c sub/b.log sub/c sub/d/c a.own b.own .hid/a .hid/b x/node_modules/a.js".split()


@pytest.mark.parametrize("options", [{}, {"hidden": True}, {"no_ignore": True}, {"hidden": True, "no_ignore": True}])
@pytest.mark.parametrize("with_git", [True, False])
def test_explanations_agree_with_the_list(repository: Path, git: Git, options: dict[str, bool], with_git: bool) -> None:
    write(
        repository,
        {
            ".gitignore": "*.log\n/build/\n!keep.log\n.*\n",
            ".codetrieverignore": "*.own\n!a.own\n",
            "sub/.gitignore": "!b.log\nc\n",
            **dict.fromkeys(TEXTS, "text\n"),
        },
    )
    git(repository, "add", "-f", "build/a", ".hid/a", "b.own")
    if not with_git:
        (repository / ".git").rename(repository.parent / "git")
    listed = set(list_files(locate(repository), **options).paths)
    paths = [file.relative_to(repository).as_posix() for file in repository.rglob("*") if file.is_file()]
    assert {path for path in paths if why(repository, path, **options).is_indexed} == listed


def why_empty(root: Path, **options: bool) -> str:
    listed = list_files(locate(root))
    return explain_empty(locate(root), listed.skips, **options)


def test_an_empty_index_names_the_rule_that_leaves_everything_out(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, {".gitignore": "# all of it\n/*\n", "src/a.py": "a = 1\n", "b.py": "b = 1\n"})
    expected = f"3 of the 3 files looked at left out (line 2 of {tmp_path.resolve()}/.gitignore ignores it: /*)."
    assert why_empty(tmp_path) == "There is nothing to search: " + expected


def test_an_empty_index_counts_what_was_skipped(tmp_path: Path) -> None:
    skips = [Skip("a.png", SkipReason.BINARY), Skip("b.png", SkipReason.BINARY), Skip("c", SkipReason.CREDENTIAL)]
    assert explain_empty(locate(tmp_path), skips) == "There is nothing to search: 2 binary; 1 credential."


def test_an_empty_folder_is_called_empty(tmp_path: Path) -> None:
    assert why_empty(tmp_path) == f"{tmp_path.resolve()} holds no files."
    write(tmp_path, {"blank.py": ""})
    assert why_empty(tmp_path) == f"There is nothing to search: {tmp_path.resolve()} holds no text."
