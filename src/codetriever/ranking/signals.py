"""The signals that decide an order: each is a pure function from columns to a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.ranking import weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codetriever.types import Role

    Column = NDArray[np.float32]

_RANK_BITS = 32
_RANK = (1 << _RANK_BITS) - 1


def fused(words: Column, cosines: Column, *, vector_share: float) -> Column:
    """Return the weighted sum of both kinds of evidence, each divided by its best value, in 0..1.

    Score fusion keeps distances that reciprocal ranks throw away; it was worth .005 to .014 NDCG@10 over rank fusion.
    """
    share = np.float32(vector_share)
    return (np.float32(1.0) - share) * _over_best(words) + share * _over_best(cosines)


def _over_best(column: Column) -> Column:
    best = float(column.max(initial=0.0))
    return np.divide(np.maximum(column, np.float32(0.0)), best or 1.0, dtype=np.float32)


def file_support(groups: NDArray[np.int64], scores: Column) -> Column:
    """Return for each candidate how well its file answers as a whole, in 0..1.

    The sum of the squared scores of the file's candidates, saturated: s / (s + best score squared). Several good chunks make a file a
    better answer than one lucky chunk; squares, and counting the candidate itself, keep a file of one good chunk ahead of one of many
    poor ones.
    """
    squares = np.bincount(groups, weights=np.square(scores))[groups].astype(np.float32)
    best = np.float32(np.square(scores.max(initial=0.0)))
    return squares / (squares + best) if best > 0.0 else np.zeros_like(scores)


def role_factor(roles: NDArray[np.uint8], intent: frozenset[Role], *, is_change: bool = False) -> Column:
    """Return what the score is multiplied by for the file's role, given the roles that the question asks for.

    `is_change` says that the question tells what a commit does.
    """
    asked = weights.ROLE_ASKED_OF_CHANGE if is_change else weights.ROLE_ASKED
    table = np.array([max(asked, factor) if role in intent else factor for role, factor in weights.ROLE_FACTOR.items()], dtype=np.float32)
    return table[roles]


def same_file_decay(groups: NDArray[np.int64], order: NDArray[np.int64]) -> Column:
    """Return for each candidate its factor as the n-th of its file in `order`: n to the power of minus the decay."""
    ranks = np.arange(len(order))
    # Numbers made of file and rank sort in a fifth of the time that it takes to sort one by the other.
    by_group = np.sort(groups[order] << _RANK_BITS | ranks)
    sorted_groups = by_group >> _RANK_BITS
    bounds = np.concatenate(([0], np.flatnonzero(sorted_groups[1:] != sorted_groups[:-1]) + 1, [len(order)]))
    counts = bounds[1:] - bounds[:-1]
    nth = ranks - np.repeat(bounds[:-1], counts)  # from 0
    factors = np.power(np.arange(1, counts.max() + 1, dtype=np.float32), np.float32(-weights.SAME_FILE_DECAY))
    factor = np.empty(len(order), dtype=np.float32)
    factor[order[by_group & _RANK]] = factors[nth]
    return factor
