"""Who uses this symbol?"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codetriever.chunking.symbols import references
from codetriever.errors import InvalidQuery
from codetriever.lexical.terms import CUT, word_terms
from codetriever.search.filters import allowed_files
from codetriever.search.literals import files_with_terms
from codetriever.search.query import simple_name
from codetriever.types import Role, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codetriever.search.search import Source
    from codetriever.store.store import Snapshot

# Telling occurrences apart parses their file; in more files than this only those on the page are told apart.
MAX_PARSED_FILES = 200
# A line longer than this is shown around the occurrence only.
_MAX_LINE_CHARACTERS = 400


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
    defines: bool


def find_usages(sources: Sequence[Source], symbol: str, *, limit: int, offset: int = 0, mask: Callable[[str], str] = str) -> FoundUsages:
    """Find every whole-word occurrence of a symbol: definitions first, then by path and line.

    Of a qualified name (`Session.refresh`) the last part is looked for, and only definitions so qualified come first. Raises
    `InvalidQuery` when it is not a name.
    """
    name = simple_name(symbol.strip())
    terms = (*word_terms(name)[:1], CUT)
    if not re.fullmatch(r"\w+[?!]?", name) or len(terms) == 1:
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


def _occurrences(source: Source, number: int, name: str, terms: Sequence[str], symbol: str) -> Iterator[_Occurrence]:
    snapshot = source.snapshot
    allowed = allowed_files(snapshot.files, source.filter)
    holding = files_with_terms(snapshot, terms)
    for file in np.flatnonzero(holding if allowed is None else holding & allowed).tolist():
        lines = _definition_lines(snapshot, file, name, symbol)
        content, encoding = snapshot.content(file), snapshot.encoding(file)
        line, counted = 1, 0
        for byte_start in _whole_words(content, name, encoding):
            line += content.count(b"\n", counted, byte_start)
            counted = byte_start
            defines = line in lines
            lines.discard(line)
            yield _Occurrence(number, file, byte_start, defines)


def _definition_lines(snapshot: Snapshot, file: int, name: str, symbol: str) -> set[int]:
    defined = snapshot.definitions(file)
    qualified = symbol.replace("::", ".").replace("#", ".")
    return {
        int(line)
        for line, simple, full in zip(defined.lines, defined.names, defined.qualified_names, strict=True)
        if simple == name and (qualified == name or full.replace("::", ".").endswith(qualified))
    }


def _whole_words(content: bytes, name: str, encoding: str) -> list[int]:
    """Return the byte offsets at which the name stands as a word of its own."""
    if encoding in ("utf-8", "ascii") and name.isascii():
        pattern = rb"(?<![A-Za-z0-9_\x80-\xff])" + re.escape(name.encode()) + rb"(?![A-Za-z0-9_\x80-\xff])"
        return [found.start() for found in re.finditer(pattern, content)]
    text = content.decode(encoding, errors="surrogateescape" if encoding == "utf-8" else "replace")
    starts = [found.start() for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    return [len(text[:start].encode(encoding, errors="surrogateescape")) for start in starts]


def _kinds(snapshot: Snapshot, file: int, name: str) -> dict[int, str]:
    """Parse a file and return what each place is at which the name stands, by byte offset."""
    language = snapshot.files.language_names[int(snapshot.files.languages[file])]
    if snapshot.encoding(file) not in ("utf-8", "ascii"):
        return {}
    return {found.byte_start: found.context for found in references(snapshot.content(file), language) if found.name == name}


def _kind(one: _Occurrence, kinds: dict[tuple[int, int], dict[int, str]]) -> str:
    if one.defines:
        return "definition"
    in_file = kinds.get((one.source, one.file))
    return "occurrence" if in_file is None else in_file.get(one.byte_start, "reference")


def _usage(sources: Sequence[Source], one: _Occurrence, kind: str, name: str, mask: Callable[[str], str]) -> Usage:
    source = sources[one.source]
    snapshot = source.snapshot
    content, encoding = snapshot.content(one.file), snapshot.encoding(one.file)
    line_start = content.rfind(b"\n", 0, one.byte_start) + 1
    line_end = content.find(b"\n", one.byte_start)
    line_end = len(content) if line_end < 0 else line_end
    first = max(line_start, one.byte_start - _MAX_LINE_CHARACTERS // 2)
    last = min(line_end, one.byte_start + _MAX_LINE_CHARACTERS // 2)
    return Usage(
        path=snapshot.files.paths[one.file],
        line=content.count(b"\n", 0, one.byte_start) + 1,
        byte_start=one.byte_start,
        byte_end=one.byte_start + len(name.encode(encoding, errors="replace")),
        kind=kind,
        text=mask(content[first:last].decode(encoding, errors="replace").rstrip("\r")),
        name=_enclosing_name(snapshot, one.file, one.byte_start),
        language=snapshot.files.language_names[int(snapshot.files.languages[one.file])],
        role=list(Role)[int(snapshot.files.roles[one.file])],
        repository=source.repository,
        branch=source.branch,
    )


def _enclosing_name(snapshot: Snapshot, file: int, offset: int) -> str:
    defined = snapshot.definitions(file)
    around = np.flatnonzero((defined.byte_start <= offset) & (defined.byte_end > offset))
    if len(around) == 0:
        return ""
    return defined.qualified_names[int(around[np.argmax(defined.byte_start[around])])]
