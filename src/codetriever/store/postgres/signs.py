"""Which repositories hold vectors near to a question, when there are too many vectors to compare them all?

The signs of a vector's numbers, a bit each, tell about how near it is to another. A process that answers many questions keeps those of a
tenant in memory, 32 bytes for a vector of 256 numbers, and reads again only those of repositories that have changed.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.postgres import arrays
from codetriever.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from psycopg import Connection

# Of the chunks that differ in the fewest signs so many are looked at more closely: with the question's own numbers instead of its signs.
_POOL = 4096
_LOOK_AGAIN_S = 60.0  # at a repository some of whose chunks had no vector: when they get one, nothing else need change
MOST_BYTES = 256 << 20
"""What the signs of one tenant may take in memory; of a larger one they are not kept."""


class Signs:
    """The signs of the vectors of a tenant's repositories under one model. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[int, tuple[Any, float]] = {}  # and until when it holds
        self._signs: dict[int, NDArray[np.uint8]] = {}
        self._joined: tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]] | None = None

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
            self._signs.update(connection.execute(query("signs_of_repositories"), asked, binary=True).fetchall())
            for repository in changed:
                is_whole = len(self._signs.get(repository, ())) >= states[repository][1]
                known[repository] = states[repository], math.inf if is_whole else now + _LOOK_AGAIN_S
            self._joined = _joined(self._signs)

    def best(self, vector: NDArray[np.float32]) -> dict[int, float]:
        """Return about how near the nearest vector of each repository is, as a cosine, for those that have one among the nearest."""
        joined = self._joined
        if joined is None:
            return {}
        words, owners, numbers = joined
        asked = np.packbits(vector > 0)
        differing = np.zeros(words.shape[1], np.uint16)
        for column, word in zip(words, _padded(asked[None])[0], strict=True):
            differing += np.bitwise_count(column ^ word)
        counts = np.cumsum(np.bincount(differing))
        pool = np.flatnonzero(differing <= np.searchsorted(counts, min(_POOL, len(differing))))
        signs = np.unpackbits(np.ascontiguousarray(words[:, pool].T).view(np.uint8), axis=1)[:, : len(vector)]
        # The sum of the question's numbers, each with the other's sign, is proportional to the cosine, but for noise.
        scores = (2.0 * (signs.astype(np.float32) @ vector) - vector.sum()) / np.float32(np.sqrt(len(vector)))
        best = np.full(len(numbers), -1.0, np.float32)
        np.maximum.at(best, owners[pool], scores)
        return {int(numbers[place]): float(best[place]) for place in np.flatnonzero(best > 0.0).tolist()}


def _joined(signs: Mapping[int, NDArray[np.uint8]]) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]] | None:
    """Return the signs as columns of 64 bits, the place of each vector's repository, and the repositories' numbers."""
    if not signs:
        return None
    numbers = np.array(sorted(signs), np.int64)
    parts = [signs[number] for number in numbers.tolist()]
    owners = np.repeat(np.arange(len(numbers)), [len(part) for part in parts])
    return np.ascontiguousarray(_padded(np.concatenate(parts)).T), owners, numbers


def _padded(signs: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return rows of bytes as rows of 64 bits."""
    width = -(-signs.shape[1] // 8) * 8
    padded = np.zeros((len(signs), width), np.uint8)
    padded[:, : signs.shape[1]] = signs
    return padded.view(np.uint64)
