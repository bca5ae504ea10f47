"""Which chunks hold the words of the question, in their text or their path?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.lexical import bm25
from codetriever.lexical.inflection import base_form
from codetriever.ranking import weights
from codetriever.store.ranges import ranges
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.store.store import Snapshot

# Chunks that hold words, scored at once: the words of a question together in most repositories, which takes half as many steps, and one
# after the other where that would only take room.
_SCORED_AT_ONCE = 1 << 16


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
    chunk_count = snapshot.chunk_count
    evidence = WordEvidence(
        scores=np.zeros(snapshot.ordinals, dtype=np.float32),
        found=np.zeros(snapshot.ordinals, dtype=np.float32),
        paths=np.zeros(len(snapshot.file_first), dtype=np.float32),
        rarity={},
    )
    room = np.zeros(snapshot.ordinals, dtype=np.float32)
    holders: list[tuple[NDArray[np.int64], NDArray[np.float32], np.float32]] = []
    for term, share in term_shares(terms).items():
        ordinals, counts = snapshot.postings(term)
        frequencies = counts.astype(np.float32)
        files, path_counts = snapshot.path_postings(term)
        if len(files):
            ordinals, frequencies = _with_paths(snapshot, ordinals, frequencies, files, path_counts, room)
        evidence.rarity[term] = share * bm25.idf(len(ordinals), chunk_count)
        idf = np.float32(evidence.rarity[term])
        evidence.paths[files] += idf
        holders.append((ordinals, frequencies, idf))
        if sum(len(one[0]) for one in holders) > _SCORED_AT_ONCE:
            _add_scores(evidence, snapshot, holders)
            holders.clear()
    if holders:
        _add_scores(evidence, snapshot, holders)
    return evidence


def _add_scores(
    evidence: WordEvidence, snapshot: Snapshot, holders: Sequence[tuple[NDArray[np.int64], NDArray[np.float32], np.float32]]
) -> None:
    """Add what some terms are worth in the chunks that hold them: of each term the chunks, its frequencies there, and its worth."""
    ordinals = np.concatenate([one[0] for one in holders])
    frequencies = np.concatenate([one[1] for one in holders])
    idf = np.repeat(np.array([one[2] for one in holders]), [len(one[0]) for one in holders])
    average = snapshot.total_length / max(snapshot.chunk_count, 1)
    np.add.at(evidence.scores, ordinals, idf * bm25.saturation(frequencies, snapshot.lengths[ordinals], average))
    np.add.at(evidence.found, ordinals, idf)


def term_shares(terms: Sequence[str]) -> dict[str, float]:
    """Return what each term counts: 1, but an inflected form and its base form, which occurs wherever the other does, count 1 together."""
    shares = dict.fromkeys(terms, 1.0)
    for term in terms:
        base = base_form(term)
        if base != term and base in shares:
            shares[term], shares[base] = weights.INFLECTED, 1.0 - weights.INFLECTED
    return shares


def _with_paths(
    snapshot: Snapshot,
    ordinals: NDArray[np.int64],
    frequencies: NDArray[np.float32],
    files: NDArray[np.int32],
    path_counts: NDArray[np.uint8],
    zeros: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the chunks that have a term in their text or their path, and its frequencies in both.

    `zeros`, over all ordinals, are written to, and zero again.
    """
    in_path = file_ordinals(snapshot, files)
    zeros[in_path] = np.repeat(np.float32(weights.PATH_FREQUENCY) * path_counts, snapshot.file_chunks[files])
    in_text = frequencies + zeros[ordinals]
    zeros[ordinals] = 0.0
    elsewhere = in_path[zeros[in_path] > 0.0]
    in_path_alone = zeros[elsewhere]
    once = _once(elsewhere, zeros)
    return np.concatenate((ordinals, elsewhere[once])), np.concatenate((in_text, in_path_alone[once]))


def _once(ordinals: NDArray[np.int64], room: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mark each of these chunks once, though several files have it; quicker than sorting. Of `room` their places are zero afterwards."""
    places = np.arange(len(ordinals), dtype=np.int32)
    room[ordinals] = places.view(np.float32)
    last: NDArray[np.bool_] = room[ordinals].view(np.int32) == places
    room[ordinals] = 0.0
    return last


def file_ordinals(snapshot: Snapshot, files: NDArray[np.signedinteger[Any]]) -> NDArray[np.int64]:
    """Return the ordinals of all chunks of these files, file by file."""
    return ranges(snapshot.file_first[files], snapshot.file_chunks[files])
