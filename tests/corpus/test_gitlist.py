from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from codetriever.corpus.gitlist import GitUnavailable, ask_git

from .conftest import Git, write

if TYPE_CHECKING:
    from pathlib import Path


def nothing() -> None:
    """Do nothing meanwhile."""


def test_tracked_and_untracked_files_and_submodules_are_told_apart(repository: Path, git: Git, tmp_path: Path) -> None:
    strange = "100644 a b\tc"
    write(repository, {strange: "", "new": "", "nested/a": ""})
    git(repository, "add", strange)
    git(repository, "init", "-q", "nested")
    done: list[int] = []
    found = ask_git(os.fsencode(repository), repository / ".git/index", lambda: done.append(1))
    assert (found.tracked, found.submodules, found.untracked) == ([strange.encode(), b"README.md", b"src/a.py"], [], [b"nested/", b"new"])
    assert done == [1]
    git(tmp_path, "clone", "-q", str(repository), "copy")
    git(repository, "submodule", "--quiet", "add", str(tmp_path / "copy"), "sub")
    found = ask_git(os.fsencode(repository), repository / ".git/index", nothing)
    assert found.tracked == [b".gitmodules", strange.encode(), b"README.md", b"src/a.py"]
    assert found.submodules == [b"sub"]


def test_an_empty_repository_lists_nothing(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q")
    assert ask_git(os.fsencode(tmp_path), tmp_path / ".git/index", nothing).tracked == []


def test_git_is_not_left_running(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path, {"git": f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 90\n"})
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    started = time.monotonic()

    def until_it_runs() -> None:
        while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()) and time.monotonic() - started < 30:
            time.sleep(0.01)

    with pytest.raises(GitUnavailable):
        ask_git(os.fsencode(repository), repository / ".git/index", until_it_runs, timeout_s=0.1)
    assert time.monotonic() - started < 60, "it would sleep for longer"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)

    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ask_git(os.fsencode(repository), repository / ".git/index", fail)
