"""Where does a text occur literally?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.lexical.terms import CUT, literal_parts
from codetriever.search.lines import find_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from codetriever.store.store import Snapshot

# A part of a word that stands in more terms than this does not narrow the search; every file is read instead.
MAX_TERMS = 2000


def iter_occurrences(snapshot: Snapshot, literal: str, allowed: NDArray[np.bool_] | None) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each allowed file that holds the literal, by path, with the byte offsets of all its occurrences."""
    for file in candidate_files(snapshot, literal, allowed).tolist():
        offsets = find_literal(snapshot.content(file), literal, snapshot.encoding(file))
        if len(offsets):
            yield file, offsets


def candidate_files(snapshot: Snapshot, literal: str, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Return the files that may hold the literal: those that have terms with each of its word parts in them, or words that were cut."""
    mask = snapshot.file_chunks > 0
    if allowed is not None:
        mask &= allowed
    for part in literal_parts(literal):
        terms = snapshot.terms_containing(part, MAX_TERMS + 1)
        if len(terms) <= MAX_TERMS:
            mask &= files_with_terms(snapshot, (*terms, CUT))
    return np.flatnonzero(mask)


def files_with_terms(snapshot: Snapshot, terms: Iterable[str]) -> NDArray[np.bool_]:
    """Return the mask over the view's files of those with a chunk that holds any of the terms."""
    files_of = snapshot.chunk_files()
    found = np.zeros(len(snapshot.file_first), dtype=np.bool_)
    for term in terms:
        found[files_of[snapshot.postings(term)[0]]] = True
    return with_blobs_of(snapshot, found)


def with_blobs_of(snapshot: Snapshot, files: NDArray[np.bool_] | NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the mask over the view's files of those that have the blob of one of these, themselves included; none may be skipped."""
    blobs = snapshot.files.blobs
    chosen = np.zeros(int(blobs.max(initial=-1)) + 2, dtype=np.bool_)  # a skipped file's blob, -1, falls on the last place
    chosen[blobs[files]] = True
    return chosen[blobs]
