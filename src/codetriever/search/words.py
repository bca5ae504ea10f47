"""Which chunks hold the words of the question, in their text or their path?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.lexical import bm25
from codetriever.lexical.inflection import base_form
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
    rarity: dict[str, float]  # what finding a term is worth: its inverse document frequency, or a share of it


def word_evidence(snapshot: Snapshot, terms: Sequence[str]) -> WordEvidence:
    """Score every chunk of the view by the question's words.

    A word's frequency in a chunk counts its occurrences in the text and those in the file's path before BM25 saturates it: one
    word is one piece of evidence wherever it stands (the idea of BM25F), and in whatever form: `connections` asks for `connections`
    and for `connection`, which share what one word is worth.
    """
    lengths, chunk_count = snapshot.lengths, snapshot.chunk_count
    scores = np.zeros(snapshot.ordinals, dtype=np.float32)
    found = np.zeros(snapshot.ordinals, dtype=np.float32)
    paths = np.zeros(len(snapshot.file_first), dtype=np.float32)
    rarity: dict[str, float] = {}
    frequencies = np.zeros(snapshot.ordinals, dtype=np.float32)
    average = snapshot.total_length / max(chunk_count, 1)
    for term, share in _shares(terms).items():
        ordinals, files = _add_term(snapshot, term, frequencies)
        rarity[term] = share * bm25.idf(len(ordinals), chunk_count)
        if len(ordinals) == 0:
            continue
        idf = np.float32(rarity[term])
        scores[ordinals] += idf * bm25.saturation(frequencies[ordinals], lengths[ordinals], average)
        found[ordinals] += idf
        paths[files] += idf
        frequencies[ordinals] = 0.0
    return WordEvidence(scores, found, paths, rarity)


def _shares(terms: Sequence[str]) -> dict[str, float]:
    """Return what each term counts: 1, but an inflected form and its base form, which occurs wherever the other does, count 1 together."""
    shares = dict.fromkeys(terms, 1.0)
    for term in terms:
        base = base_form(term)
        if base != term and base in shares:
            shares[term], shares[base] = weights.INFLECTED, 1.0 - weights.INFLECTED
    return shares


def _add_term(snapshot: Snapshot, term: str, frequencies: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Add the term's frequencies in text and paths to zeros, and return the chunks that have it and the files whose path has it."""
    ordinals, counts = snapshot.postings(term)
    frequencies[ordinals] = counts
    files, path_counts = snapshot.path_postings(term)
    if len(files) == 0:
        return ordinals, files
    in_path = file_ordinals(snapshot, files)
    elsewhere = _once(in_path[frequencies[in_path] == 0.0], frequencies)
    repeated = np.repeat(path_counts.astype(np.float32), snapshot.file_chunks[files])
    frequencies[in_path] += np.float32(weights.PATH_FREQUENCY) * repeated
    return np.concatenate((ordinals, elsewhere)), files


def _once(ordinals: NDArray[np.int64], zeros: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return each of these chunks once, though several files have it; quicker than sorting. `zeros` are written to, and zero again."""
    places = np.arange(len(ordinals), dtype=np.int32).view(np.float32)
    zeros[ordinals] = places
    last: NDArray[np.int64] = ordinals[zeros[ordinals].view(np.int32) == places.view(np.int32)]
    zeros[ordinals] = 0.0
    return last


def file_ordinals(snapshot: Snapshot, files: NDArray[np.signedinteger[Any]]) -> NDArray[np.int64]:
    """Return the ordinals of all chunks of these files, file by file."""
    counts = snapshot.file_chunks[files].astype(np.int64)
    ends = np.cumsum(counts)
    starts = np.repeat(snapshot.file_first[files] - (ends - counts), counts)
    return starts + np.arange(int(ends[-1]) if len(ends) else 0)
