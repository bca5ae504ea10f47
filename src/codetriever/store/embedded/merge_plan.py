"""Where do the rows of several segments go when these become one?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.buffer import firsts
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.store.embedded.segment import Segment


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the rows of the inputs go: for each input an array with the new number of every row, -1 for rows that are dropped."""

    segments: Sequence[Segment]
    blobs: list[NDArray[np.int64]]
    chunks: list[NDArray[np.int32]]
    definitions: list[NDArray[np.int32]]
    blob_count: int
    chunk_count: int
    definition_count: int


def plan_merge(segments: Sequence[Segment], live: NDArray[np.int64]) -> Plan:
    """Plan to merge what the blobs in `live` have; blobs keep their numbers and lie in the order of these."""
    numbers = np.concatenate([segment.blobs for segment in segments])
    kept = np.flatnonzero(np.isin(numbers, live))
    order = kept[np.argsort(numbers[kept])]
    places = np.full(len(numbers), -1, np.int64)
    places[order] = np.arange(len(order))
    blobs = np.split(places, np.cumsum([len(segment.blobs) for segment in segments])[:-1])
    chunks, chunk_count = _placed([segment.chunk_first for segment in segments], blobs, order)
    definitions, definition_count = _placed([segment.definition_first for segment in segments], blobs, order)
    return Plan(segments, blobs, chunks, definitions, len(order), chunk_count, definition_count)


def _placed(
    old_firsts: list[NDArray[Any]], blobs: list[NDArray[np.int64]], order: NDArray[np.int64]
) -> tuple[list[NDArray[np.int32]], int]:
    """Return the new numbers of rows that lie in groups, one group per blob, and how many rows are kept."""
    counts = [differences(first) for first in old_firsts]
    new_firsts = firsts(np.concatenate(counts)[order]).astype(np.int64)
    targets = []
    for count, first, places in zip(counts, old_firsts, blobs, strict=True):
        start = np.where(places >= 0, new_firsts[places], 0)
        target = np.arange(int(count.sum())) + np.repeat(start - first[:-1].astype(np.int64), count)
        target[np.repeat(places < 0, count)] = -1
        targets.append(target.astype(np.int32))
    return targets, int(new_firsts[-1])


def differences(firsts_and_end: NDArray[Any]) -> NDArray[np.int64]:
    """Return the sizes of groups from where they begin and the end."""
    wide = firsts_and_end.astype(np.int64)
    return wide[1:] - wide[:-1]
