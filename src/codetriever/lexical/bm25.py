"""How well do a chunk's words answer the question's words?

Okapi BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the non-negative inverse
document frequency of Lucene. A word's frequency may be a weighted sum over fields (the text, the path), added up before it is
saturated: the BM25F of the same paper. Parameters are the customary ones; other values made no measurable difference.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

K1 = 1.2
B = 0.75


def idf(document_frequency: int, chunk_count: int) -> float:
    """Return the inverse document frequency of a term that `document_frequency` of `chunk_count` chunks hold; never negative."""
    return math.log1p((chunk_count - document_frequency + 0.5) / (document_frequency + 0.5))


def saturation(frequencies: NDArray[Any], lengths: NDArray[Any], average_length: float) -> NDArray[np.float32]:
    """Return what a term's frequency in each chunk is worth, from 0 up to K1 + 1.

    `frequencies` may be fractions (a weighted sum over fields); `lengths` are those of the same chunks, in terms.
    """
    tf = frequencies.astype(np.float32)
    scale = np.float32(K1 * B / max(average_length, 1.0))
    norm = lengths.astype(np.float32) * scale
    norm += np.float32(K1 * (1.0 - B))
    norm += tf
    tf *= np.float32(K1 + 1.0)
    tf /= norm
    return tf
