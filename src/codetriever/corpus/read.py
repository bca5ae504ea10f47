"""What are this file's bytes? Or why are they not read?"""

from __future__ import annotations

import errno
import hashlib
import os
import stat as mode_of
import time
from typing import TYPE_CHECKING

from codetriever.corpus.changes import UNKNOWN, Stats, stats_of
from codetriever.corpus.credentials import is_credential_content, is_credential_name
from codetriever.corpus.listing import RACY_NS
from codetriever.corpus.text import is_binary
from codetriever.types import Skip, SkipReason
from codetriever.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK_BYTES = 1 << 20
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes. `digest` is their SHA-256; `stats` recognise the file (see `changes.Stats`), zeros when it could lie."""

    path: str
    data: bytes
    digest: bytes
    stats: Stats


def read_file(root: Path, path: str, *, max_bytes: int) -> Content | Skip:
    """Read a file below `root`; a file that is not to be indexed, or cannot be read, becomes a skip. Never raises `OSError`.

    A link is followed when it stays below the root. Nothing but regular files is read, and nothing blocks.
    """
    if is_credential_name(path):
        return Skip(path, SkipReason.CREDENTIAL, "named like a credential file")
    location = resolve(root, path)
    if location is None:
        return Skip(path, SkipReason.OUTSIDE_ROOT)
    if location != os.path.join(root, path) and is_credential_name(os.path.relpath(location, root)):  # noqa: PTH118
        return Skip(path, SkipReason.CREDENTIAL, "links to a file named like a credential file")
    started_ns = time.time_ns()
    try:
        read = _read_regular(location, max_bytes)
    except OSError as error:
        return _skip_of(path, error)
    if isinstance(read, tuple):
        data, stats = read
    else:
        return Skip(path, read, f"more than {max_bytes} bytes" if read is SkipReason.TOO_LARGE else "")
    if is_binary(data):
        return Skip(path, SkipReason.BINARY)
    if is_credential_content(path, data):
        return Skip(path, SkipReason.CREDENTIAL, "holds a key or a password")
    trusted = max(stats[1], stats[2]) < started_ns - RACY_NS
    return Content(path, data, hashlib.sha256(data).digest(), stats if trusted else UNKNOWN)


def resolve(root: Path, path: str) -> str | None:
    """Return where a path below `root` leads, links followed, or None when that is not below the root.

    Absolute paths, what `climbs`, and NUL are refused. `root` itself is free of links.
    """
    if not path or path.startswith("/") or "\0" in path or os.path.isabs(path) or climbs(path):  # noqa: PTH117
        return None
    base = str(root)
    location = os.path.join(base, path)  # noqa: PTH118
    step = len(os.path.join(base, ""))  # noqa: PTH118
    while step > 0:
        following = location.find("/", step)
        if os.path.islink(location if following < 0 else location[:following]):  # noqa: PTH114
            real = os.path.realpath(location)
            return real if real.startswith(os.path.join(os.path.realpath(base), "")) else None  # noqa: PTH118
        step = following + 1
    return location


def climbs(path: str) -> bool:
    """Whether a path has a step upwards, with either separator: an index may be read on another system than the one that made it."""
    return ".." in path.replace("\\", "/").split("/")


def _read_regular(location: str, max_bytes: int) -> tuple[bytes, Stats] | SkipReason:
    """Read a regular file whole; its stats are zeros when it changed meanwhile."""
    descriptor = os.open(location, _OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0))
    with open(descriptor, "rb", buffering=0) as file:
        before = os.fstat(descriptor)
        if not mode_of.S_ISREG(before.st_mode):
            return SkipReason.NOT_REGULAR
        if before.st_size > max_bytes:
            return SkipReason.TOO_LARGE
        blocks = []
        size = 0
        while block := file.read(max(before.st_size - size, 0) + 1 if size <= before.st_size else _BLOCK_BYTES):
            blocks.append(block)
            size += len(block)
            if size > max_bytes:
                return SkipReason.TOO_LARGE
        after = os.fstat(descriptor)
    numbers = stats_of(after)
    data = blocks[0] if len(blocks) == 1 else b"".join(blocks)
    return data, numbers if stats_of(before) == numbers and size == after.st_size else UNKNOWN


def _skip_of(path: str, error: OSError) -> Skip:
    if error.errno in (errno.EISDIR, errno.ENXIO):
        return Skip(path, SkipReason.NOT_REGULAR)
    if error.errno == errno.ELOOP:
        return Skip(path, SkipReason.NOT_REGULAR, "a link that leads in a circle")
    return Skip(path, SkipReason.UNREADABLE, error.strerror or type(error).__name__)
