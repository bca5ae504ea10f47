"""Our ignore rules and lists against those of the installed git, over random rules and trees."""

from __future__ import annotations

import os
import subprocess
import time
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
    from collections.abc import Iterator
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
    st.text(alphabet="aAbB/*?[]!\\#-^ .oé", min_size=1, max_size=8),
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
        max_size=7,
    ).map("".join),
)
rule_files = st.lists(patterns, max_size=5).map("\n".join)


def git(*arguments: str, folder: Path, stdin: bytes = b"") -> bytes:
    return subprocess.run(["git", "-C", str(folder), *arguments], input=stdin, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
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


def scan(root: Path, data: bytes, fold: bool) -> list[bytes]:
    chain = (parse_rules(data, ignore_case=fold),)
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


@settings(GIT, max_examples=150)
@example(rules="/foo**", fold=False)
@example(rules="foo**/a", fold=False)
@example(rules="/foo**/a", fold=False)
@example(rules="*\n!/a/", fold=False)
@example(rules="a\\ \n\\a", fold=False)
@example(rules="[[:alpha:]\n[[:nope:]]a", fold=False)
@example(rules="**/\n!**/foo", fold=False)
@example(rules="*a*b*\n**/a/**/b\nf*o*b*r/**/a*", fold=False)
@example(rules="a/**/b\n!a/foo/b", fold=False)
@example(rules="\ufeffa", fold=False)
@example(rules="a\r\n!a\r", fold=False)
@example(rules="!\n/\n//\n!/", fold=False)
@example(rules="[A-B]\n[!a]\n\\A\n*[[:upper:]]", fold=True)
@given(rules=rule_files, fold=st.booleans())
def test_rules_ignore_what_git_ignores(tree: Path, rules: str, fold: bool) -> None:
    data = rules.encode()
    file = tree.parent / "rules"
    file.write_bytes(data)
    listed = git("-c", f"core.ignoreCase={fold}", "ls-files", "-z", "-o", f"--exclude-from={file}", folder=tree)
    assert scan(tree, data, fold) == sorted(listed.split(b"\0")[:-1])


@settings(GIT, max_examples=300)
@given(st.lists(st.binary(max_size=12), max_size=4).map(b"\n".join))
def test_any_bytes_are_rules(data: bytes) -> None:
    is_ignored((parse_rules(data),), b"a/", b"b", False)


@pytest.mark.parametrize(
    "rules", [b"*a*a*a*a*a*a*a*a*b", b"**/a/**/a/**/a/**/a/**/a/**/b", b"/a*a*a*a*/**/*a*a*a*a*c", b"a*" * 200 + b"/b", b"[a-" * 99]
)
def test_no_rule_takes_long(rules: bytes) -> None:
    started = time.perf_counter()
    assert not is_ignored((parse_rules(rules),), b"a/" * 300, b"a" * 255, False)
    assert time.perf_counter() - started < 1


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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of its own, for git and for us."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GIT_CONFIG_GLOBAL", "XDG_CONFIG_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("HOME", str(home))
        (home / ".config/git").mkdir(parents=True)
        yield home


def start_repository(folder: Path) -> None:
    """Make the least that git takes for a repository; starting git takes longer."""
    try:
        for part in ("objects", "refs"):
            (folder / ".git" / part).mkdir(parents=True, exist_ok=True)
        (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    except (FileExistsError, NotADirectoryError):
        pass


@settings(GIT, max_examples=50)
@given(
    contents=trees(),
    tracked=st.lists(st.integers(0, 30), max_size=4),
    rules=st.tuples(rule_files, rule_files),
    nested=st.lists(st.sampled_from(["a", "a/b", "foo", "build/a", ".hid", "b/foo/a"]), max_size=2),
    config=st.tuples(st.sampled_from("234"), st.booleans()),
    hidden=st.booleans(),
)
def test_lists_are_the_same_with_and_without_git(
    tmp_path_factory: pytest.TempPathFactory,
    home: Path,
    contents: dict[str, str],
    tracked: list[int],
    rules: tuple[str, str],
    nested: list[str],
    config: tuple[str, bool],
    hidden: bool,
) -> None:
    root = tmp_path_factory.mktemp("repository")
    start_repository(root)
    (root / ".git/config").write_text(f"[index]\nversion = {config[0]}\n[core]\nignoreCase = {str(config[1]).lower()}\n")
    build(root, contents)
    present = sorted(path for path in contents if (root / path).is_file())
    chosen = [present[at % len(present)] for at in tracked] if present else []
    if chosen:
        git("update-index", "--add", "-z", "--stdin", folder=root, stdin="\0".join(chosen).encode() + b"\0")
    for folder in nested:
        start_repository(root / folder)
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/exclude").write_text(rules[0])
    (home / ".config/git/ignore").write_text(rules[1])

    checkout = locate(root)
    by_git = list_files(checkout, hidden=hidden)
    by_walk = list_files(checkout, hidden=hidden, use_git=False)
    assert by_git.note == ""
    assert list(by_walk.paths) == list(by_git.paths)
    assert sorted(by_walk.watch.folders) == sorted(by_git.watch.folders)
    assert sorted(os.fsencode(path) for path in by_git.paths) == [os.fsencode(path) for path in by_git.paths]
    assert read_index(root / ".git/index").files == tuple(sorted({os.fsencode(path) for path in chosen}))
    assert detect(checkout, by_git, None).to_read == list(by_git.paths)
    assert listing_from_bytes(by_git.to_bytes()) is not None
    expected = {
        path for path in git("ls-files", "-z", "-co", "--exclude-standard", folder=root).decode().split("\0")[:-1] if path[-1:] != "/"
    }
    outer = {path for path in by_git.paths if path in expected or not any(path.startswith(folder + "/") for folder in nested)}
    assert outer <= expected
    if hidden and not any(path.endswith(".codetrieverignore") for path in contents):
        assert outer == expected
