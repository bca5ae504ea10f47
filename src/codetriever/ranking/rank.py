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
    vector_share: float | None = None,
) -> Ranking:
    """Order the candidates for a question that is one symbol or not, that asks for files of the roles in `intent`, and that tells what
    a commit does or not.

    `places` gives (path, line) of rows, by which equals are ordered. `vector_share` stands in for the one of `weights`.
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
    by_key = np.argsort(candidates.keys, kind="stable")
    scores = np.sum([effect for _, effect in parts.values()], axis=0, dtype=np.float32)
    parts["role"] = (factor, scores * (factor - 1.0))
    scores = scores * factor
    decay = signals.same_file_decay(candidates.groups, _best_first(scores, by_key))
    parts["same file"] = (decay, scores * (decay - 1.0))
    scores = scores * decay
    return Ranking(_ordered(scores, by_key, places), scores, parts)


def _weighed(values: NDArray[np.float32], weight: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return values, values * np.float32(weight)


def _best_first(scores: NDArray[np.float32], by_key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort rows by score, equal ones by key; in a third of the time of a `lexsort`, since the keys were sorted once before."""
    return by_key[np.argsort(-scores[by_key], kind="stable")]


def _ordered(
    scores: NDArray[np.float32], by_key: NDArray[np.int64], places: Callable[[NDArray[np.int64]], Sequence[tuple[str, int]]]
) -> NDArray[np.int64]:
    """Sort by score, equal scores by path and line; only equals pay for looking their places up."""
    order = _best_first(scores, by_key)
    equal = scores[order][1:] == scores[order][:-1]
    tied = np.flatnonzero(np.r_[equal, False] | np.r_[False, equal])
    rows = order[tied].tolist()
    where = dict(zip(rows, places(order[tied]), strict=True)) if rows else {}
    values = scores[order[tied]].tolist()
    order[tied] = [row for _, _, row in sorted(zip((-value for value in values), map(where.__getitem__, rows), rows, strict=True))]
    return order
