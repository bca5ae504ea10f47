"""What would grep print for these words? The real one is asked: git's where the folder is a repository, else the system's."""

from __future__ import annotations

import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Final

from codetriever.corpus.gitlist import git_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_READ_BYTES: Final = 1 << 16
_LONGEST_WORD: Final = 200
_GIT_GREP: Final = ("git", "-c", "core.fsmonitor=false", "-c", "grep.fallbackToNoIndex=false", "grep", "--untracked", "--no-color")
_GREP: Final = ("grep", "-r", "--exclude-dir=.git")


def grepped_bytes(root: Path, words: Sequence[str], *, most: int, timeout_s: float) -> int | None:
    """Return the bytes of `path:line:text` of every line below `root` with any of these words in either case, at most `most`.

    None says that there is no grep here, or that it failed or took too long. It runs with the least priority.
    """
    program = _GIT_GREP if (root / ".git").exists() else _GREP
    if shutil.which(program[0]) is None:
        return None
    patterns = [part for word in words for part in ("-e", word[:_LONGEST_WORD])]
    politely = ("nice", "-n", "19") if shutil.which("nice") else ()
    command = [*politely, *program, "-I", "-n", "-i", "-F", *patterns, "--", "."]
    try:
        grep = subprocess.Popen(
            command, cwd=root, env=git_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    assert grep.stdout is not None
    late = threading.Timer(timeout_s, grep.kill)
    late.start()
    try:
        count = 0
        while count < most and (read := grep.stdout.read(_READ_BYTES)):
            count += len(read)
        if count >= most:
            return most
        return count if grep.wait() in (0, 1) else None
    finally:
        late.cancel()
        grep.kill()
        grep.wait()
        grep.stdout.close()
