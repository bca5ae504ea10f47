"""How is a batch of analysed blobs reduced to some of them?"""

from __future__ import annotations

from dataclasses import fields
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.types import AnalysedBlobs, DefinitionColumns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OF_BLOBS = ("digests", "languages", "encodings", "sizes", "contents", "chunk_counts", "definition_counts")
_OF_CHUNKS = ("byte_start", "byte_end", "start_line", "end_line", "kinds", "names", "lengths", "pair_counts")
_OF_PAIRS = ("pair_terms", "pair_frequencies")


def select_blobs(batch: AnalysedBlobs, keep: NDArray[np.bool_]) -> AnalysedBlobs:
    """Return the blobs that `keep` marks, `(b,)`; the vocabulary stays as it is."""
    chunks = np.repeat(keep, batch.chunk_counts)
    pairs = np.repeat(chunks, batch.pair_counts)
    definitions = np.repeat(keep, batch.definition_counts)
    masks = dict.fromkeys(_OF_BLOBS, keep) | dict.fromkeys(_OF_CHUNKS, chunks) | dict.fromkeys(_OF_PAIRS, pairs)
    columns = {name: _kept(getattr(batch, name), mask) for name, mask in masks.items()}
    vectors = batch.vectors[chunks] if len(batch.vectors) else batch.vectors
    kept = {field.name: _kept(getattr(batch.definitions, field.name), definitions) for field in fields(DefinitionColumns)}
    kept["chunks"] = (np.cumsum(chunks) - 1)[kept["chunks"]]
    return AnalysedBlobs(**columns, vocabulary=batch.vocabulary, vectors=vectors, definitions=DefinitionColumns(**kept))


def _kept(column: Any, mask: NDArray[np.bool_]) -> Any:
    return column[mask] if isinstance(column, np.ndarray) else list(compress(column, mask.tolist()))
