"""What surrounds this line?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.chunking.symbols import imports_span
from codetriever.errors import InvalidQuery
from codetriever.search.lines import line_starts
from codetriever.search.notebook import is_notebook, source_between
from codetriever.search.places import chunk_at
from codetriever.types import KINDS, Definition, Excerpt
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetriever.store.store import Snapshot
    from codetriever.types import DefinitionColumns

# How many definitions before and after the line's are named.
_NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The definition around a line, widened by the radius, the imports, and the neighbours at the same depth or above."""

    enclosing: Excerpt
    imports: Excerpt | None
    before: tuple[Definition, ...]
    after: tuple[Definition, ...]


def surroundings(snapshot: Snapshot, file: int, line: int, *, radius: int = 0, mask: Callable[[str], str] = str) -> Surroundings:
    """Return what surrounds a line of a file; without a definition around it, the chunk it lies in. Raises `InvalidQuery`."""
    content = snapshot.content(file)
    starts = line_starts(content, snapshot.encoding(file))
    if not 1 <= line <= len(starts):
        raise InvalidQuery(f"{snapshot.files.paths[file]} has {len(starts):,} lines; there is no line {line:,}.")
    definitions = as_definitions(snapshot.definitions(file), mask=mask)
    around = [one for one in definitions if one.start_line <= line <= one.end_line]
    inner = max(around, key=lambda one: one.byte_start, default=None)
    if inner is None:
        first, last, kind, name = *_chunk_lines(snapshot, file, line), "block", ""
    else:
        first, last, kind, name = inner.start_line, inner.end_line, inner.kind, inner.qualified_name

    def excerpt(first: int, last: int, kind: str, name: str) -> Excerpt:
        return _excerpt(snapshot, file, first, last, kind=kind, name=name, mask=mask)

    imports = _import_lines(snapshot, file, content)
    others = [one for one in definitions if inner is None or not (inner.byte_start <= one.byte_start < inner.byte_end)]
    outside = [one for one in others if one not in around]
    return Surroundings(
        enclosing=excerpt(first - radius, last + radius, kind, name),
        imports=excerpt(*imports, "block", "") if imports and imports[1] < first - radius else None,
        before=tuple(one for one in outside if one.end_line < line)[-_NEIGHBOURS:],
        after=tuple(one for one in outside if one.start_line > line)[:_NEIGHBOURS],
    )


def lines_around(snapshot: Snapshot, file: int, first: int, last: int, *, mask: Callable[[str], str] = str) -> Excerpt:
    """Return lines `first` to `last` of a file, as far as it has them."""
    return _excerpt(snapshot, file, first, last, mask=mask)


def _excerpt(
    snapshot: Snapshot, file: int, first: int, last: int, *, kind: str = "block", name: str = "", mask: Callable[[str], str] = str
) -> Excerpt:
    """Cut lines `first` to `last` out of a file; both ends are moved into the file."""
    content, encoding = snapshot.content(file), snapshot.encoding(file)
    starts = line_starts(content, encoding)
    first = min(max(first, 1), len(starts))
    last = max(min(last, len(starts)), first)
    start, end = int(starts[first - 1]), int(starts[last]) if last < len(starts) else len(content)
    text = source_between(snapshot, file, first, last) if is_notebook(snapshot, file) else content[start:end].decode(encoding, "replace")
    return Excerpt(first, last, start, end, mask(text), kind, name)


def as_definitions(columns: DefinitionColumns, *, mask: Callable[[str], str] = str) -> list[Definition]:
    """Return the rows of the columns as values; `mask` is applied to the signatures."""
    return [
        Definition(name, qualified, KINDS[kind], line, byte_start, byte_end, start_line, end_line, mask(signature))
        for name, qualified, signature, kind, line, byte_start, byte_end, start_line, end_line in zip(
            columns.names,
            columns.qualified_names,
            columns.signatures,
            columns.kinds.tolist(),
            columns.lines.tolist(),
            columns.byte_start.tolist(),
            columns.byte_end.tolist(),
            columns.start_line.tolist(),
            columns.end_line.tolist(),
            strict=True,
        )
    ]


def _chunk_lines(snapshot: Snapshot, file: int, line: int) -> tuple[int, int]:
    ordinal = chunk_at(snapshot, file, line)
    if ordinal < 0:
        return line, line
    columns = snapshot.chunks(np.array([ordinal]))
    return min(int(columns.start_line[0]), line), max(int(columns.end_line[0]), line)


def _import_lines(snapshot: Snapshot, file: int, content: bytes) -> tuple[int, int] | None:
    """Return the first and last line of the imports; offsets of other encodings than UTF-8 are not comparable."""
    if snapshot.encoding(file) not in ("utf-8", "ascii"):
        return None
    language = snapshot.files.language_names[int(snapshot.files.languages[file])]
    span = imports_span(content, language)
    if span is None:
        return None
    start, end = span
    return content.count(b"\n", 0, start) + 1, content.count(b"\n", 0, max(end - 1, start)) + 1
