"""How do arrays lie in an immutable file?

A file is a magic number, sections aligned to 64 bytes, a table in JSON that names them, and a trailer that locates the table. The
table comes last, so that a file can be written as a stream. Opening checks the trailer, the table's checksum and the file's
size; `Sections.verify` checks every section.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from bisect import bisect_left
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.errors import StoreDamaged
from codetriever.system import PRIVATE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

MAGIC = b"codetrv1"
ALIGNMENT = 64
TRAILER = struct.Struct("<QII8s")  # offset, length and checksum of the table, magic
REBUILD = "Remove the index and build it again."
_BLOCK_BYTES = 1 << 22
_STRINGS_AT_ONCE = 10_000
_SEARCH_BYTES = 1 << 20


class SectionWriter:
    """Writes one file that must not exist yet; `finish` makes it durable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.folder = path.parent
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), PRIVATE_FILE)
        self._file = os.fdopen(descriptor, "w+b", buffering=1 << 18)
        self._file.write(MAGIC)
        self._offset = len(MAGIC)
        self._table: list[dict[str, Any]] = []

    def begin(self, name: str, dtype: DTypeLike, *row_shape: int) -> None:
        """Open a section; rows follow by `write` until the next section begins."""
        padding = -self._offset % ALIGNMENT
        self._file.write(bytes(padding))
        self._offset += padding
        dtype = np.dtype(dtype).newbyteorder("<")
        self._table.append({"name": name, "dtype": dtype.str, "row": list(row_shape), "at": self._offset, "bytes": 0, "crc": 0})

    def write(self, rows: NDArray[Any] | bytes) -> None:
        """Append to the open section."""
        section = self._table[-1]
        data = rows if isinstance(rows, bytes) else np.ascontiguousarray(rows, dtype=section["dtype"]).reshape(-1).view(np.uint8).data
        self._file.write(data)
        section["crc"] = zlib.crc32(data, section["crc"])
        section["bytes"] += len(data)
        self._offset += len(data)

    def put(self, name: str, array: NDArray[Any]) -> None:
        """Write a whole section."""
        self.begin(name, array.dtype, *array.shape[1:])
        self.write(array)

    def copy(self, spool: Spool) -> None:
        """Append what a spool holds to the open section, and end the spool."""
        with spool.file as file:
            file.seek(0)
            while block := file.read(_BLOCK_BYTES):
                self.write(block)

    def put_strings(self, name: str, strings: Iterable[bytes]) -> None:
        """Write a string table: `name.data` and `name.offsets`."""
        self.begin(name + ".data", np.uint8)
        lengths = [np.zeros(1, np.int64)]
        strings = iter(strings)
        while block := list(islice(strings, _STRINGS_AT_ONCE)):
            self.write(b"".join(block))
            lengths.append(np.fromiter(map(len, block), np.int64, len(block)))
        self.put(name + ".offsets", narrowed(np.cumsum(np.concatenate(lengths))))

    def finish(self, **attributes: Any) -> None:
        """Write the table and make the file durable."""
        table = json.dumps({"sections": self._table, "attributes": attributes}).encode()
        self._file.write(table)
        self._file.write(TRAILER.pack(self._offset, len(table), zlib.crc32(table), MAGIC))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Close and delete the unfinished file."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class Spool:
    """Bytes that wait in an unnamed file until their section is written."""

    def __init__(self, folder: Path) -> None:
        import tempfile

        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 -- closed by whoever copies it

    def write(self, rows: NDArray[Any] | bytes) -> None:
        """Append the rows as they are."""
        self.file.write(rows if isinstance(rows, bytes) else np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)


