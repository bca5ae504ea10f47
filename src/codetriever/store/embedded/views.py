"""How is a view's list of files read, with the words of its paths?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from codetriever.store.embedded.sections import Sections, StringTable, damaged, encoded
from codetriever.types import FileTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

FILE_COLUMNS: tuple[tuple[str, type[np.generic]], ...] = (
    ("blobs", np.int64),
    ("digests", np.uint8),
    ("languages", np.uint16),
    ("roles", np.uint8),
    ("skips", np.uint8),
    ("stats", np.int64),
)
POSTING_SECTIONS = ("terms.data", "terms.offsets", "path_first", "path_files", "path_frequencies")


class Paths(Sequence[str]):
    """The paths of a stored list, decoded when they are asked for."""

    __slots__ = ("_offsets", "joined")

    def __init__(self, joined: bytes, offsets: NDArray[Any]) -> None:
        self.joined, self._offsets = joined, offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._raw(index).decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        # No path holds a NUL, so the whole list is decoded at once and cut.
        return iter(self.joined.decode("utf-8", "surrogateescape").split("\0")[:-1])

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.find(path) >= 0

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """Return the position of a path by binary search; raises `ValueError`."""
        position = self.find(value)
        if position < start or (stop is not None and position >= stop):
            raise ValueError(value)
        return position

    def find(self, path: str) -> int:
        """Return the position of a path, or -1."""
        key = path_bytes(path)
        position = bisect_left(range(len(self)), key, key=self._raw)
        return position if position < len(self) and self._raw(position) == key else -1

    def _raw(self, index: int) -> bytes:
        start, end = self._offsets[index : index + 2].tolist()
        return self.joined[start : end - 1]


def path_bytes(path: str) -> bytes:
    """Return the bytes of a path, by which paths are ordered."""
    return path.encode("utf-8", "surrogateescape")


def joined_paths(paths: Sequence[str]) -> bytes:
    """Return all paths, each followed by a NUL."""
    return paths.joined if isinstance(paths, Paths) else b"".join(path_bytes(path) + b"\0" for path in paths)


class ViewFile:
    """One generation's list, memory-mapped."""

    def __init__(self, path: Path) -> None:
        self._sections = Sections(path)
        self.terms: StringTable = self._sections.strings("terms")
        self.files = self._read_files(path)
        self._first: NDArray[Any] = self._sections.array("path_first")
        self._files: NDArray[np.int32] = self._sections.array("path_files")
        self._frequencies: NDArray[np.uint8] = self._sections.array("path_frequencies")

    def _read_files(self, path: Path) -> FileTable:
        columns = {name: self._sections.array(name) for name, _ in FILE_COLUMNS}
        paths = Paths(self._sections.raw("paths"), self._sections.array("path_offsets"))
        if any(len(column) != len(paths) for column in columns.values()):
            raise damaged(path, "its sections do not fit together")
        return FileTable(paths=paths, language_names=tuple(self._sections.attributes["language_names"]), **columns)

    @property
    def listing(self) -> bytes:
        """What the writer of the list kept beside it."""
        return self._sections.raw("listing")

    def postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the files whose path holds the term, ascending, and how often."""
        position = self.terms.find(encoded(term))
        if position < 0:
            return np.empty(0, np.int32), np.empty(0, np.uint8)
        start, end = self._first[position : position + 2].tolist()
        return self._files[start:end], self._frequencies[start:end]

    def section(self, name: str) -> NDArray[Any]:
        """Return a section as it is stored."""
        return self._sections.array(name)

    def verify(self) -> None:
        """Compare every checksum; raises `StoreDamaged`."""
        self._sections.verify()
