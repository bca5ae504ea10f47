"""How alike are vectors and a question? Both stores tell it in the same numbers, so they find the same.

The signs of a vector's numbers, after it was turned into another base, a bit each, lie in planes of 64 bits, `(words, chunks)`: a scan
reads each plane from end to end, and keeps a pool of chunks by Hamming distance. The int8 rows of the pool then give exact cosines.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.mixing import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABSENT = np.float32(-3)  # the cosine of a chunk that has no vector
FAR = np.uint16(65535)  # the distance of one
_SCAN_BLOCK = 1 << 15  # chunks scanned at once: three buffers of this length stay in the processor's cache
_ROWS_AT_ONCE = 256  # compared at once: as float32 they stay in the processor's cache
_FARTHEST = 3  # what a differing sign counts at most
# Of the true nearest 10, 50 and 200 among 16,000 chunks of curl a pool of 4,096 holds 99.6, 99.7 and 98.3 % (a hundred bench questions);
# rescoring it costs 0.3 ms. The scan's errors grow with the number of chunks: of those among a million of the Linux kernel's, one of 4,096
# holds 98, 97 and 91 %, one of 15,900 99.6, 99.8 and 99.0 %.
_SMALLEST_POOL, _POOL_SHARE = 4096, 64


def sign_bits(rows: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Return the planes of sign bits of int8 rows after they are turned, `(words, n)`; a set bit is a positive number."""
    return _packed(_turned(rows.T.astype(np.int16 if rows.shape[1] <= 256 else np.int32)) > 0)


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack `(width, n)` into `(width / 64, n)`."""
    octets = np.packbits(bits, axis=0)
    words = octets.reshape(len(octets) // 8, 8, octets.shape[1]).transpose(0, 2, 1)
    return np.ascontiguousarray(words).view("<u8")[:, :, 0].astype(np.uint64, copy=False)


def sign_width(dimensions: int) -> int:
    """Return how many sign bits a vector has: a power of two, at least 64."""
    return max(64, 1 << (dimensions - 1).bit_length())


def _turned(columns: NDArray[Any]) -> NDArray[Any]:
    """Turn vectors, given as columns `(dimensions, n)`, so that every dimension tells as much: `(width, n)`.

    Trained tables have strong and weak dimensions, and signs of weak ones say little: of the true fifty nearest chunks a pool of 2,048
    out of 30,000 holds 78 % without and 96 % with this. Signs are flipped in a fixed random pattern, then a fast Walsh-Hadamard
    transform adds and subtracts (Ailon and Chazelle, 2006). On whole numbers it is exact: 256 times 127 fits 16 bits.
    """
    dimensions, count = columns.shape
    width = sign_width(dimensions)
    turned, room = np.zeros((width, count), columns.dtype), np.empty((width, count), columns.dtype)
    np.multiply(columns, _flips(dimensions), out=turned[:dimensions])
    half = 1
    while half < width:
        pairs = turned.reshape(width // (2 * half), 2, half, count)
        sums = room.reshape(pairs.shape)
        np.add(pairs[:, 0], pairs[:, 1], out=sums[:, 0])
        np.subtract(pairs[:, 0], pairs[:, 1], out=sums[:, 1])
        turned, room = room, turned
        half *= 2
    return turned


def _turned_alone(vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn one vector, `(width,)`: as a matrix that is multiplied from both sides, a quarter of the time of many sums of few numbers."""
    width = sign_width(len(vector))
    padded = np.zeros(width)
    np.multiply(vector, _flips(len(vector))[:, 0], out=padded[: len(vector)])
    matrix = padded.reshape(-1, 1 << width.bit_length() // 2)
    return (_hadamard(len(matrix)) @ matrix @ _hadamard(matrix.shape[1])).ravel()


@lru_cache(maxsize=8)
def _hadamard(size: int) -> NDArray[np.float64]:
    """Return the matrix of a Walsh-Hadamard transform, 1 and -1."""
    numbers = np.arange(size)
    return np.where(np.bitwise_count(numbers[:, None] & numbers) & 1, -1.0, 1.0)


@lru_cache(maxsize=8)
def _flips(dimensions: int) -> NDArray[np.int8]:
    """Return which signs are flipped, as 1 and -1: `(dimensions, 1)`."""
    flipped = mixed(np.arange(dimensions, dtype=np.uint64)) >> np.uint64(63) > 0
    return np.where(flipped, np.int8(-1), np.int8(1))[:, None]


class Question:
    """A query vector made ready: whole numbers so small that every sum of products is exact in float32, in any order.

    So the cosine of a chunk does not depend on which chunks are computed with it. For the scan it has the signs of the turned vector, and
    marks the half of them that belongs to its larger numbers, which counts three times: that brings the 96 % above to 99 %.
    """

    def __init__(self, query: NDArray[np.float32]) -> None:
        self.query = query
        dimensions = len(query)
        numbers = query.astype(np.float64)
        norm = math.sqrt(np.square(numbers).sum())
        # |sum| <= |row| * |query| <= 127 * sqrt(dimensions) * limit, which has to stay below 2**24.
        limit = (1 << 24) / (127 * dimensions**0.5) - dimensions**0.5
        self.whole = np.rint(numbers * (limit / norm if norm else 0)).astype(np.float32)
        self._scale = np.float32(norm / limit)

    @cached_property
    def turned(self) -> NDArray[np.float64]:
        """The query's numbers in the other base, `(width,)`."""
        return _turned_alone(self.query)

    @cached_property
    def signs(self) -> NDArray[np.uint64]:
        """The signs of these numbers, a set bit for a positive one."""
        return _packed(self.turned[:, None] > 0)[:, 0]

    @cached_property
    def large(self) -> NDArray[np.uint64]:
        """The larger half of these numbers, a set bit for each."""
        size = np.abs(self.turned)
        lower_median = np.sort(size)[(len(self.query) - 1) // 2]
        return _packed(size[:, None] > lower_median)[:, 0]

    def cosines(self, rows: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine of each row; `ABSENT` for rows that are missing."""
        products = np.empty(len(rows), np.float32)
        room = np.empty((min(len(rows), _ROWS_AT_ONCE), len(self.whole)), np.float32)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[start : start + _ROWS_AT_ONCE]
            floats = room[: len(part)]
            floats[:] = part
            # `vecdot` and not `@`: for so small a product the threads of a matrix library cost more than they bring.
            np.vecdot(floats, self.whole, out=products[start : start + len(part)])
        cosines = self.scaled(products, scales)
        cosines[scales < 0] = ABSENT
        return cosines

    def scaled(self, products: NDArray[np.float32], scales: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosines of rows by the sums of their products with `whole`, which are overwritten."""
        products *= scales * self._scale
        return products

    def likely(self, planes: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Return about how near chunks are by their sign bits `(words, n)`: the sum of the turned question's numbers with these signs.

        That tells more than the distance, and takes longer. Sums of eight numbers are looked up.
        """
        octets = np.ascontiguousarray(planes.T.astype("<u8", copy=False)).view(np.uint8)
        signs = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
        sums = signs.astype(np.float32) @ self.turned.astype(np.float32).reshape(-1, 8).T  # (256, octets)
        found: NDArray[np.float32] = np.take_along_axis(sums, octets, axis=0).sum(axis=1)
        return found


def write_distances(planes: NDArray[np.uint64], question: Question, out: NDArray[np.uint16]) -> None:
    """Write the weighted Hamming distance between each chunk's sign bits `(words, chunks)` and the question's to `out`, `(chunks,)`."""
    count = planes.shape[1]
    differing = np.empty(min(count, _SCAN_BLOCK), np.uint64)
    total, large = np.empty(len(differing), np.uint8), np.empty(len(differing), np.uint8)
    for start in range(0, count, _SCAN_BLOCK):
        target = out[start : start + _SCAN_BLOCK]
        if len(target) < len(differing):
            differing, total, large = differing[: len(target)], total[: len(target)], large[: len(target)]
        target[:] = 0
        for plane, signs, mark in zip(planes, question.signs, question.large, strict=True):
            np.bitwise_xor(plane[start : start + len(target)], signs, out=differing)
            np.bitwise_count(differing, out=total)
            np.bitwise_and(differing, mark, out=differing)
            np.bitwise_count(differing, out=large)
            np.add(total, large, out=total)
            np.add(total, large, out=total)  # at most 192
            np.add(target, total, out=target)


def pool_size(count: int, limit: int) -> int:
    """Return how many of `count` chunks are compared exactly to find the best `limit`."""
    return max(_SMALLEST_POOL, count // _POOL_SHARE, 4 * limit)


def closest(distances: NDArray[np.uint16], size: int, keys: NDArray[np.uint64], *, dimensions: int) -> NDArray[np.int64]:
    """Return the positions, ascending, of the `size` smallest distances; of those at the edge the ones with the smallest `keys`."""
    farthest = _FARTHEST * sign_width(dimensions)
    low, high = 0, farthest + 1
    while low < high:  # the smallest distance within which enough chunks lie; beyond the last one, all do
        middle = (low + high) // 2
        if np.count_nonzero(distances <= middle) >= size:
            high = middle
        else:
            low = middle + 1
    if low > farthest:
        return np.flatnonzero(distances != FAR)
    close = distances <= low
    left_out = np.count_nonzero(close) - size
    if left_out > 0:
        edge = np.flatnonzero(distances == low)
        close[edge[np.argpartition(keys[edge], -left_out)[-left_out:]]] = False
    return np.flatnonzero(close)


def best(
    ordinals: NDArray[np.int64], cosines: NDArray[np.float32], keys: NDArray[np.uint64], limit: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the `limit` nearest of some chunks and their cosines, best first, of equals the one with the smaller key; none is absent.

    `keys` are those of all chunks.
    """
    present = cosines != ABSENT
    if not present.all():
        ordinals, cosines = ordinals[present], cosines[present]
    if len(cosines) > limit:
        edge = np.partition(cosines, len(cosines) - limit)[len(cosines) - limit]
        kept = np.flatnonzero(cosines >= edge)
        ordinals, cosines = ordinals[kept], cosines[kept]
    order = np.argsort(-cosines)
    sorted_cosines = cosines[order]
    if (sorted_cosines[1:] == sorted_cosines[:-1]).any():
        order = np.lexsort((keys[ordinals], -cosines))
    return ordinals[order[:limit]], cosines[order[:limit]]
