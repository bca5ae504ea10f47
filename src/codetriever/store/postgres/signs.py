"""Which repositories hold vectors near to a question, when there are too many vectors to compare them all?

The signs of a vector's numbers, a bit each, tell about how near it is to another. A process that answers many questions keeps those of a
tenant in memory, 40 bytes for a vector of 256 numbers, and reads again only those of repositories that have changed.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.postgres import arrays
from codetriever.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import Connection

    # Signs as columns of 64, how many signs a vector has room for, repositories, chunks of each, numbers of the chunks
    _Joined = tuple[NDArray[np.uint64], int, Sequence[int], NDArray[np.int64], NDArray[np.int64]]

# Of the chunks that differ in the fewest signs so many are looked at more closely: with the question's own numbers instead of its signs.
_POOL = 4096
_BLOCK = 16_384
_LOOK_AGAIN_S = 60.0  # at a repository some of whose chunks had no vector: when they get one, nothing else need change
MOST_BYTES = 256 << 20
"""What the signs of all tenants may take in memory; of a tenant with more they are not kept."""


@dataclass(frozen=True, slots=True)
class AllCosines:
    """How near every chunk of some repositories is, repository by repository: `counts` says how many chunks of each there are."""

    repositories: Sequence[int]
    counts: NDArray[np.int64]
    numbers: NDArray[np.int64]  # (n,) of the chunks
    cosines: NDArray[np.float32]  # (n,)


class Signs:
    """The signs of the vectors of a tenant's repositories under one model. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[int, tuple[Any, float]] = {}  # and until when it holds
        self._signs: dict[int, tuple[NDArray[np.int64], NDArray[np.uint8]]] = {}
        self._joined: _Joined | None = None

    @property
    def size_bytes(self) -> int:
        """What they take in memory, the parts that they were joined from included."""
        joined = self._joined
        return 0 if joined is None else 2 * (joined[0].nbytes + joined[4].nbytes)

    def refresh(self, connection: Connection[Any], scope: Mapping[str, Any], states: Mapping[int, tuple[Any, int]]) -> None:
        """Read what is missing or has another state than before.

        A state is anything that differs when a repository has changed, and the number of vectors that it has when none is missing.
        """
        now = time.monotonic()
        with self._lock:
            known = self._states
            changed = [one for one, state in states.items() if one not in known or known[one][0] != state or known[one][1] < now]
            gone = known.keys() - states.keys()
            if not changed and not gone:
                return
            for repository in (*gone, *changed):
                self._signs.pop(repository, None)
                known.pop(repository, None)
            asked = {**scope, "repositories": arrays.bigints(np.array(changed, np.int64))}
            rows = connection.execute(query("signs_of_repositories"), asked, binary=True).fetchall()
            self._signs.update((repository, (numbers, signs)) for repository, numbers, signs in rows)
            for repository in changed:
                is_whole = repository in self._signs and len(self._signs[repository][0]) >= states[repository][1]
                known[repository] = states[repository], math.inf if is_whole else now + _LOOK_AGAIN_S
            self._joined = _joined(self._signs)

    def cosines(self, vector: NDArray[np.float32]) -> AllCosines | None:
        """Return about how near every vector is, None when there are none.

        Two vectors at an angle differ in as large a share of their signs as the angle is of half a turn. For those that differ in the
        fewest the question's own numbers tell more: their sum, each with the sign of the other's, is as the cosine.
        """
        joined = self._joined
        if joined is None:
            return None
        words, bits, repositories, counts, numbers = joined
        differing = _differing(words, _padded(np.packbits(vector > 0)[None])[0])
        cosines = np.cos(np.pi * np.arange(bits + 1) / len(vector)).astype(np.float32)[differing]
        totals = np.cumsum(np.bincount(differing))
        pool = np.flatnonzero(differing <= np.searchsorted(totals, min(_POOL, len(differing))))
        signs = np.unpackbits(np.ascontiguousarray(words[:, pool].T).view(np.uint8), axis=1)[:, : len(vector)]
        # Not a product of matrices: for one so small the library's threads wait longer for each other than they calculate.
        sums = 2.0 * np.einsum("ij,j->i", signs, vector) - vector.sum()
        cosines[pool] = sums * np.float32(np.sqrt(np.pi / 2 / len(vector)))
        return AllCosines(repositories, counts, numbers, cosines)


def _differing(words: NDArray[np.uint64], asked: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Return in how many signs each vector differs from the question; block by block, so that what is at work stays near."""
    differing = np.zeros(words.shape[1], np.uint16)
    for start in range(0, words.shape[1], _BLOCK):
        part = differing[start : start + _BLOCK]
        for column, word in zip(words, asked, strict=True):
            part += np.bitwise_count(column[start : start + _BLOCK] ^ word)
    return differing


def _joined(signs: Mapping[int, tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> _Joined | None:
    """Lay the signs of the repositories one after the other: as columns of 64 bits, and with the numbers of their chunks."""
    repositories = sorted(repository for repository, (numbers, _) in signs.items() if len(numbers))
    if not repositories:
        return None
    parts = [signs[repository] for repository in repositories]
    padded = _padded(np.concatenate([bits for _, bits in parts]))
    counts = np.array([len(numbers) for numbers, _ in parts])
    return np.ascontiguousarray(padded.T), 64 * padded.shape[1], repositories, counts, np.concatenate([numbers for numbers, _ in parts])


def _padded(signs: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return rows of bytes as rows of 64 bits."""
    width = -(-signs.shape[1] // 8) * 8
    padded = np.zeros((len(signs), width), np.uint8)
    padded[:, : signs.shape[1]] = signs
    return padded.view(np.uint64)
