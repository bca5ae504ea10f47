"""Our ignore rules and lists against those of the installed git, over random rules and trees."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from codetriever.corpus.changes import detect
from codetriever.corpus.git import locate
from codetriever.corpus.gitindex import read_index
from codetriever.corpus.listing import listing_from_bytes
from codetriever.corpus.rules import is_ignored, parse_rules
from codetriever.corpus.walk import list_files

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "a",
    "b",
    "ab",
    "abc",
    "a.o",
    "b.c",
    "A",
    "a b",
    "a ",
    "[a]",
    "!a",
    "#a",
    "a*b",
    "\\a",
    "é",
    "-",
    "]",
    "a-c",
    "foo",
    "foobar",
    "build",
)
FOLDERS = ("a", "b", "foo", "foobar", "build", "x y", "é")

settings.register_profile("git", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
GIT = settings.get_profile("git")

patterns = st.one_of(
    st.text(alphabet="ab/*?[]!\\#-^ .oé", min_size=1, max_size=8),
    st.lists(
        st.sampled_from(
            [
                "a",
                "b",
                "foo",
                "bar",
                "*",
                "**",
                "?",
                "/",
                "**/",
                "/**",
                "[a-c]",
                "[!a]",
                "[[:alpha:]]",
                "[]-]",
                "\\*",
                ".o",
                "!",
                " ",
                "\\ ",
            ]
        ),
        min_size=1,
        max_size=5,
    ).map("".join),
)
rule_files = st.lists(patterns, max_size=5).map("\n".join)


def git(*arguments: str, folder: Path, stdin: bytes = b"") -> bytes:
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    return subprocess.run(["git", "-C", str(folder), *arguments], input=stdin, capture_output=True, check=True, env=environment).stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    git("init", "-q", folder=root)
    folders = ("", *(f"{one}/" for one in FOLDERS), *(f"{one}/{two}/" for one in FOLDERS[:4] for two in FOLDERS[:4]), "a/b/foo/a/")
    for folder in folders:
        (root / folder).mkdir(exist_ok=True, parents=True)
    for folder in folders:
        for name in NAMES:
            if not (root / folder / name).exists():
                (root / folder / name).write_text("x")
    return root


def scan(root: Path, data: bytes) -> list[bytes]:
    chain = (parse_rules(data),)
    found: list[bytes] = []
    stack = [b""]
    while stack:
        folder = stack.pop()
        for entry in os.scandir(os.fsencode(root) + b"/" + folder):
            if entry.name == b".git" or is_ignored(chain, folder, entry.name, entry.is_dir()):
                continue
            if entry.is_dir():
                stack.append(folder + entry.name + b"/")
            else:
                found.append(folder + entry.name)
    return sorted(found)


@settings(GIT, max_examples=250)
@example("/foo**")
@example("foo**/a")
@example("/foo**/a")
@example("*\n!/a/")
@example("a\\ \n\\a")
@example("[[:alpha:]\n[[:nope:]]a")
@example("**/\n!**/foo")
@example("a/**/b\n!a/foo/b")
@example("\ufeffa")
@example("a\r\n!a\r")
@example("!\n/\n//\n!/")
@given(rule_files)
def test_rules_ignore_what_git_ignores(tree: Path, rules: str) -> None:
    data = rules.encode()
    file = tree.parent / "rules"
    file.write_bytes(data)
    listed = git("ls-files", "-z", "-o", f"--exclude-from={file}", folder=tree)
    assert scan(tree, data) == sorted(listed.split(b"\0")[:-1])


@settings(GIT, max_examples=300)
@given(st.lists(st.binary(max_size=12), max_size=4).map(b"\n".join))
def test_any_bytes_are_rules(data: bytes) -> None:
    is_ignored((parse_rules(data),), b"a/", b"b", False)


files = st.lists(st.sampled_from((*NAMES, ".a", ".git2", "a.o")), max_size=4, unique=True)
folder_paths = st.lists(st.lists(st.sampled_from((*FOLDERS, ".hid")), min_size=1, max_size=3).map("/".join), max_size=5, unique=True)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    """Paths and contents; rule files at several depths."""
    contents: dict[str, str] = {}
    for folder in ["", *draw(folder_paths)]:
        prefix = folder and folder + "/"
        for name in draw(files):
            contents[prefix + name] = "x"
        if draw(st.booleans()):
            contents[prefix + ".gitignore"] = draw(rule_files)
        if draw(st.integers(0, 9)) == 0:
            contents[prefix + ".codetrieverignore"] = draw(rule_files)
    return contents


def build(root: Path, contents: dict[str, str]) -> None:
    for path, text in contents.items():
        file = root / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.is_dir():
                file.write_text(text)
        except (FileExistsError, NotADirectoryError):
            pass


@settings(GIT, max_examples=60)
@given(
    contents=trees(),
    tracked=st.lists(st.integers(0, 30), max_size=4),
    exclude=rule_files,
    version=st.sampled_from("234"),
    hidden=st.booleans(),
)
def test_lists_are_the_same_with_and_without_git(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, str], tracked: list[int], exclude: str, version: str, hidden: bool
) -> None:
    root = tmp_path_factory.mktemp("repository")
    git("init", "-q", folder=root)
    git("config", "index.version", version, folder=root)
    build(root, contents)
    present = sorted(path for path in contents if (root / path).is_file())
    chosen = [present[at % len(present)] for at in tracked] if present else []
    if chosen:
        git("update-index", "--add", "-z", "--stdin", folder=root, stdin="\0".join(chosen).encode() + b"\0")
    (root / ".git/info/exclude").write_text(exclude)

    checkout = locate(root)
    by_git = list_files(checkout, hidden=hidden)
    by_walk = list_files(checkout, hidden=hidden, use_git=False)
    assert (by_git.method, by_git.note) == ("git", "")
    assert by_walk.method == "walk"
    assert list(by_walk.paths) == list(by_git.paths)
    assert by_walk.watch.folders == by_git.watch.folders
    assert sorted(os.fsencode(path) for path in by_git.paths) == [os.fsencode(path) for path in by_git.paths]
    expected = set(git("ls-files", "-z", "-co", "--exclude-standard", folder=root).decode().split("\0")[:-1])
    if hidden and not any(path.endswith(".codetrieverignore") for path in contents):
        assert set(by_git.paths) == expected
    assert set(by_git.paths) <= expected
    assert read_index(root / ".git/index").files == tuple(sorted({os.fsencode(path) for path in chosen}))
    assert detect(checkout, by_git, None).to_read == list(by_git.paths)
    assert listing_from_bytes(by_git.to_bytes()) is not None
