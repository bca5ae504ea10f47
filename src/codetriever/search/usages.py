"""Who uses this symbol?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from codetriever.chunking.symbols import references
from codetriever.errors import InvalidQuery
from codetriever.lexical.terms import CUT, query_terms
from codetriever.search.filters import allowed_files
from codetriever.search.lines import find_word, line_starts
from codetriever.search.literals import files_with_terms
from codetriever.search.notebook import is_notebook, source_of
from codetriever.search.query import is_qualified_as, simple_name
from codetriever.types import Role, Usage
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codetriever.search.search import Source
    from codetriever.store.store import Snapshot

# Telling occurrences apart parses their file; in more files than this only those on the page are told apart.
MAX_PARSED_FILES = 200
# A line longer than this is shown around the occurrence only.
_MAX_LINE_CHARACTERS = 400
# So much of it on each side is looked at for secrets that the cut may go through; a multiple of every encoding's unit.
_MAX_MASKED_BYTES = 8192


@dataclass(frozen=True, slots=True)
class FoundUsages:
    """A page of occurrences; `total` is of all. `counts` are of all as well, "occurrence" standing for those not told apart."""

    usages: tuple[Usage, ...]
    total: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Occurrence:
    source: int
    file: int
    byte_start: int
    line: int
    line_start: int
    line_end: int
    defines: bool


def find_usages(sources: Sequence[Source], symbol: str, *, limit: int, offset: int = 0, mask: Callable[[str], str] = str) -> FoundUsages:
    """Find every whole-word occurrence of a symbol: definitions first, then by path and line.

    Of a qualified name (`Session.refresh`) the last part is looked for, and only definitions so qualified come first. Raises
    `InvalidQuery` when it is not a name.
    """
    name = simple_name(symbol.strip())
    terms = words_of(symbol)
    if not f"_{name.rstrip('?!').replace('$', '_')}".isidentifier() or len(terms) == 1:
        raise InvalidQuery(
            f"{symbol!r} is not a symbol's name.", hint="Name a function, type or variable; `search --exact` finds any text."
        )
    occurrences = [
        occurrence for number, source in enumerate(sources) for occurrence in _occurrences(source, number, name, terms, symbol.strip())
    ]
    occurrences.sort(key=lambda one: not one.defines)
    page = occurrences[offset : offset + limit]
    files = {(one.source, one.file) for one in occurrences}
    told_apart = files if len(files) <= MAX_PARSED_FILES else {(one.source, one.file) for one in page}
    kinds = {key: _kinds(sources[key[0]].snapshot, key[1], name) for key in told_apart}
    counts = Counter(_kind(one, kinds) for one in occurrences)
    usages = tuple(_usage(sources, one, _kind(one, kinds), name, mask) for one in page)
    return FoundUsages(usages, len(occurrences), dict(sorted(counts.items())))


def words_of(symbol: str) -> tuple[str, ...]:
    """Return the terms of which every chunk that has the symbol has one; of something that is no name only that of words that were cut."""
    return (*query_terms(simple_name(symbol.strip()))[:1], CUT)


def _occurrences(source: Source, number: int, name: str, terms: Sequence[str], symbol: str) -> Iterator[_Occurrence]:
    snapshot = source.snapshot
    allowed = allowed_files(snapshot.files, source.filter)
    holding = files_with_terms(snapshot, terms)
    for file in np.flatnonzero(holding if allowed is None else holding & allowed).tolist():
        content, encoding = snapshot.content(file), snapshot.encoding(file)
        offsets = find_word(content, name, encoding)
        if len(offsets) == 0:
            continue
        starts = line_starts(content, encoding)
        lines = np.searchsorted(starts, offsets, side="right")
        ends = np.append(starts[1:], len(content))
        defining = _definition_lines(snapshot, file, name, symbol)
        for byte_start, line in zip(offsets.tolist(), lines.tolist(), strict=True):
            yield _Occurrence(number, file, byte_start, line, int(starts[line - 1]), int(ends[line - 1]), line in defining)
            defining.discard(line)


def _definition_lines(snapshot: Snapshot, file: int, name: str, symbol: str) -> set[int]:
    defined = snapshot.definitions(file)
    return {
        int(line)
        for line, simple, full in zip(defined.lines, defined.names, defined.qualified_names, strict=True)
        if simple == name and is_qualified_as(full, symbol)
    }


def _kinds(snapshot: Snapshot, file: int, name: str) -> dict[int, str]:
    """Parse a file and return what each place is at which the name stands, by byte offset."""
    language = snapshot.files.language_names[int(snapshot.files.languages[file])]
    if snapshot.encoding(file) not in ("utf-8", "ascii"):
        return {}
    return {found.byte_start: found.context for found in references(snapshot.content(file), language, name=name)}


def _kind(one: _Occurrence, kinds: dict[tuple[int, int], dict[int, str]]) -> str:
    if one.defines:
        return "definition"
    in_file = kinds.get((one.source, one.file))
    return "occurrence" if in_file is None else in_file.get(one.byte_start, "reference")


def _usage(sources: Sequence[Source], one: _Occurrence, kind: str, name: str, mask: Callable[[str], str]) -> Usage:
    source = sources[one.source]
    snapshot = source.snapshot
    content, encoding = snapshot.content(one.file), snapshot.encoding(one.file)
    return Usage(
        path=snapshot.files.paths[one.file],
        line=one.line,
        byte_start=one.byte_start,
        byte_end=one.byte_start + len(name.encode(encoding, errors="replace")),
        kind=kind,
        text=_line_of_cell(content, one, encoding, mask) if is_notebook(snapshot, one.file) else _line_text(content, one, encoding, mask),
        name=_enclosing_name(snapshot, one.file, one.byte_start),
        language=snapshot.files.language_names[int(snapshot.files.languages[one.file])],
        role=list(Role)[int(snapshot.files.roles[one.file])],
        repository=source.repository,
        branch=source.branch,
    )


def _line_of_cell(content: bytes, one: _Occurrence, encoding: str, mask: Callable[[str], str]) -> str:
    """Return the line of a cell that a line of a notebook's JSON holds; of longer JSON what lies around the occurrence."""
    if one.line_end - one.line_start > _MAX_MASKED_BYTES:
        return _line_text(content, one, encoding, mask)
    return mask(source_of(content, [(one.line_start, one.line_end)], encoding))


def _line_text(content: bytes, one: _Occurrence, encoding: str, mask: Callable[[str], str]) -> str:
    """Return the occurrence's line, or what lies around it of a long one, masked before it is cut."""
    first = max(one.line_start, one.byte_start - _MAX_MASKED_BYTES)
    before = content[first : one.byte_start].decode(encoding, errors="replace")
    after = content[one.byte_start : min(one.line_end, one.byte_start + _MAX_MASKED_BYTES)].decode(encoding, errors="replace")
    shown = mask(before + after.rstrip("\r\n"))
    return shown[max(len(before) - _MAX_LINE_CHARACTERS // 2, 0) : len(before) + _MAX_LINE_CHARACTERS // 2]


def _enclosing_name(snapshot: Snapshot, file: int, offset: int) -> str:
    defined = snapshot.definitions(file)
    around = np.flatnonzero((defined.byte_start <= offset) & (defined.byte_end > offset))
    if len(around) == 0:
        return ""
    return defined.qualified_names[int(around[np.argmax(defined.byte_start[around])])]
