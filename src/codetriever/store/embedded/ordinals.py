"""Which ordinals does a view see, and whose are they?

The ordinal space of a snapshot is its segments one after the other. A *slot* is the position of a blob in it: segment by segment, in
the order of blob numbers.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.ranges import ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from codetriever.store.embedded.segment import Segment


class OrdinalSpace:
    """Where the blobs and chunks of some segments lie when they follow one another."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        self.bases = [0]  # first ordinal of each segment, and the end
        self.slot_bases = [0]  # first slot of each segment, and the end
        for segment in segments:
            self.bases.append(self.bases[-1] + segment.chunks)
            self.slot_bases.append(self.slot_bases[-1] + len(segment.blobs))
        self.ordinals = self.bases[-1]

    @cached_property
    def slot_first(self) -> NDArray[np.int64]:
        """First ordinal of each slot, and the end: `(slots + 1,)`."""
        parts = [segment.chunk_first[:-1].astype(np.int64) + base for segment, base in zip(self.segments, self.bases, strict=False)]
        return np.concatenate([*parts, np.array([self.ordinals])])

    @cached_property
    def slot_chunks(self) -> NDArray[np.int64]:
        """How many chunks each slot has: `(slots,)`."""
        return np.diff(self.slot_first)

    @cached_property
    def lengths(self) -> NDArray[np.uint32]:
        """Terms of each chunk: `(ordinals,)`."""
        return _joined([segment.lengths for segment in self.segments], np.uint32)

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """Tie-breaks of the chunks: `(ordinals,)`."""
        return _joined([segment.keys for segment in self.segments], np.uint64)

    def slots(self, blobs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the slot of each blob, -1 where no segment holds it."""
        result = np.full(len(blobs), -1, np.int64)
        for segment, base in zip(self.segments, self.slot_bases, strict=False):
            if len(segment.blobs):
                positions = np.minimum(np.searchsorted(segment.blobs, blobs), len(segment.blobs) - 1)
                found = segment.blobs[positions] == blobs
                result[found] = base + positions[found]
        return result

    def parts(self, ordinals: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.int64]]]:
        """Yield (segment, positions in `ordinals`, local numbers) for each segment that holds some of these chunks."""
        if len(self.segments) == 1:
            yield 0, np.arange(len(ordinals)), ordinals
            return
        owners = np.searchsorted(np.array(self.bases[1:]), ordinals, side="right")
        for number in range(len(self.segments)):
            positions = np.flatnonzero(owners == number)
            if len(positions):
                yield number, positions, ordinals[positions] - self.bases[number]


class VisibleChunks:
    """The chunks of a space that one list of files sees."""

    def __init__(self, space: OrdinalSpace, blobs: NDArray[np.int64], slots: NDArray[np.int64], chunk_count: int) -> None:
        self._space = space
        self.file_slots = slots
        self.all = chunk_count == space.ordinals
        if len(space.slot_chunks):
            self.file_first = np.where(blobs >= 0, space.slot_first[slots], -1)
            self.file_chunks = np.where(blobs >= 0, space.slot_chunks[slots], 0).astype(np.int32)
        else:
            self.file_first = np.full(len(blobs), -1, np.int64)
            self.file_chunks = np.zeros(len(blobs), np.int32)

    @cached_property
    def first_files(self) -> NDArray[np.int32]:
        """For each ordinal the first file that has the chunk, else -1."""
        return self.files_of(None)

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """For each ordinal whether the view sees it."""
        return self.first_files >= 0

    def files_of(self, allowed: NDArray[np.bool_] | None) -> NDArray[np.int32]:
        """Return for each ordinal the first allowed file that has the chunk, else -1."""
        files = np.flatnonzero(self.file_slots >= 0 if allowed is None else (self.file_slots >= 0) & allowed)[::-1]
        slot_files = np.full(len(self._space.slot_chunks), -1, np.int32)
        slot_files[self.file_slots[files]] = files  # assigned from the last to the first: the first file stays
        return np.repeat(slot_files, self._space.slot_chunks)

    def of_files(self, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the ordinals of the allowed files' chunks, ascending."""
        chosen = np.zeros(len(self._space.slot_chunks), np.bool_)
        chosen[self.file_slots[allowed & (self.file_slots >= 0)]] = True
        slots = np.flatnonzero(chosen)
        return ranges(self._space.slot_first[slots], self._space.slot_chunks[slots])


def _joined(parts: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype)
