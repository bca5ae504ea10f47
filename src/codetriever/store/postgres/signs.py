"""Which repositories hold vectors near to a question, when there are too many vectors to compare them all?

The signs of a vector's numbers, a bit each, tell about how near it is to another. A process that answers many questions keeps those of a
tenant in memory, 40 bytes for a vector of 256 numbers, and reads again only those of repositories that have changed. Of vectors that an
earlier version wrote there are none before the repository is compacted: till then its words and symbols speak for it.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.likeness import Question, sign_width, write_distances
from codetriever.store.postgres import arrays
from codetriever.store.postgres.queries import query
from codetriever.store.ranges import ranges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import Connection

    # Planes of signs `(words, chunks)`, repositories, chunks of each, numbers of the chunks
    _Joined = tuple[NDArray[np.uint64], Sequence[int], NDArray[np.int64], NDArray[np.int64]]

# Of the chunks that differ in the fewest signs so many are looked at more closely: with the question's own numbers instead of its signs.
_POOL = 4096
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
        return 0 if joined is None else 2 * (joined[0].nbytes + joined[3].nbytes)

    def refresh(
        self, connection: Connection[Any], scope: Mapping[str, Any], states: Mapping[int, tuple[Any, int]], *, dimensions: int
    ) -> None:
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
            for repository, blobs, lengths, signs in rows:
                octets = np.frombuffer(signs, np.uint8).reshape(-1, sign_width(dimensions) // 8)
                self._signs[repository] = ranges(blobs, lengths // octets.shape[1]), octets
            for repository in changed:
                is_whole = repository in self._signs and len(self._signs[repository][0]) >= states[repository][1]
                known[repository] = states[repository], math.inf if is_whole else now + _LOOK_AGAIN_S
            self._joined = _joined(self._signs)

    def cosines(self, vector: NDArray[np.float32]) -> AllCosines | None:
        """Return about how near every vector is, None when there are none.

        A vector that differs from the question in some signs is taken to have numbers of one size, and so to lie where the question's own
        numbers, those with a differing sign turned round, add up to. How much of them is turned round the distance tells, which counts
        large ones three times; for the nearest it is added up.
        """
        joined = self._joined
        if joined is None:
            return None
        planes, repositories, counts, numbers = joined
        question = Question(vector)
        distances = np.empty(planes.shape[1], np.uint16)
        write_distances(planes, question, distances)
        width = len(question.turned)
        # Turning makes a vector longer by the root of the width, and adding signs instead of numbers by another one and a bit.
        scale = np.float32(np.sqrt(np.pi / 2) / width)
        farthest = width + 2 * int(np.bitwise_count(question.large).sum())
        shares = 1.0 - 2.0 * np.arange(farthest + 1) / farthest
        cosines = (scale * np.abs(question.turned).sum() * shares).astype(np.float32)[distances]
        totals = np.cumsum(np.bincount(distances))
        pool = np.flatnonzero(distances <= np.searchsorted(totals, min(_POOL, len(distances))))
        cosines[pool] = scale * (2.0 * question.likely(planes[:, pool]) - question.turned.sum())
        return AllCosines(repositories, counts, numbers, cosines)


def _joined(signs: Mapping[int, tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> _Joined | None:
    """Lay the signs of the repositories one after the other: as planes, and with the numbers of their chunks."""
    repositories = sorted(signs)
    if not repositories:
        return None
    numbers, octets = zip(*(signs[repository] for repository in repositories), strict=True)
    planes = np.concatenate(octets).view("<u8").astype(np.uint64, copy=False).T
    return np.ascontiguousarray(planes), repositories, np.array(list(map(len, numbers))), np.concatenate(numbers)
