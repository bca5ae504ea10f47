"""Where do the term vectors start? With what a sentence model makes of each term alone, reduced to fewer dimensions.

The reduction and the weighting by frequency follow the ideas of Arora, Liang and Ma (2017) and of the distillation that model2vec
made known: a static vector is what remains of a sentence model when it is asked about one word at a time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.vocabulary import Vocabulary

SMOOTHING = 1e-4  # the a of a / (a + p): a term of probability a counts half of a rare one


def embed_terms(model_folder: Path, terms: Sequence[str]) -> NDArray[np.float32]:
    """Return the sentence model's unit vector of each term, `(n, width) float32`; needs sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folder), device="cpu")
    texts = [" ".join(re.findall(r"[^\W\d_]+|\d+", term)) or term for term in terms]
    return np.asarray(model.encode(texts, batch_size=256, normalize_embeddings=True), dtype=np.float32)


def reduce_dimensions(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """Return the vectors less their mean along their principal axes, `(n, dimensions)`, at unit length."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    reduced = centred @ axes[:, ::-1][:, :dimensions]
    return np.asarray(reduced / np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def weights_by_frequency(vocabulary: Vocabulary) -> NDArray[np.float32]:
    """Return the smooth inverse frequency of each term, `(n,) float32`."""
    probability = np.array(vocabulary.frequencies, dtype=np.float64) / max(vocabulary.total, 1)
    return (SMOOTHING / (SMOOTHING + probability)).astype(np.float32)
