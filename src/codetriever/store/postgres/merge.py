"""When do segments become one?

A question reads a posting list per segment, so many small segments make it slow, and dead chunks make the lists long. Whenever there
are eight segments of about the same size, counted in chunks that live, they are merged; so is a segment of which most is dead. A chunk is
rewritten some four times on its way into a large segment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.postgres import arrays
from codetriever.store.postgres.batch import packed_pairs, posting_rows
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.snapshot import posting_chunks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import Connection

FAN = 8
LARGEST_CHUNKS = 1 << 13  # what one write makes at most: merging these as well costs seconds and saves a question less than a millisecond


def merge_segments(connection: Connection[Any], scope: Mapping[str, Any], *, whole: bool = False) -> None:
    """Merge what should be merged, or with `whole` all that can be, in the open transaction."""
    segments = connection.execute(query("list_segments"), scope, binary=True).fetchall()
    for group in (groups_of_all if whole else groups_to_merge)(segments):
        _merge(connection, scope, group)


def groups_to_merge(segments: Sequence[tuple[int, int, int]]) -> list[list[int]]:
    """Return the numbers of the segments, given with their chunks and dead chunks, that become one each."""
    tiers: dict[int, list[int]] = {}
    rotten = []
    for segment, chunks, dead in segments:
        if 2 * dead > chunks:
            rotten.append(segment)
        elif chunks - dead <= LARGEST_CHUNKS // FAN:
            tiers.setdefault(_tier(chunks - dead), []).append(segment)
    full = [tier for tier in tiers.values() if len(tier) >= FAN]
    return [*full, *([segment] for segment in rotten)]


def groups_of_all(segments: Sequence[tuple[int, int, int]]) -> list[list[int]]:
    """Return the numbers of the segments that become one each when all is merged, up to the largest size, and nothing dead is kept."""
    groups: list[list[int]] = []
    sizes: list[int] = []
    dead_in: list[int] = []
    for segment, chunks, dead in segments:
        if not groups or sizes[-1] + chunks - dead > LARGEST_CHUNKS:
            groups.append([])
            sizes.append(0)
            dead_in.append(0)
        groups[-1].append(segment)
        sizes[-1] += chunks - dead
        dead_in[-1] += dead
    return [group for group, dead in zip(groups, dead_in, strict=True) if len(group) > 1 or dead]


def _tier(chunks: int) -> int:
    """Return a number that grows by one when a size grows eightfold; the smallest segments, up to 64 chunks, have one tier."""
    return max((max(chunks, 1) - 1).bit_length() - 1, 5) // 3


def _merge(connection: Connection[Any], scope: Mapping[str, Any], segments: list[int]) -> None:
    """Write what lives of these segments as one, which gets the number of the first."""
    of_segments: dict[str, Any] = {**scope, "segments": arrays.bigints(np.array(segments, np.int64))}
    (live,) = connection.execute(query("blobs_of_segments"), of_segments, binary=True).fetchall()
    rows = connection.execute(query("postings_of_segments"), of_segments, binary=True).fetchall() if live[0] is not None else []
    for name in ("drop_postings", "drop_segments"):
        connection.execute(query(name), of_segments, binary=True)
    if live[0] is None:
        return
    blobs, counts = live[0], live[1].astype(np.int64)
    first, span = int(blobs[0]), int(blobs[-1] + max(counts[-1], 1) - blobs[0])
    merged = {**of_segments, "segment": first, "chunks": int(counts.sum())}
    connection.execute(query("add_segment"), merged, binary=True)
    connection.execute(query("move_blobs"), merged, binary=True)
    if rows:
        alive = np.zeros(span, np.bool_)
        alive[np.repeat(blobs - first - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))] = True
        postings = _joined(rows, alive, first)
        connection.execute(query("add_postings"), {**merged, **postings}, binary=True)


def _joined(rows: Sequence[tuple[bytes, int, bytes, bytes]], alive: NDArray[np.bool_], first: int) -> dict[str, Any]:
    """Join posting lists given term by term, and keep of them the chunks that live."""
    terms = list(dict.fromkeys(bytes(term) for term, *_ in rows))
    numbers = {term: number for number, term in enumerate(terms)}
    sizes = np.fromiter((len(frequencies) for *_, frequencies in rows), np.int64, len(rows))
    owners = np.repeat(np.fromiter((numbers[bytes(term)] for term, *_ in rows), np.int64, len(rows)), sizes)
    chunks = np.concatenate([posting_chunks(chunks, frequencies) + (segment - first) for _, segment, chunks, frequencies in rows])
    frequencies = np.frombuffer(b"".join(frequencies for *_, frequencies in rows), np.uint8)
    kept = (chunks >= 0) & (chunks < len(alive))
    kept[kept] = alive[chunks[kept]]
    return posting_rows(terms, packed_pairs(owners[kept], chunks[kept], frequencies[kept]), span=len(alive))
