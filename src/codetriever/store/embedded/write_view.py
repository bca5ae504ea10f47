"""How is a view's list of files written, with the words of its paths?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.store.embedded.buffer import CHUNK_SHIFT, TERM_SHIFT, Interner, pair_chunks, pair_frequencies, posting_firsts
from codetriever.store.embedded.sections import SectionWriter, narrowed
from codetriever.store.embedded.views import FILE_COLUMNS, path_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from codetriever.types import FileTable


def write_view(path: Path, files: FileTable, path_terms: Sequence[Mapping[str, int]], listing: bytes) -> None:
    """Write a list and make it durable."""
    writer = SectionWriter(path)
    try:
        names = [path_bytes(name) for name in files.paths]
        offsets = np.zeros(len(names) + 1, np.int64)
        np.cumsum(np.fromiter((len(name) + 1 for name in names), np.int64, len(names)), out=offsets[1:])
        writer.begin("paths", np.uint8)
        writer.write(b"".join(name + b"\0" for name in names))
        writer.put("path_offsets", narrowed(offsets))
        for name, dtype in FILE_COLUMNS:
            writer.put(name, np.asarray(getattr(files, name), dtype))
        _write_path_terms(writer, path_terms)
        writer.begin("listing", np.uint8)
        writer.write(listing)
        writer.finish(language_names=list(files.language_names))
    except BaseException:
        writer.abandon()
        raise


def _write_path_terms(writer: SectionWriter, path_terms: Sequence[Mapping[str, int]]) -> None:
    counts = np.fromiter(map(len, path_terms), np.int64, len(path_terms))
    interner = Interner()
    numbers = interner.intern([term for terms in path_terms for term in terms])
    frequencies = np.fromiter((count for terms in path_terms for count in terms.values()), np.int64, len(numbers))
    ranks = interner.write(writer, "terms").astype(np.uint64)
    pairs = (ranks[numbers] << TERM_SHIFT) | (np.repeat(np.arange(len(counts), dtype=np.uint64), counts) << CHUNK_SHIFT)
    pairs |= np.minimum(frequencies, 255).astype(np.uint64)
    pairs.sort()
    writer.put("path_first", posting_firsts(pairs, len(ranks)))
    writer.put("path_files", pair_chunks(pairs).astype(np.int32))
    writer.put("path_frequencies", pair_frequencies(pairs))
