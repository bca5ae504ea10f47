"""How is a view's list of files written, with the words of its paths?

The words of paths that the previous list had are taken from there: most lists differ from their predecessor in few paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.buffer import CHUNK_SHIFT, TERM_SHIFT, Interner, pair_chunks, pair_frequencies, posting_firsts
from codetriever.store.embedded.sections import SectionWriter, narrowed
from codetriever.store.embedded.views import FILE_COLUMNS, POSTING_SECTIONS, ViewFile, joined_paths
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.types import FileTable


def write_view(
    path: Path, files: FileTable, path_terms: Callable[[str], Mapping[str, int]], listing: bytes, *, previous: ViewFile | None
) -> None:
    """Write a list and make it durable."""
    writer = SectionWriter(path)
    try:
        joined = joined_paths(files.paths)
        ends = np.flatnonzero(np.frombuffer(joined, np.uint8) == 0) + 1
        writer.begin("paths", np.uint8)
        writer.write(joined)
        writer.put("path_offsets", narrowed(np.concatenate([np.zeros(1, np.int64), ends])))
        for name, dtype in FILE_COLUMNS:
            writer.put(name, np.asarray(getattr(files, name), dtype))
        if previous is not None and joined_paths(previous.files.paths) == joined:
            for name in POSTING_SECTIONS:
                writer.put(name, previous.section(name))
        else:
            _write_postings(writer, _postings(files, path_terms, previous))
        writer.begin("listing", np.uint8)
        writer.write(listing)
        writer.finish(language_names=list(files.language_names))
    except BaseException:
        writer.abandon()
        raise


@dataclass(frozen=True, slots=True)
class _Postings:
    """(term, file, frequency) as columns in any order; `terms` are numbers in `vocabulary`."""

    vocabulary: Interner
    terms: NDArray[Any]
    files: NDArray[Any]
    frequencies: NDArray[Any]


def _postings(files: FileTable, path_terms: Callable[[str], Mapping[str, int]], previous: ViewFile | None) -> _Postings:
    paths = list(files.paths)
    kept = _kept(previous, paths)
    known = np.zeros(len(paths), np.bool_)
    known[kept.files] = True
    new = np.flatnonzero(~known).tolist()
    counts = [path_terms(paths[position]) for position in new]
    terms = kept.vocabulary.intern([term for found in counts for term in found])
    frequencies = np.fromiter((count for found in counts for count in found.values()), np.int64, len(terms))
    owners = np.repeat(np.array(new, np.int64), np.fromiter(map(len, counts), np.int64, len(counts)))
    return _Postings(
        kept.vocabulary,
        np.concatenate([kept.terms, terms]),
        np.concatenate([kept.files, owners]),
        np.concatenate([kept.frequencies, np.minimum(frequencies, 255)]),
    )


def _kept(previous: ViewFile | None, paths: list[str]) -> _Postings:
    """Return the postings of paths that the previous list has as well, with the files' new positions."""
    vocabulary = Interner()
    if previous is None:
        return _Postings(vocabulary, *(np.empty(0, np.int64) for _ in range(3)))
    positions = {path: position for position, path in enumerate(paths)}
    moved = np.fromiter((positions.get(path, -1) for path in previous.files.paths), np.int64, len(previous.files.paths))
    first = previous.section("path_first").astype(np.int64)
    owners = moved[previous.section("path_files")]
    held = owners >= 0
    terms = vocabulary.intern(previous.terms.texts(np.arange(len(previous.terms))))
    return _Postings(vocabulary, np.repeat(terms, first[1:] - first[:-1])[held], owners[held], previous.section("path_frequencies")[held])


def _write_postings(writer: SectionWriter, postings: _Postings) -> None:
    used = np.bincount(postings.terms, minlength=len(postings.vocabulary.numbers)) > 0
    vocabulary = Interner()
    vocabulary.intern([term for term, is_used in zip(postings.vocabulary.numbers, used.tolist(), strict=True) if is_used])
    ranks = vocabulary.write(writer, "terms").astype(np.uint64)[(np.cumsum(used) - 1)[postings.terms]]
    pairs = (ranks << TERM_SHIFT) | (postings.files.astype(np.uint64) << CHUNK_SHIFT) | postings.frequencies.astype(np.uint64)
    pairs.sort()
    writer.put("path_first", posting_firsts(pairs, len(vocabulary.numbers)))
    writer.put("path_files", pair_chunks(pairs).astype(np.int32))
    writer.put("path_frequencies", pair_frequencies(pairs))
