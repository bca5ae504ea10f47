"""How likely is it that a hit is relevant? The shown score, apart from the order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.ranking.candidates import Candidates

# Logistic regression over evidence that no candidate list normalises, so that scores compare between queries.
_INTERCEPT = -5.2
_COVERAGE = 3.2
_COSINE = 3.5
_PATHS = 1.2
_EXACT = 3.0

# A best hit under this score is called weak.
WEAK = 0.12


def probabilities(candidates: Candidates) -> NDArray[np.float32]:
    """Return the estimated probability of relevance of each candidate, in 0..1."""
    logit: NDArray[np.float32] = (
        _INTERCEPT
        + _COVERAGE * candidates.coverage
        + _COSINE * np.maximum(candidates.cosines, 0.0)
        + _PATHS * candidates.paths
        + _EXACT * candidates.defines
    )
    odds = np.exp(-logit, dtype=np.float32)
    return np.reciprocal(1.0 + odds, dtype=np.float32)


def is_weak(scores: Sequence[float]) -> bool:
    """Return whether an answer with these scores, in any order, has nothing convincing in it."""
    return max(scores, default=0.0) < WEAK
