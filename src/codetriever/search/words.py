"""Which chunks hold the words of the question, in their text or their path?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.lexical import bm25
from codetriever.ranking import weights
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.store.store import Snapshot


@dataclass(frozen=True, slots=True)
class WordEvidence:
    """The words' evidence in one snapshot, dense over its ordinals and files."""

    scores: NDArray[np.float32]  # (ordinals,) BM25, 0 where no word occurs
    found: NDArray[np.float32]  # (ordinals,) sum of the rarities of the words found
    paths: NDArray[np.float32]  # (files,) the same for paths
    rarity: dict[str, float]  # inverse document frequency by term


def word_evidence(snapshot: Snapshot, terms: Sequence[str]) -> WordEvidence:
    """Score every chunk of the view by the question's words.

    A word's frequency in a chunk counts its occurrences in the text and those in the file's path before BM25 saturates it: one
    word is one piece of evidence wherever it stands (the idea of BM25F).
    """
    chunk_files = snapshot.chunk_files()
    scores = np.zeros(snapshot.ordinals, dtype=np.float32)
    found = np.zeros(snapshot.ordinals, dtype=np.float32)
    paths = np.zeros(len(snapshot.files.blobs), dtype=np.float32)
    rarity: dict[str, float] = {}
    frequencies = np.zeros(snapshot.ordinals, dtype=np.float32)
    average = snapshot.total_length / max(snapshot.chunk_count, 1)
    for term in terms:
        files = _add_term(snapshot, term, frequencies)
        ordinals = np.flatnonzero(frequencies)
        ordinals = ordinals[chunk_files[ordinals] >= 0]
        idf = bm25.idf(len(ordinals), snapshot.chunk_count)
        rarity[term] = idf
        if len(ordinals) == 0:
            continue
        scores[ordinals] += np.float32(idf) * bm25.saturation(frequencies[ordinals], snapshot.lengths[ordinals], average)
        found[ordinals] += np.float32(idf)
        paths[files] += np.float32(idf)
        frequencies[:] = 0.0
    return WordEvidence(scores, found, paths, rarity)


def _add_term(snapshot: Snapshot, term: str, frequencies: NDArray[np.float32]) -> NDArray[np.int64]:
    """Add the term's frequencies in text and paths, and return the files whose path has it."""
    ordinals, counts = snapshot.postings(term)
    frequencies[ordinals] += counts
    files, path_counts = snapshot.path_postings(term)
    rows = files.astype(np.int64)
    repeated = np.repeat(path_counts.astype(np.float32), snapshot.file_chunks[rows])
    frequencies[file_ordinals(snapshot, rows)] += np.float32(weights.PATH_FREQUENCY) * repeated
    return rows


def file_ordinals(snapshot: Snapshot, files: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the ordinals of all chunks of these files, file by file."""
    counts = snapshot.file_chunks[files].astype(np.int64)
    ends = np.cumsum(counts)
    starts = np.repeat(snapshot.file_first[files] - (ends - counts), counts)
    return starts + np.arange(int(ends[-1]) if len(ends) else 0)
