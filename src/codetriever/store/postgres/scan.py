"""Which chunks of a view may be near to a question? The client keeps the signs of their vectors, 32 bytes a chunk, and looks through them.

So the server compares some thousand vectors exactly instead of all of them. The signs of a blob are written with its vectors; where they
are missing, they are made of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.likeness import FAR, Question, closest, sign_bits, sign_width, write_distances
from codetriever.store.postgres import arrays
from codetriever.store.postgres.queries import query
from codetriever.store.quantise import quantise
from codetriever.store.ranges import ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import Connection

    from codetriever.store.postgres.generation import VisibleBlobs

_BLOBS_AT_ONCE = 1000  # some megabytes of vectors


@dataclass(frozen=True, slots=True)
class SignPlanes:
    """The signs of a view's vectors under one model: `planes` are `(words, ordinals)`, `missing` the ordinals without a vector."""

    planes: NDArray[np.uint64]
    missing: NDArray[np.int64]

    def pool(
        self,
        question: Question,
        size: int,
        most: int,
        keys: NDArray[np.uint64],
        allowed: NDArray[np.bool_] | None,
        *,
        dimensions: int,
    ) -> NDArray[np.int64]:
        """Return which of the allowed ordinals are likely to be near, ascending: the best `most` of the `size` with the nearest signs."""
        distances = np.empty(self.planes.shape[1], np.uint16)
        write_distances(self.planes, question, distances)
        distances[self.missing] = FAR
        if allowed is not None:
            distances[~allowed] = FAR
        pool = closest(distances, size, keys, dimensions=dimensions)
        if len(pool) > most:
            pool = np.sort(pool[np.lexsort((keys[pool], -question.likely(self.planes[:, pool])))[:most]])
        return pool


def load_signs(connection: Connection[Any], scope: Mapping[str, Any], blobs: VisibleBlobs, dimensions: int) -> SignPlanes:
    """Read the signs of a view's blobs under the scope's model."""
    counts = np.diff(blobs.firsts)
    row = connection.execute(query("load_signs"), {**scope, "blobs": arrays.bigints(blobs.numbers)}, binary=True).fetchone()
    numbers, joined = row if row and row[0] is not None else (np.empty(0, np.int64), b"")
    slots = np.searchsorted(blobs.numbers, numbers)
    signs = np.zeros((int(blobs.firsts[-1]), sign_width(dimensions) // 8), np.uint8)
    signed = np.zeros(len(signs), np.bool_)
    signed[ranges(blobs.firsts[slots], counts[slots])] = True
    signs[signed] = np.frombuffer(joined, np.uint8).reshape(-1, signs.shape[1])
    unsigned = np.setdiff1d(np.flatnonzero(counts), slots, assume_unique=True)
    for made_for, made in made_signs(connection, scope, blobs.numbers[unsigned]):
        ordinals = blobs.ordinals(made_for)
        signs[ordinals] = made
        signed[ordinals] = True
    return SignPlanes(np.ascontiguousarray(signs.view("<u8").astype(np.uint64, copy=False).T), np.flatnonzero(~signed))


def made_signs(
    connection: Connection[Any], scope: Mapping[str, Any], blobs: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Make the signs of these blobs' vectors: numbers of chunks, and a row of bytes for each."""
    for start in range(0, len(blobs), _BLOBS_AT_ONCE):
        asked = {**scope, "blobs": arrays.bigints(blobs[start : start + _BLOBS_AT_ONCE])}
        rows = connection.execute(query("vectors_of_blobs"), asked, binary=True).fetchall()
        if rows:
            numbers, indexes, vectors = zip(*rows, strict=True)
            whole, _ = quantise(np.stack([arrays.from_halfvec(vector) for vector in vectors]))
            yield np.array(numbers, np.int64) + np.array(indexes, np.int64), sign_rows(whole)


def sign_rows(rows: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return the signs of int8 rows as they are kept, some bytes for each."""
    return np.ascontiguousarray(sign_bits(rows).T.astype("<u8")).view(np.uint8)


def cut(rows: NDArray[np.uint8], counts: Sequence[int]) -> list[bytes]:
    """Return the rows of several blobs, each blob's as bytes."""
    ends = np.cumsum(counts).tolist()
    return [rows[end - count : end].tobytes() for end, count in zip(ends, counts, strict=True)]
