"""Which files does git track? The index file, read without git (gitformat-index, versions 2, 3 and 4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from codetriever.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER_MODE = 0o040000
_GITLINK_MODE = 0o160000
_EXTENDED = 0x4000
_NAME_LENGTH = 0x0FFF


class IndexUnreadable(Exception):
    """The index is damaged, or of a format that is not known."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """Tracked paths, sorted, and the folders that are submodules."""

    files: tuple[bytes, ...]
    submodules: tuple[bytes, ...]


def read_index(path: Path, *, hash_bytes: int = 20) -> Tracked:
    """Read a repository's index; a missing one tracks nothing. Raises `IndexUnreadable`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Tracked((), ())
    except OSError as error:
        raise IndexUnreadable(str(error)) from error
    try:
        entries, end = _entries(data, hash_bytes)
        shared = _shared_index(data, end, hash_bytes)
    except (struct.error, IndexError, ValueError) as error:
        raise IndexUnreadable(f"{path} is damaged") from error
    if shared is not None:
        base = read_index(path.with_name(f"sharedindex.{shared}"), hash_bytes=hash_bytes)
        entries += [(name, 0) for name in base.files] + [(name, _GITLINK_MODE) for name in base.submodules]
    files = {name for name, mode in entries if mode not in (_GITLINK_MODE, _FOLDER_MODE) and name}
    submodules = {name for name, mode in entries if mode == _GITLINK_MODE and name}
    return Tracked(tuple(sorted(files)), tuple(sorted(submodules)))


def _entries(data: bytes, hash_bytes: int) -> tuple[list[tuple[bytes, int]], int]:
    signature, version, count = struct.unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("unknown index format")
    entries = []
    position, name = 12, b""
    flags_at = 40 + hash_bytes
    for _ in range(count):
        mode = data[position + 26] << 8 | data[position + 27]
        flags = data[position + flags_at] << 8 | data[position + flags_at + 1]
        start = position + flags_at + (4 if flags & _EXTENDED else 2)
        if version == 4:
            strip, start = _varint(data, start)
            end = data.index(b"\0", start)
            name = name[: len(name) - strip] + data[start:end]
            position = end + 1
        else:
            length = flags & _NAME_LENGTH
            end = start + length if length < _NAME_LENGTH else data.index(b"\0", start)
            name = data[start:end]
            position += (end - position + 8) & ~7
        entries.append((name, mode & 0o170000))
    return entries, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Decode git's offset varint, whose continuation adds one per byte."""
    byte = data[position]
    position += 1
    value = byte & 0x7F
    while byte & 0x80:
        byte = data[position]
        position += 1
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, position


def _shared_index(data: bytes, position: int, hash_bytes: int) -> str | None:
    """Return the name of the shared index that a split index builds on."""
    while position + 8 <= len(data) - hash_bytes:
        signature, size = struct.unpack_from(">4sI", data, position)
        if signature == b"link":
            return data[position + 8 : position + 8 + hash_bytes].hex()
        position += 8 + size
    return None
