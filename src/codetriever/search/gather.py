"""Which chunks of one snapshot could answer, and what is known of them?

Four kinds of candidates: words, vectors, definitions of the symbols that the question names, and files whose path has its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.ranking import weights
from codetriever.ranking.candidates import Candidates
from codetriever.search.filenames import name_shares
from codetriever.search.literals import with_blobs_of
from codetriever.search.symbols import defined_symbols
from codetriever.search.words import file_ordinals
from codetriever.store.ranges import ranges

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from codetriever.search.query import Query
    from codetriever.search.words import WordEvidence
    from codetriever.store.store import Snapshot


def gather(
    snapshot: Snapshot,
    query: Query,
    vector: NDArray[np.float32],
    evidence: WordEvidence,
    *,
    allowed: NDArray[np.bool_] | None,
    within: NDArray[np.int64] | None = None,
    source: int = 0,
    group_base: int = 0,
    vector_share: float | None = None,
) -> Candidates:
    """Collect the candidates of one snapshot among the allowed files; with `within` exactly those ordinals are candidates.

    What has no share in the order proposes no candidates: with a `vector_share` of 0 vectors do not, with 1 words do not.
    """
    files_of = snapshot.chunk_files(allowed)
    defining, values = defined_symbols(snapshot, query.identifiers)
    values = values[files_of[defining] >= 0]
    defining = defining[files_of[defining] >= 0]
    if within is not None:
        ordinals = within
    else:
        chosen = np.zeros(snapshot.ordinals, dtype=np.bool_)
        chosen[defining] = True
        chosen[_path_chunks(snapshot, evidence.paths, allowed)] = True
        if vector_share != 1:
            has_words = evidence.scores > 0 if allowed is None else (evidence.scores > 0) & (files_of >= 0)
            chosen[top(evidence.scores, np.flatnonzero(has_words), weights.POOL, snapshot.keys.__getitem__)] = True
        if vector_share != 0:
            chosen[snapshot.nearest(vector, weights.POOL // 2, allowed)[0]] = True
        ordinals = np.flatnonzero(chosen)
    ordinals, files = _on_every_path(snapshot, ordinals, files_of, allowed)
    total = sum(evidence.rarity.values()) or 1.0
    defines = np.zeros(snapshot.ordinals, dtype=np.float32)
    defines[defining] = values
    return Candidates(
        sources=np.full(len(ordinals), source, dtype=np.int32),
        ordinals=ordinals,
        files=files,
        groups=files + group_base,
        keys=snapshot.keys[ordinals],
        roles=snapshot.files.roles[files],
        words=evidence.scores[ordinals],
        coverage=evidence.found[ordinals] / np.float32(total),
        cosines=snapshot.cosines(vector, ordinals),
        names=name_shares(snapshot, files, query.terms, evidence.paths),
        defines=defines[ordinals],
    )


def _on_every_path(
    snapshot: Snapshot, ordinals: NDArray[np.int64], files_of: NDArray[np.int32], allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the candidates' ordinals and files: a chunk stands once for each allowed path that has its blob.

    The ordinals come ascending, so the chunks of a blob lie side by side.
    """
    files = files_of[ordinals].astype(np.int64)
    is_copy = with_blobs_of(snapshot, files)
    is_copy[files] = False
    if allowed is not None:
        is_copy &= allowed
    copies = np.flatnonzero(is_copy)
    if len(copies) == 0:
        return ordinals, files
    first = snapshot.file_first[copies]
    starts = np.searchsorted(ordinals, first)
    counts = np.searchsorted(ordinals, first + snapshot.file_chunks[copies]) - starts
    return np.concatenate((ordinals, ordinals[ranges(starts, counts)])), np.concatenate((files, np.repeat(copies, counts)))


def top(
    scores: NDArray[np.float32], rows: NDArray[np.int64], limit: int, keys_of: Callable[[NDArray[np.int64]], NDArray[np.uint64]]
) -> NDArray[np.int64]:
    """Return the `limit` of `rows` with the best scores; equals at the border are chosen by key, whatever their numbers."""
    if len(rows) <= limit:
        return rows
    values = scores[rows]
    border = np.partition(values, len(values) - limit)[len(values) - limit]
    above = rows[values > border]
    equal = rows[values == border]
    return np.concatenate((above, equal[np.argsort(keys_of(equal), kind="stable")[: limit - len(above)]]))


def _path_chunks(snapshot: Snapshot, paths: NDArray[np.float32], allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    has_words = (paths > 0) & (snapshot.file_chunks > 0)
    files = np.flatnonzero(has_words if allowed is None else has_words & allowed)
    files = top(paths, files, weights.PATH_POOL_FILES, lambda equal: snapshot.keys[snapshot.file_first[equal]])
    ordinals = file_ordinals(snapshot, files)
    return ordinals if len(ordinals) <= weights.POOL else np.sort(ordinals[np.argsort(snapshot.keys[ordinals])[: weights.POOL]])
