"""Which files were listed, and is that list still what one would get now?

A list is kept together with a stamp (change times and inode) of every folder that was looked into and of every file that had a
say: rule files, git's configuration, git's index. A folder's stamp moves when an entry is added, removed or renamed, so while no
stamp moves the list is current, and checking that costs one `stat` per folder instead of a walk.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from codetriever.types import Skip, SkipReason
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RACY_NS = 2_000_000_000
"""What changed this shortly before it was looked at may change again without its times moving: file systems count in up to 2 s."""

_MAGIC = b"ctlist01"
_MISSING = (-1, -1, -1)
_UNTRUSTED = (0, 0, 0)

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Watch:
    """What a list depends on. Stamps are mtime, ctime (nanoseconds) and inode; zeros for what had changed too recently to tell."""

    options: str
    folders: Sequence[str]  # relative to the root, "" is the root
    folder_stamps: NDArray[np.int64]  # (folders, 3)
    inputs: Sequence[str]  # absolute
    input_stamps: NDArray[np.int64]  # (inputs, 3)


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a checkout: paths relative to its root, sorted by their bytes, some of which may have vanished by now.

    `method` is "git" or "walk"; `note` says why git was not asked, if it should have been.
    """

    paths: Sequence[str]
    skips: Sequence[Skip]
    method: str
    note: str
    watch: Watch

    def to_bytes(self) -> bytes:
        """Return the value as bytes, to be kept beside the view and passed as `previous` to the next listing."""
        watch = self.watch
        head = {
            "method": self.method,
            "note": self.note,
            "options": watch.options,
            "skips": [(skip.path, skip.reason.value, skip.detail) for skip in self.skips],
        }
        parts = [
            json.dumps(head).encode(),
            _join(self.paths),
            _join(watch.folders),
            watch.folder_stamps.astype("<i8").tobytes(),
            _join(watch.inputs),
            watch.input_stamps.astype("<i8").tobytes(),
        ]
        body = b"".join(struct.pack("<Q", len(part)) + part for part in parts)
        return _MAGIC + struct.pack("<I", zlib.crc32(body)) + body


def listing_from_bytes(data: bytes) -> Listing | None:
    """Read what `Listing.to_bytes` wrote; None when it is damaged or of another version."""
    if data[:8] != _MAGIC or len(data) < 12 or zlib.crc32(memoryview(data)[12:]) != struct.unpack_from("<I", data, 8)[0]:
        return None
    parts = []
    position = 12
    while position < len(data):
        (size,) = struct.unpack_from("<Q", data, position)
        parts.append(data[position + 8 : position + 8 + size])
        position += 8 + size
    head = json.loads(parts[0])
    return Listing(
        paths=_split(parts[1]),
        skips=[Skip(path, SkipReason(reason), detail) for path, reason, detail in head["skips"]],
        method=head["method"],
        note=head["note"],
        watch=Watch(
            options=head["options"],
            folders=_split(parts[2]),
            folder_stamps=np.frombuffer(parts[3], "<i8").astype(np.int64).reshape(-1, 3),
            inputs=_split(parts[4]),
            input_stamps=np.frombuffer(parts[5], "<i8").astype(np.int64).reshape(-1, 3),
        ),
    )


def is_current(root: str, watch: Watch) -> bool:
    """Say whether nothing that the list depends on has changed."""
    return _unchanged([os.path.join(root, folder) for folder in watch.folders], watch.folder_stamps) and _unchanged(  # noqa: PTH118
        watch.inputs, watch.input_stamps
    )


def read_stamp(path: str | bytes) -> Stamp:
    """Return the stamp of a file or folder as it is now."""
    try:
        status = os.stat(path)  # noqa: PTH116 (text or bytes)
    except (OSError, ValueError):
        return _MISSING
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino & 0x7FFF_FFFF_FFFF_FFFF


def trusted(stamps: Sequence[Stamp], started_ns: int) -> NDArray[np.int64]:
    """Return stamps as an array; those that moved less than `RACY_NS` before the listing started, or later, become zeros."""
    limit = started_ns - RACY_NS
    return np.array([_UNTRUSTED if max(one[:2]) >= limit else one for one in stamps], np.int64).reshape(-1, 3)


def _unchanged(paths: Sequence[str], stamps: NDArray[np.int64]) -> bool:
    return all(read_stamp(path) == tuple(stamp) != _UNTRUSTED for path, stamp in zip(paths, stamps.tolist(), strict=True))


def _join(paths: Sequence[str]) -> bytes:
    """Every path is followed by a NUL, so that no paths and one empty path differ."""
    return os.fsencode("\0".join([*paths, ""]))


def _split(data: bytes) -> list[str]:
    return os.fsdecode(data).split("\0")[:-1]
