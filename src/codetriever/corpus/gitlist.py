"""Which files would git list? Asked of git itself, while the caller does something else."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING

from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TIMEOUT_S = 60.0
_GITLINK = b"160000 "
_INDEX_GITLINK_MODE = b"\0\0\xe0\0"
_SHARED_INDEX = b"link\0"
# A hook or an alias runs us with these set, for its own repository.
_FOREIGN_VARIABLES = frozenset(
    {
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_INDEX_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_WORK_TREE",
    }
)


class GitUnavailable(Exception):
    """Git is missing, refuses the repository or fails; the message is for people."""


@dataclass(frozen=True, slots=True)
class GitList:
    """Paths below the root, in git's order. `nested` are submodules and `untracked` may end in `/` for repositories in the tree."""

    tracked: list[bytes]
    submodules: list[bytes]
    untracked: list[bytes]


def ask_git(root: bytes, index: Path, meanwhile: Callable[[], None], *, timeout_s: float = TIMEOUT_S) -> GitList:
    """Return what `git ls-files` lists below `root`; `meanwhile` runs at the same time. Raises `GitUnavailable`."""
    with_modes = _may_have_submodules(index)
    command = ["git", "-C", os.fsdecode(root), "-c", "core.fsmonitor=false", "ls-files", "-z", "-t", "-co", "--exclude-standard"]
    try:
        git = subprocess.Popen(
            [*command, *(["-s"] if with_modes else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=git_environment(),
        )
    except OSError as error:
        raise GitUnavailable(f"git could not be started ({error.strerror}): files were listed without it") from error
    outputs: list[bytes] = []
    reader = threading.Thread(target=lambda: outputs.extend(git.communicate()), daemon=True)
    reader.start()
    try:
        meanwhile()
        reader.join(timeout_s)
    finally:
        git.kill()
        reader.join()
    complaint = outputs[1].decode("utf-8", "replace").strip()
    if git.returncode != 0 or complaint:
        reason = complaint.splitlines()[0] if complaint else f"it ended with {git.returncode}"
        raise GitUnavailable(f"git could not list the files ({reason}): they were listed without it")
    return _parse(outputs[0], with_modes)


def git_environment() -> dict[str, str]:
    """Return the environment for a git that reads a repository: no locks, no language, nothing that names another repository."""
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN_VARIABLES}
    return environment | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _may_have_submodules(index: Path) -> bool:
    """Look for the mode of submodules anywhere in the index; asking git for modes takes twice as long."""
    try:
        data = index.read_bytes()
    except OSError:
        return False
    return _INDEX_GITLINK_MODE in data or _SHARED_INDEX in data


def _parse(output: bytes, with_modes: bool) -> GitList:
    """Read records `tag path`, or `tag mode name stage<tab>path` of tracked files; the tag of untracked ones is `?`."""
    found = GitList([], [], [])
    for record in output.split(b"\0"):
        tag, _, path = record.partition(b" ")
        if tag == b"?":
            found.untracked.append(path)
        elif not with_modes:
            found.tracked.append(path)
        else:
            mode, _, name = path.partition(b"\t")
            (found.submodules if mode.startswith(_GITLINK) else found.tracked).append(name)
    found.tracked.remove(b"")  # what follows the last NUL
    return found
