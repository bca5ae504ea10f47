"""How likely is it that a hit is relevant? The shown score, apart from the order.

A logistic regression over evidence that no candidate list has normalised, so that scores compare between questions. Fitted by
`bench/calibration.py`, which prints the reliability table too, on hits of commit questions, of annotated questions and of off-topic ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.types import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from codetriever.ranking.candidates import Candidates

INTERCEPT = -4.9
WEIGHTS = {
    "words found": 1.8,
    "cosine": 3.6,
    "file name found": 1.9,
    "symbol defined": 1.3,
}
# The best hit of an answer that scores less is called weak: 95 % of the answers with a relevant first hit score more.
WEAK = 0.07


def evidence(candidates: Candidates) -> Mapping[str, NDArray[np.float32]]:
    """Return the columns that the score is made of, each in 0..1, by the names of `WEIGHTS`."""
    return {
        "words found": candidates.coverage,
        "cosine": np.maximum(candidates.cosines, np.float32(0.0)),
        "file name found": candidates.names,
        "symbol defined": candidates.defines,
    }


def probabilities(candidates: Candidates) -> NDArray[np.float32]:
    """Return the estimated probability of relevance of each candidate, in 0..1."""
    logit = np.full(len(candidates), INTERCEPT, dtype=np.float32)
    for name, column in evidence(candidates).items():
        logit += np.float32(WEIGHTS[name]) * column
    return np.reciprocal(np.float32(1.0) + np.exp(-logit), dtype=np.float32)


def explain(candidates: Candidates, row: int) -> tuple[Signal, ...]:
    """Return what the score of a candidate is made of; effects are in log-odds."""
    return tuple(Signal(name, float(column[row]), WEIGHTS[name] * float(column[row])) for name, column in evidence(candidates).items())


def is_weak(scores: Sequence[float]) -> bool:
    """Return whether an answer with these scores, in any order, has nothing convincing in it."""
    return max(scores, default=0.0) < WEAK
