"""What does a text define where its grammar gave up?

A parser that loses its way puts long stretches into one error: a dialect, a language newer than its grammar, templates of another
language. In errors of at least `BROKEN_BYTES` definitions are found by their keyword at the start of a line, and end where the next
one that is not indented deeper begins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codetriever.types import Definition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

BROKEN_BYTES = 1024
"""An error of this size swallows definitions; smaller ones are a typing error, or a macro here and there."""

_KINDS = {
    b"actor": "class",
    b"class": "class",
    b"constructor": "method",
    b"defmodule": "module",
    b"defp": "function",
    b"def": "function",
    b"enum": "enum",
    b"extension": "impl",
    b"fn": "function",
    b"function": "function",
    b"func": "function",
    b"fun": "function",
    b"impl": "impl",
    b"interface": "interface",
    b"module": "module",
    b"namespace": "namespace",
    b"object": "class",
    b"procedure": "function",
    b"proc": "function",
    b"protocol": "interface",
    b"record": "class",
    b"struct": "struct",
    b"sub": "function",
    b"table": "table",
    b"trait": "trait",
    b"typealias": "type",
    b"union": "union",
    b"view": "view",
}
_MODIFIERS = (
    b"abstract|async|companion|const|create|data|declare|default|enum|export|external|extern|fileprivate|final|global|infix|inline|"
    b"inner|internal|local|materialized|open|operator|or|override|partial|private|protected|pub|public|pure|replace|sealed|static|"
    b"suspend|temp|temporary|unsafe|value|virtual"
)
# Compiled for the first text that needs it: few do, and it takes a millisecond.
_KEYWORD_LINE = (
    rb"(?mi)^(?P<indent>[ \t]*)(?:@\w+(?:\([^()\n]*\))?[ \t]+)*(?:(?:%b)\b(?:\([^()\n]*\))?[ \t]+){0,6}"
    rb"(?P<word>%b)[ \t]+(?:if[ \t]+not[ \t]+exists[ \t]+)?(?:\([^()\n]*\)[ \t]*|<[^<>\n]*>[ \t]*)?(?:[\w$]+(?:<[^<>\n]*>)?[.:]+)*"
    rb"(?P<name>[A-Za-z_\x80-\xff][\w$\x80-\xff]*(?:-\w+)*[!?]?)"
    rb"(?=[ \t]*(?:[(<{:=;\[\r\n]|$|as\b|for\b|extends\b|implements\b|do\b|where\b))" % (_MODIFIERS, b"|".join(_KINDS))
)
_SHELL_FUNCTION = rb"(?m)^(?P<indent>[ \t]*)(?P<name>[\w][\w.:-]*)[ \t]*\(\)[ \t]*(?=[{(\r\n])"
_SIGNATURE_BYTES = 240
_TYPES = frozenset({"class", "struct", "union", "enum", "trait", "interface", "impl"})
_OWNERS = _TYPES | {"namespace", "module"}


def broken_parts(root: Node) -> list[Node]:
    """Return the outermost errors of at least `BROKEN_BYTES`, in byte order."""
    if not root.has_error:
        return []
    parts = []
    stack = [root]
    while stack:
        part = stack.pop()
        if part.end_byte - part.start_byte < BROKEN_BYTES:
            continue
        if part.is_error:
            parts.append(part)
        elif part.has_error:
            stack.extend(part.children)
    return sorted(parts, key=lambda part: part.start_byte)


def add_recovered(known: list[Definition], root: Node, source: bytes, language: str) -> list[Definition]:
    """Return the known definitions of a parsed text with those that its errors hide, in byte order."""
    parts = broken_parts(root)
    if not parts:
        return known
    places = {(one.line, one.name) for one in known}
    owners = [one for one in known if one.kind in _OWNERS]
    found = [
        one
        for part in parts
        for one in recover(source, part.start_byte, part.end_byte, language, owners)
        if (one.line, one.name) not in places
    ]
    return sorted((*known, *found), key=lambda one: (one.byte_start, -one.byte_end)) if found else known


def recover(source: bytes, start: int, end: int, language: str, owners: Sequence[Definition] = ()) -> Iterator[Definition]:
    """Find definitions by keyword and indentation between two bytes; the smallest of `owners` around both owns them."""
    around = max((one for one in owners if one.byte_start < start and one.byte_end >= end), key=lambda one: one.byte_start, default=None)
    pattern = re.compile(_SHELL_FUNCTION if language == "bash" else _KEYWORD_LINE)
    lines = list(pattern.finditer(source, source.rfind(b"\n", 0, start) + 1, end))
    line, counted = 1, 0
    path: list[tuple[int, str, str]] = [(-1, around.qualified_name, around.kind)] if around else []  # indent, qualified name, kind
    for one, last in zip(lines, _ends(source, lines, end), strict=True):
        indent = len(one["indent"])
        line += source.count(b"\n", counted, one.start())
        counted = one.start()
        while path and path[-1][0] >= indent:
            path.pop()
        kind = _KINDS[one["word"].lower()] if "word" in pattern.groupindex else "function"
        if kind == "function" and path and path[-1][2] in _TYPES:
            kind = "method"
        name = one["name"].decode("utf-8", "replace")
        qualified = f"{path[-1][1]}.{name}" if path else name
        path.append((indent, qualified, kind))
        yield _definition(source, one, last, line, name, qualified, kind)


def _ends(source: bytes, lines: Sequence[re.Match[bytes]], end: int) -> list[int]:
    """Return where each of these ends: before the next one that is not indented deeper."""
    ends = []
    following: list[tuple[int, int]] = []  # indent and start of those below, the nearest last
    for line in reversed(lines):
        indent = len(line["indent"])
        while following and following[-1][0] > indent:
            following.pop()
        last = following[-1][1] if following else end
        ends.append(line.start() + len(source[line.start() : last].rstrip()))
        following.append((indent, line.start()))
    return ends[::-1]


def _definition(source: bytes, found: re.Match[bytes], end: int, line: int, name: str, qualified: str, kind: str) -> Definition:
    start = found.end("indent")
    line_end = source.find(b"\n", start, end)
    signature = source[start : min(end if line_end < 0 else line_end, start + _SIGNATURE_BYTES)]
    return Definition(
        name=name,
        qualified_name=qualified,
        kind=kind,
        line=line,
        byte_start=start,
        byte_end=end,
        start_line=line,
        end_line=line + source.count(b"\n", start, end),
        signature=" ".join(signature.decode("utf-8", "replace").split()).rstrip(" {:=;"),
    )
