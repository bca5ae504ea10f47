"""Where does a text occur literally?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from codetriever.store.store import Snapshot

# A part of a word that stands in more terms than this does not narrow the search; every file is read instead.
MAX_TERMS = 2000

_WORD = re.compile(r"\w+")


def iter_occurrences(snapshot: Snapshot, literal: str, allowed: NDArray[np.bool_] | None) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each allowed file that holds the literal, by path, with the byte offsets of all its occurrences (they may not overlap)."""
    for file in candidate_files(snapshot, literal, allowed).tolist():
        content = snapshot.content(file)
        sought = literal.encode(snapshot.encoding(file), errors="ignore")
        offsets = [found.start() for found in re.finditer(re.escape(sought), content)] if sought else []
        if offsets:
            yield file, np.array(offsets, dtype=np.int64)


def candidate_files(snapshot: Snapshot, literal: str, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Return the files that may hold the literal: all that have, somewhere, terms with each of its word parts in them."""
    mask = snapshot.file_first >= 0
    if allowed is not None:
        mask &= allowed
    for part in _WORD.findall(literal):
        holding = _files_with(snapshot, part.casefold())
        if holding is not None:
            mask &= holding
    return np.flatnonzero(mask)


def _files_with(snapshot: Snapshot, part: str) -> NDArray[np.bool_] | None:
    terms = snapshot.terms_containing(part, MAX_TERMS + 1)
    if len(terms) > MAX_TERMS:
        return None
    files_of = snapshot.chunk_files()
    mask = np.zeros(len(snapshot.file_first), dtype=np.bool_)
    for term in terms:
        ordinals, _ = snapshot.postings(term)
        mask[files_of[ordinals]] = True
    blobs = snapshot.files.blobs
    return np.isin(blobs, blobs[mask])
