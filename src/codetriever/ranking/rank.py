"""In which order do candidates answer the question, and why?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.ranking import signals, weights
from codetriever.types import Signal
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from codetriever.ranking.candidates import Candidates
    from codetriever.types import Role


@dataclass(frozen=True, slots=True)
class Ranking:
    """The order, best first, and the columns that made it, by the candidates' rows."""

    order: NDArray[np.int64]
    scores: NDArray[np.float32]
    parts: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]  # signal -> (value, effect)

    def explain(self, row: int) -> tuple[Signal, ...]:
        """Return what each signal saw in this candidate and what it added; effects of factors are what they took away."""
        return tuple(Signal(name, float(value[row]), float(effect[row])) for name, (value, effect) in self.parts.items())


def rank(
    candidates: Candidates,
    *,
    is_symbol: bool,
    intent: frozenset[Role],
    is_change: bool = False,
    places: Callable[[NDArray[np.int64]], Sequence[tuple[str, int]]],
    depth: int | None = None,
    vector_share: float | None = None,
) -> Ranking:
    """Order the candidates for a question that is one symbol or not, that asks for files of the roles in `intent`, and that tells what
    a commit does or not.

    `places` gives (path, line) of rows, by which equals are ordered; with a `depth`, only those equals that reach into so many first
    ranks. `vector_share` stands in for the one of `weights`.
    """
    if vector_share is None:
        vector_share = weights.VECTOR_SHARE_SYMBOL if is_symbol else weights.VECTOR_SHARE
    base = signals.fused(candidates.words, candidates.cosines, vector_share=vector_share)
    exact_weight = weights.EXACT_DEFINITION if is_symbol else weights.EXACT_DEFINITION_IN_QUESTION
    parts = {
        "words and vectors": (base, base),
        "definition": _weighed(candidates.defines, exact_weight),
        "file name": _weighed(candidates.names, weights.FILE_NAME),
        "file": _weighed(signals.file_support(candidates.groups, base), weights.FILE),
    }
    factor = signals.role_factor(candidates.roles, intent, is_change=is_change)
    scores = np.add.reduce([effect for _, effect in parts.values()])
    parts["role"] = (factor, scores * (factor - 1.0))
    scores = scores * factor
    decay = signals.same_file_decay(candidates.groups, _best_first(scores, candidates.keys))
    parts["same file"] = (decay, scores * (decay - 1.0))
    scores = scores * decay
    return Ranking(_ordered(scores, len(scores) if depth is None else depth, places), scores, parts)


def _weighed(values: NDArray[np.float32], weight: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return values, values * np.float32(weight)


def _best_first(scores: NDArray[np.float32], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Sort rows by score, equal ones by key."""
    order, tied = _by_score(scores, len(scores))
    rows = order[tied]
    order[tied] = rows[np.lexsort((keys[rows], -scores[rows]))]
    return order


def _ordered(
    scores: NDArray[np.float32], depth: int, places: Callable[[NDArray[np.int64]], Sequence[tuple[str, int]]]
) -> NDArray[np.int64]:
    """Sort rows by score, equal ones that reach into the first `depth` ranks by path and line."""
    order, tied = _by_score(scores, depth)
    rows = order[tied]
    if len(rows):
        known = zip((-scores[rows]).tolist(), places(rows), rows.tolist(), strict=True)
        order[tied] = [row for _, _, row in sorted(known)]
    return order


def _by_score(scores: NDArray[np.float32], depth: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort rows by score, best first, and return the ranks of those with equals that reach into the first `depth` ranks.

    To sort equals afterwards is several times as fast as to sort all rows by several columns: there are few.
    """
    order = np.argsort(-scores)
    values = scores[order]
    if depth < len(values):
        values = values[: np.count_nonzero(values >= values[depth - 1])]
    equal = np.zeros(len(values) + 1, dtype=np.bool_)  # each to the one before it
    np.equal(values[1:], values[:-1], out=equal[1:-1])
    return order, np.flatnonzero(equal[1:] | equal[:-1])
