"""Where does a text occur literally?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.lexical.terms import CUT, literal_parts
from codetriever.search.lines import find_literal
from codetriever.search.words import file_ordinals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from codetriever.store.store import Snapshot

# A part of a word that stands in more terms than this does not narrow the search; every file is read instead.
MAX_TERMS = 2000
# So much text is read for one question, about a second's work. It is all that most repositories have; of the Linux kernel an eighth.
MAX_READ_BYTES = 128 << 20


def literal_chunks(
    snapshot: Snapshot, literals: Sequence[str], allowed: NDArray[np.bool_] | None, scores: NDArray[np.float32]
) -> tuple[NDArray[np.int64], bool]:
    """Return the chunks in which the first literal begins, in allowed files that hold all of them, and whether these are all chunks.

    Only the stored text tells where a literal is. `scores` are those of the chunks `(ordinals,)` by the literals' words: the most promising
    files are read first, and when there is more to read than `MAX_READ_BYTES` the others are not.
    """
    files = candidate_files(snapshot, literals, allowed)
    found = np.zeros(snapshot.ordinals, dtype=np.bool_)
    first, *others = literals
    left = MAX_READ_BYTES
    for file in _by_promise(snapshot, files, scores).tolist():
        if left <= 0:
            return np.flatnonzero(found), False
        content, encoding = snapshot.content(file), snapshot.encoding(file)
        left -= len(content)
        offsets = find_literal(content, first, encoding)
        if len(offsets) and all(len(find_literal(content, other, encoding)) for other in others):
            start = int(snapshot.file_first[file])
            starts = snapshot.chunks(np.arange(start, start + int(snapshot.file_chunks[file]))).byte_start
            found[start + np.maximum(np.searchsorted(starts, offsets, side="right") - 1, 0)] = True
    return np.flatnonzero(found), True


def candidate_files(snapshot: Snapshot, literals: Sequence[str], allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Return a file of each blob that may hold the literals: it has terms with each of their word parts in them, or words that were cut."""
    mask = snapshot.file_chunks > 0
    if allowed is not None:
        mask &= allowed
    for part in dict.fromkeys(part for literal in literals for part in literal_parts(literal)):
        terms = snapshot.terms_containing(part, MAX_TERMS + 1)
        if len(terms) <= MAX_TERMS:
            mask &= files_with_terms(snapshot, (*terms, CUT))
    files = np.flatnonzero(mask)[::-1]
    blobs = snapshot.files.blobs[files]
    holders = np.full(int(blobs.max(initial=-1)) + 1, -1, np.int64)
    holders[blobs] = files  # assigned from the last to the first: the first file stays
    return holders[holders >= 0]


def _by_promise(snapshot: Snapshot, files: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Order files by their best chunk, equals by path."""
    if len(files) == 0:
        return files
    ends = np.cumsum(snapshot.file_chunks[files], dtype=np.int64)
    best = np.maximum.reduceat(scores[file_ordinals(snapshot, files)], np.concatenate(([0], ends[:-1])))
    return files[np.lexsort((files, -best))]


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
