"""How do contents that somebody sends become files of a branch?

They are checked and packed where they are submitted, written into a folder where a worker indexes them, and change the branch's list of
files path by path: what was not sent stays as it is, unless what was sent is all there is.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np

from codetriever.compression import compressed, decompressed
from codetriever.corpus.listing import Listing, Watch
from codetriever.corpus.read import climbs
from codetriever.errors import InvalidArguments, SourceRefused
from codetriever.indexing.plan import Plan, Wanted
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from codetriever.types import FileTable

_LONGEST_PATH, _LONGEST_NAME = 2000, 255  # bytes: what an index of the database, and a file system, takes
_IN_THE_WAY = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a job's contents come to: the size in bytes of each path that is there, and the paths that are gone."""

    sizes: dict[str, int]
    gone: frozenset[str]


def packed(files: Mapping[str, bytes | str | None], *, most_bytes: int) -> dict[bytes, bytes | None]:
    """Return contents as they are sent: paths as bytes, zstd frames, None for a file that is gone.

    Raises `InvalidArguments` for paths that cannot be, and `SourceRefused` when all together are more than `most_bytes`.
    """
    plain: dict[bytes, bytes | None] = {}
    total = 0
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        plain[checked_path(path)] = data
        total += len(data or b"") + len(path)
        if total > most_bytes:
            raise SourceRefused(f"The contents are more than {most_bytes:,} bytes.", hint="Send them in several parts, or name an address.")
    there = {path: data for path, data in plain.items() if data is not None}
    return dict.fromkeys(plain) | dict(zip(there, compressed(there.values()), strict=True))


def checked_path(path: str) -> bytes:
    """Return a path relative to the repository as bytes; raises `InvalidArguments` for one that leads out of it or cannot be a file."""
    parts = path.replace("\\", "/").split("/") if os.name == "nt" else path.split("/")
    why = ""
    if "\0" in path or any(part in ("", ".") for part in parts) or climbs(path) or (os.name == "nt" and ":" in path):
        why = "is not a path below the repository's root"
    elif any(part.lower() == ".git" for part in parts):
        why = "is where git keeps its own files"
    else:
        try:
            data = os.fsencode(path)
        except UnicodeEncodeError:
            why = "has characters that no path has"
        else:
            if len(data) <= _LONGEST_PATH and all(len(os.fsencode(part)) <= _LONGEST_NAME for part in parts):
                return data
            why = "is too long"
    raise InvalidArguments(f"{path[:200]!r} {why}.", hint="Paths are relative to the repository's root, with / between folders.")


def write_contents(contents: Iterable[tuple[bytes, bytes | None]], root: Path) -> Sent:
    """Write what was sent, the newest first, into a folder; of what names the same path, or a folder for a file, the newest holds."""
    sizes: dict[str, int] = {}
    gone: set[str] = set()
    for name, frame in contents:
        path = os.fsdecode(name)
        if path in sizes or path in gone:
            continue
        data = None if frame is None else decompressed(frame)
        if data is not None and _write(root / path, data):
            sizes[path] = len(data)
        else:
            gone.add(path)
    return Sent(sizes, frozenset(gone))


def _write(place: Path, data: bytes) -> bool:
    """Write a file unless a newer one is where its folder would be, or the other way round."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "xb") as file:
            file.write(data)
    except OSError as error:
        if error.errno not in _IN_THE_WAY:
            raise
        return False
    return True


def plan_contents(sent: Sent, previous: FileTable | None, *, replaces: bool) -> Plan:
    """Plan what turns a branch's list into one with what was sent: only that is read."""
    old = [] if previous is None or replaces else previous.paths
    stays = [row for row, path in enumerate(old) if path not in sent.sizes and path not in sent.gone]
    paths = sorted([*(old[row] for row in stays), *sent.sizes], key=os.fsencode)
    positions = {path: position for position, path in enumerate(paths)}
    kept = np.array([(positions[old[row]], row) for row in stays], np.int64).reshape(-1, 2)
    none = np.zeros((0, 3), np.int64)
    return Plan(
        listing=Listing(paths, [], "contents", "", Watch("contents", [], none, [], none)),
        listing_is_new=True,
        previous=previous,
        kept=kept,
        wanted=[Wanted(positions[path], path, sent.sizes[path]) for path in sorted(sent.sizes, key=os.fsencode)],
        vanished=[],
        removed=0 if previous is None else sum(path not in positions for path in previous.paths),
        stats=np.zeros((len(paths), 4), np.int64),
    )
