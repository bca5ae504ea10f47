"""Which chunks of one snapshot could answer, and what is known of them?

Four kinds of candidates: words, vectors, definitions of the symbols that the question names, and files whose path has its words.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from codetriever.lexical.inflection import base_form
from codetriever.lexical.terms import count_terms
from codetriever.ranking import weights
from codetriever.ranking.candidates import Candidates
from codetriever.search.query import simple_name
from codetriever.search.words import file_ordinals, word_evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.search.query import Query
    from codetriever.store.store import Snapshot


_TELLS_NOTHING = frozenset(("index", "init", "mod", "main", "lib", ""))


def gather(
    snapshot: Snapshot,
    query: Query,
    vector: NDArray[np.float32],
    *,
    allowed: NDArray[np.bool_] | None,
    within: NDArray[np.int64] | None = None,
    source: int = 0,
    group_base: int = 0,
) -> Candidates:
    """Collect the candidates of one snapshot among the allowed files; with `within` exactly those ordinals are candidates."""
    files_of = snapshot.chunk_files(allowed)
    evidence = word_evidence(snapshot, query.terms)
    exact = _defined(snapshot, query, files_of)
    if within is not None:
        ordinals = within
    else:
        by_words = np.flatnonzero((evidence.scores > 0) & (files_of >= 0))
        by_vector, _ = snapshot.nearest(vector, weights.POOL // 2, allowed)
        by_path = _path_chunks(snapshot, evidence.paths, allowed)
        best = top(evidence.scores, by_words, weights.POOL, snapshot.keys)
        ordinals = np.unique(np.concatenate((best, by_vector, exact, by_path)))
    ordinals, files = _on_every_path(snapshot, ordinals, files_of, allowed)
    total = sum(evidence.rarity.values()) or 1.0
    stems = _stems(snapshot.files.paths, evidence.paths, files, query.terms)
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
        paths=evidence.paths[files] / np.float32(total),
        stems=stems,
        exact=np.isin(ordinals, exact),
    )


def _on_every_path(
    snapshot: Snapshot, ordinals: NDArray[np.int64], files_of: NDArray[np.int32], allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the candidates' ordinals and files: a chunk stands once for each allowed path that has its blob."""
    files = files_of[ordinals].astype(np.int64)
    distinct = np.unique(files)
    blobs = snapshot.files.blobs
    copies = np.isin(blobs, blobs[distinct], kind="table")
    copies[distinct] = False
    if allowed is not None:
        copies &= allowed
    more_ordinals, more_files = [ordinals], [files]
    for copy in np.flatnonzero(copies).tolist():
        mine = ordinals[blobs[files] == blobs[copy]]
        more_ordinals.append(mine)
        more_files.append(np.full(len(mine), copy))
    return np.concatenate(more_ordinals), np.concatenate(more_files)


def top(scores: NDArray[np.float32], rows: NDArray[np.int64], limit: int, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the `limit` of `rows` with the best scores; equals at the border are chosen by key, whatever their numbers."""
    if len(rows) <= limit:
        return rows
    values = scores[rows]
    border = np.partition(values, len(values) - limit)[len(values) - limit]
    above = rows[values > border]
    equal = rows[values == border]
    return np.concatenate((above, equal[np.argsort(keys[equal], kind="stable")[: limit - len(above)]]))


def _defined(snapshot: Snapshot, query: Query, files_of: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the chunks that define a symbol which the question names; of a qualified one, those so qualified if there are any."""
    found = [np.empty(0, dtype=np.int64)]
    for identifier in query.identifiers:
        defined = snapshot.defined(simple_name(identifier))
        qualified = _separated(identifier)
        rows = [row for row, name in enumerate(defined.qualified_names) if _separated(name).endswith(qualified)]
        found.append(defined.chunks[rows] if rows else defined.chunks)
    ordinals = np.unique(np.concatenate(found))
    return ordinals[files_of[ordinals] >= 0]


def _separated(name: str) -> str:
    """Return a qualified name with dots between and before its parts, case folded."""
    folded = name.casefold().removesuffix("()")
    for separator in ("::", "->", "#", "/", "\\"):
        folded = folded.replace(separator, ".")
    return "." + folded if "." in folded else folded


def _path_chunks(snapshot: Snapshot, paths: NDArray[np.float32], allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    files = np.flatnonzero(paths if allowed is None else paths * allowed)
    if len(files) > weights.PATH_POOL_FILES:
        first_keys = snapshot.keys[np.maximum(snapshot.file_first[files], 0)]
        files = files[np.lexsort((first_keys, -paths[files]))[: weights.PATH_POOL_FILES]]
    ordinals = file_ordinals(snapshot, files)
    return ordinals if len(ordinals) <= weights.POOL else np.sort(ordinals[np.argsort(snapshot.keys[ordinals])[: weights.POOL]])


def _stems(paths: Sequence[str], found: NDArray[np.float32], files: NDArray[np.int64], terms: Sequence[str]) -> NDArray[np.float32]:
    """Return for each file the share of its name's words that the question has; files whose path has none are not looked at."""
    asked = {base_form(term) for term in terms}
    distinct, rows = np.unique(files, return_inverse=True)
    shares = np.zeros(len(distinct), dtype=np.float32)
    for row in np.flatnonzero(found[distinct]).tolist():
        words = _name_words(paths[int(distinct[row])])
        shares[row] = len(words & asked) / len(words) if words else 0.0
    return shares[rows]


@lru_cache(maxsize=1 << 15)
def _name_words(path: str) -> frozenset[str]:
    """Return the words of a file's name; a name that says nothing (index, init, mod, main) is that of its folder."""
    folder, _, name = path.rpartition("/")
    stem = name.split(".")[0].strip("_")
    if stem.casefold() in _TELLS_NOTHING:
        stem = folder.rpartition("/")[2]
    words = {base_form(term) for term in count_terms(stem) if term.isalpha()}
    return frozenset(words - {stem.casefold()} or words)
