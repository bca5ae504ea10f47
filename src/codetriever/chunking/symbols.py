"""Where does this text use its names, and as what?

Parsed on demand, for the files that are shown: the index holds definitions only. The reference patterns of
`queries/<language>.scm` capture `@reference`, `@reference.call` and `@import`; comments and strings are known by the names that
every grammar gives them. A name in a string's interpolated code is code.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from codetriever.chunking.definitions import name_offsets
from codetriever.chunking.layers import split_layers
from codetriever.chunking.parse import load_language, load_query, parse_source, run_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node, Query

Context = Literal["definition", "import", "call", "reference", "comment", "string"]

_WORD = re.compile(rb"[A-Za-z_$\x80-\xff][A-Za-z0-9_$\x80-\xff]*")
_FEW_WORDS = 100
"""So many occurrences of a name are looked at one by one; for more of them the whole tree is."""

_COMMENT = re.compile("comment|^haddock$|^pod$")
_STRING = re.compile("string|heredoc|char_literal|character_literal|rune_literal")
_NO_STRING = re.compile("type|interpolation|substitution|expression|_start|_end|_content|escape")


@dataclass(frozen=True, slots=True)
class Reference:
    """An occurrence of a name. Bytes are of the text that was parsed; `line` is 1-based."""

    name: str
    line: int
    byte_start: int
    byte_end: int
    context: Context


class _Spans:
    """Stretches of text, the outermost of those that overlap."""

    def __init__(self, parts: Sequence[Node]) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        for start, negative_end in sorted((part.start_byte, -part.end_byte) for part in parts):
            if not self.ends or start >= self.ends[-1]:
                self.starts.append(start)
                self.ends.append(-negative_end)

    def hold(self, offset: int) -> bool:
        """Is there a stretch around this byte?"""
        before = bisect_right(self.starts, offset) - 1
        return before >= 0 and offset < self.ends[before]


def references(source: bytes, language: str, *, name: str = "") -> list[Reference]:
    """Return every occurrence of every name, or of one, in byte order; words of comments and strings included.

    Empty for a language without a grammar. What the grammar does not tell is a "reference".
    """
    found = [
        (start, end, context)
        for layer in split_layers(source, language)
        for start, end, context in _layer_references(layer.source, layer.language, name)
    ]
    found.sort()
    occurrences = []
    line, counted = 1, 0
    for start, end, context in found:
        line += source.count(b"\n", counted, start)
        counted = start
        occurrences.append(Reference(source[start:end].decode("utf-8", "replace"), line, start, end, context))
    return occurrences


def _layer_references(source: bytes, language: str, name: str) -> Iterator[tuple[int, int, Context]]:
    tree = parse_source(source, language)
    if tree is None:
        return
    root = tree.root_node
    words = _words(source, name)
    spans = words if name and len(words) <= _FEW_WORDS else ()
    contexts: dict[int, Context] = dict.fromkeys(name_offsets(root, source, language, spans), "definition")
    used = _captures(load_query(language, "references"), root, spans)
    quoted = _captures(_quoting_query(language), root, spans)
    imports, comments, strings = (_Spans(parts) for parts in (used.get("import", ()), quoted.get("comment", ()), quoted.get("string", ())))
    for capture, context in _USES:
        for part in used.get(capture, ()):
            contexts.setdefault(part.start_byte, "import" if imports.hold(part.start_byte) else context)
    for start, end in words:
        context = contexts.get(start) or _context_by_span(start, imports, comments, strings)
        if used and not name and start not in contexts and context in ("reference", "import") and not strings.hold(start):
            continue  # a keyword
        yield start, end, context


_USES: tuple[tuple[str, Context], ...] = (("reference.call", "call"), ("reference", "reference"))


def _context_by_span(start: int, imports: _Spans, comments: _Spans, strings: _Spans) -> Context:
    if comments.hold(start):
        return "comment"
    if imports.hold(start):
        return "import"
    return "string" if strings.hold(start) else "reference"


def _words(source: bytes, name: str) -> list[tuple[int, int]]:
    if not name:
        return [word.span() for word in _WORD.finditer(source)]
    edge = rb"[A-Za-z0-9_\x80-\xff]"
    return [word.span() for word in re.finditer(rb"(?<!%b)%b(?!%b)" % (edge, re.escape(name.encode()), edge), source)]


def _captures(query: Query | None, root: Node, spans: Sequence[tuple[int, int]] = ()) -> dict[str, list[Node]]:
    captured: dict[str, list[Node]] = {}
    for _, captures in run_query(query, root, spans) if query else ():
        for name, parts in captures.items():
            captured.setdefault(name, []).extend(parts)
    return captured


@cache
def _quoting_query(language: str) -> Query | None:
    """Return a query for a grammar's comments and strings, by what grammars call them."""
    from tree_sitter import Query

    grammar = load_language(language)
    if grammar is None:
        return None
    patterns = set()
    for number in range(grammar.node_kind_count):
        kind = grammar.node_kind_for_id(number) or ""
        if not (grammar.node_kind_is_named(number) and grammar.node_kind_is_visible(number)):
            continue
        if _COMMENT.search(kind):
            patterns.add(f"({kind}) @comment")
        elif _STRING.search(kind) and not _NO_STRING.search(kind):
            patterns.add(f"({kind}) @string")
    return Query(grammar, "\n".join(sorted(patterns))) if patterns else None


def imports_span(source: bytes, language: str) -> tuple[int, int] | None:
    """Return the bytes from a text's first import to the last of those near its top, or None when it imports nothing.

    An import more than `IMPORTS_GAP_LINES` lines below the one before it is not counted among them.
    """
    imports: list[Node] = []
    for layer in split_layers(source, language):
        tree = parse_source(layer.source, layer.language)
        query = load_query(layer.language, "references")
        if tree is not None and query is not None:
            imports += _captures(query, tree.root_node).get("import", ())
    imports.sort(key=lambda part: part.start_byte)
    if not imports:
        return None
    last = imports[0]
    for one in imports[1:]:
        if source.count(b"\n", last.end_byte, one.start_byte) > IMPORTS_GAP_LINES:
            break
        last = one
    return imports[0].start_byte, last.end_byte


IMPORTS_GAP_LINES = 5
"""Between two imports at the top of a file lie at most a comment, a condition and a few blank lines."""