class Sections:
    """A finished file, memory-mapped."""

    __slots__ = ("_arrays", "_map", "_table", "attributes", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise damaged(path, "it is empty") from None
        table = self._read_table()
        self._table: dict[str, dict[str, Any]] = {section["name"]: section for section in table["sections"]}
        self.attributes: dict[str, Any] = table["attributes"]
        self._arrays: dict[str, NDArray[Any]] = {}

    def _read_table(self) -> dict[str, Any]:
        size = len(self._map)
        if size < len(MAGIC) + TRAILER.size or self._map[: len(MAGIC)] != MAGIC:
            raise damaged(self.path, "it is too short or not a file of the store")
        offset, length, checksum, magic = TRAILER.unpack(self._map[size - TRAILER.size :])
        if magic != MAGIC or offset + length + TRAILER.size != size:
            raise damaged(self.path, "its end is missing")
        text = self._map[offset : offset + length]
        if zlib.crc32(text) != checksum:
            raise damaged(self.path, "its table is corrupt")
        table: dict[str, Any] = json.loads(text)
        return table

    def array(self, name: str) -> NDArray[Any]:
        """Return a section as a read-only array that maps the file."""
        found = self._arrays.get(name)
        if found is None:
            found = self._arrays[name] = self._map_array(name)
        return found

    def _map_array(self, name: str) -> NDArray[Any]:
        section = self._section(name)
        dtype = np.dtype(section["dtype"])
        count = section["bytes"] // dtype.itemsize
        if not count:
            return np.empty((0, *section["row"]), dtype)
        flat = np.frombuffer(self._map, dtype, count, section["at"])
        return flat.reshape(-1, *section["row"]) if section["row"] else flat

    def strings(self, name: str) -> StringTable:
        """Return a string table."""
        return StringTable(self._map, self._section(name + ".data")["at"], self.array(name + ".offsets"))

    def raw(self, name: str) -> bytes:
        """Return a copy of a section's bytes."""
        section = self._section(name)
        return self._map[section["at"] : section["at"] + section["bytes"]]

    def release(self, name: str = "") -> None:
        """Let the system forget which pages of a section, or of all, this process has touched; they are mapped again when needed."""
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        if not name:
            self._map.madvise(mmap.MADV_DONTNEED)
            return
        section = self._section(name)
        _release(self._map, section["at"], section["at"] + section["bytes"])

    def _section(self, name: str) -> dict[str, Any]:
        try:
            return self._table[name]
        except KeyError:
            raise damaged(self.path, f"it has no section {name!r}") from None

    def verify(self) -> None:
        """Read everything and compare checksums; raises `StoreDamaged`."""
        for name, section in self._table.items():
            checksum = 0
            end = section["at"] + section["bytes"]
            for start in range(section["at"], end, _BLOCK_BYTES):
                checksum = zlib.crc32(self._map[start : min(end, start + _BLOCK_BYTES)], checksum)
            if checksum != section["crc"]:
                raise damaged(self.path, f"section {name!r} is corrupt")


class StringTable:
    """Strings one after the other in a mapped file; tables that are searched hold them in the order of their bytes."""

    __slots__ = ("_at", "_bounds", "_map", "_offsets")

    def __init__(self, mapped: mmap.mmap, at: int, offsets: NDArray[Any]) -> None:
        self._map, self._at, self._offsets = mapped, at, offsets
        self._bounds = offsets.astype(offsets.dtype.newbyteorder("="), copy=False).data  # gives single numbers faster than the array

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @property
    def data_bytes(self) -> int:
        """The length of all strings together."""
        return int(self._offsets[-1])

    def raw(self, index: int) -> bytes:
        """Return one string's bytes."""
        return self._map[self._at + self._bounds[index] : self._at + self._bounds[index + 1]]

    def text(self, index: int) -> str:
        """Return one string."""
        return self.raw(index).decode("utf-8", "surrogatepass")

    def texts(self, indexes: NDArray[Any]) -> list[str]:
        """Return several strings in the order asked."""
        starts, ends = self._offsets[indexes].tolist(), self._offsets[indexes.astype(np.int64) + 1].tolist()
        at, mapped = self._at, self._map
        return [mapped[at + start : at + end].decode("utf-8", "surrogatepass") for start, end in zip(starts, ends, strict=True)]

    def block(self, start: int, end: int) -> list[bytes]:
        """Return the bytes of the strings `start..end-1`."""
        bounds = self._offsets[start : end + 1].astype(np.int64)
        if len(bounds) < 2:
            return []
        data = self._map[self._at + int(bounds[0]) : self._at + int(bounds[-1])]
        cuts = (bounds - bounds[0]).tolist()
        return [data[a:b] for a, b in pairwise(cuts)]

    def containing(self, part: bytes) -> Iterator[bytes]:
        """Yield the strings that hold `part` anywhere, in order; nothing is in each of them.

        What was read is let go of again: of a large repository it is a hundred megabytes. So the strings are taken from the copy: each
        that was read from the map anew would bring sixteen pages back.
        """
        # Copied in blocks of whole strings: searching bytes is ten times as fast as searching a map.
        cuts = np.searchsorted(self._offsets, np.arange(0, self.data_bytes + _SEARCH_BYTES, _SEARCH_BYTES)).tolist()
        for first, last in pairwise([0, *(min(cut, len(self)) for cut in cuts[1:])]):
            bounds = self._offsets[first : last + 1].astype(np.int64)
            start, end = self._at + int(bounds[0]), self._at + int(bounds[-1])
            data = self._map[start:end]
            _release(self._map, start, end)
            bounds -= bounds[0]
            found = data.find(part)
            while 0 <= found < len(data):
                position = int(np.searchsorted(bounds, found, side="right")) - 1
                string_end = int(bounds[position + 1])
                inside = found + len(part) <= string_end
                if inside:
                    yield data[int(bounds[position]) : string_end]
                found = data.find(part, string_end if inside else found + 1)

    def lower_bound(self, key: bytes) -> int:
        """Return the first position whose string is not smaller than `key`."""
        return bisect_left(range(len(self)), key, key=self.raw)

    def find(self, key: bytes) -> int:
        """Return the position of `key`, or -1."""
        position = self.lower_bound(key)
        return position if position < len(self) and self.raw(position) == key else -1


def _release(mapped: mmap.mmap, start: int, end: int) -> None:
    """Let the system forget that this process has touched these bytes of a file; they are mapped again when needed."""
    if hasattr(mmap, "MADV_DONTNEED") and end > start:
        start = start // mmap.PAGESIZE * mmap.PAGESIZE
        mapped.madvise(mmap.MADV_DONTNEED, start, end - start)


def encoded(text: str) -> bytes:
    """Return the bytes under which a string table keeps `text`."""
    return text.encode("utf-8", "surrogatepass")


def narrowed(offsets: NDArray[np.int64]) -> NDArray[Any]:
    """Return ascending offsets in the smallest of uint32 and int64 that holds them."""
    return offsets.astype(np.uint32) if not len(offsets) or int(offsets[-1]) < 1 << 32 else offsets


def damaged(path: Path, what: str) -> StoreDamaged:
    """Return the error for a file that is not what was written."""
    return StoreDamaged(f"The index file {path} is damaged: {what}.", hint=REBUILD)
