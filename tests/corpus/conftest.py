"""A real git, with none of the machine's own settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Git = Callable[..., str]
_NOBODY = 65534


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, so that git and we read the same settings: none but a test's."""
    home = tmp_path_factory.mktemp("home")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "XDG_CONFIG_HOME", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
    return home


@pytest.fixture
def git() -> Git:
    def run(folder: Path, *arguments: str) -> str:
        command = ["git", "-C", str(folder), "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()

    return run


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    """A repository with one commit."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    write(root, {"src/a.py": "a = 1\n", "README.md": "# Title\n"})
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "First")
    return root


@pytest.fixture
def unprivileged(tmp_path: Path, repository: Path) -> Iterator[None]:
    """Somebody whom permissions bind, and whose the repository is, even when the tests are run by root."""
    if os.geteuid() != 0:
        yield
        return
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    for file in (tmp_path, repository, *repository.rglob("*")):
        os.chown(file, _NOBODY, -1, follow_symlinks=False)
    os.seteuid(_NOBODY)
    yield
    os.seteuid(0)


def write(root: Path, contents: dict[str, str | bytes]) -> None:
    """Write files, and their folders."""
    for path, content in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
