"""What is shown of a notebook? The source of its cells, and nothing of the JSON and the outputs around it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.store.store import Snapshot

NOTEBOOK = "jupyter"


def is_notebook(snapshot: Snapshot, file: int) -> bool:
    """Say whether a file is read cell by cell."""
    return snapshot.files.language_names[int(snapshot.files.languages[file])] == NOTEBOOK


def text_of_chunks(snapshot: Snapshot, file: int, spans: Sequence[tuple[int, int]]) -> str:
    """Return what consecutive chunks of a file say, given their first byte and their end: its text, or the source of a notebook's cells."""
    content, encoding = snapshot.content(file), snapshot.encoding(file)
    if is_notebook(snapshot, file):
        return source_of(content, spans, encoding)
    return content[spans[0][0] : spans[-1][1]].decode(encoding, errors="replace")


def source_of(content: bytes, spans: Sequence[tuple[int, int]], encoding: str) -> str:
    """Return the source that spans of a notebook's JSON stand for, a blank line between two cells."""
    from codetriever.chunking import chunk_text

    sources = [chunk_text(content[start:end].decode(encoding, errors="replace").encode(), NOTEBOOK) for start, end in spans]
    # Between two cells at least the object that a cell is ends; within a cell only strings do.
    seams = ["\n\n" if b"}" in content[end:start] else "\n" for (_, end), (start, _) in pairwise(spans)]
    return "".join(source.rstrip("\n") + seam for source, seam in zip(sources, [*seams, ""], strict=True))


def source_between(snapshot: Snapshot, file: int, first: int, last: int) -> str:
    """Return the source of a notebook's chunks that lie, or begin or end, in lines `first` to `last` of its JSON."""
    base, count = int(snapshot.file_first[file]), int(snapshot.file_chunks[file])
    columns = snapshot.chunks(np.arange(base, base + count))
    inside = np.flatnonzero((columns.start_line <= last) & (columns.end_line >= first))
    spans = list(zip(columns.byte_start[inside].tolist(), columns.byte_end[inside].tolist(), strict=True))
    return source_of(snapshot.content(file), spans, snapshot.encoding(file))
