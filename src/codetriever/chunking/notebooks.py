"""Where is the source in a notebook? Cell by cell, as spans of its JSON; outputs are left out.

A layer of a notebook has the cells of one language, unescaped, each at the bytes where it lies in the file, so that what is found
in the layer needs no translation but that of its lines.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from codetriever.chunking.chunk import make_chunks, tree_boundaries
from codetriever.chunking.components import Layer
from codetriever.chunking.definitions import find_definitions
from codetriever.chunking.parse import parse_briefly
from codetriever.types import Pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from codetriever.chunking.chunk import Boundary
    from codetriever.types import Chunk, Definition

NOTEBOOK = "jupyter"
_DEFAULT_LANGUAGE = "python"
_KERNELS = {"ir": "r", "c++": "cpp", "c#": "csharp", "f#": "fsharp", "ipython": "python", "python3": "python", "ijavascript": "javascript"}
_ESCAPES = re.compile(rb"\\n|(?:\\(?:u[0-9a-fA-F]{4}|[^n]))+", re.DOTALL)
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"|\Z)', re.DOTALL)
_UNQUOTED = re.compile(rb'(?:[^"\\]|\\.)*+', re.DOTALL)
_LINE_DEPTH = 1 << 10
"""Depth of a line that is no statement's start: a cell is cut there only when nothing better is at hand."""


class Cell(NamedTuple):
    """A cell's source: the bytes from its first quote to its last, and those of the strings within the quotes."""

    language: str
    start: int
    end: int
    strings: Sequence[tuple[int, int]]


def find_cells(source: bytes) -> list[Cell] | None:
    """Return the cells of a notebook (nbformat 3 or later) that have a source, in byte order; None when it is no notebook."""
    tree = parse_briefly(source, "json")
    root = tree.root_node.named_child(0) if tree is not None and tree.root_node.named_child_count else None
    notebook = _members(root)
    if "cells" not in notebook and "worksheets" not in notebook:
        return None
    language = _kernel_language(notebook.get("metadata"))
    sheets = [notebook] + [_members(sheet) for sheet in _items(notebook.get("worksheets"))]
    cells = []
    for cell in (_members(cell) for sheet in sheets for cell in _items(sheet.get("cells"))):
        value = cell.get("source") or cell.get("input")
        strings = [] if value is None else [part for part in (value, *value.named_children) if part.type == "string"]
        spans = [(part.start_byte + 1, part.end_byte - 1) for part in strings if part.end_byte - part.start_byte > 2]
        if spans:
            kind = _word(cell.get("cell_type"))
            cell_language = language if kind == "code" else "markdown" if kind == "markdown" else ""
            cells.append(Cell(cell_language, spans[0][0] - 1, spans[-1][1] + 1, spans))
    return cells


def _members(value: Node | None) -> dict[str, Node]:
    members = {}
    for pair in value.named_children if value is not None and value.type == "object" else ():
        key, member = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if key is not None and member is not None:
            members[_word(key)] = member
    return members


def _items(value: Node | None) -> list[Node]:
    return value.named_children if value is not None and value.type == "array" else []


def _word(value: Node | None) -> str:
    return "" if value is None or value.text is None else value.text[:100].decode("utf-8", "replace").strip('"')


def _kernel_language(metadata: Node | None) -> str:
    """Return the language that the notebook's metadata name, as languages are called here."""
    told = _members(metadata)
    name = _word(_members(told.get("language_info")).get("name")) or _word(_members(told.get("kernelspec")).get("language"))
    word = name.lower()
    return _KERNELS.get(word, word) or _DEFAULT_LANGUAGE


def notebook_layers(source: bytes) -> list[Layer]:
    """Return what a notebook's cells hold, one layer for each language. Line feeds are those of the cells, not of the JSON."""
    return _layers(source, find_cells(source) or ())


def _layers(source: bytes, cells: Sequence[Cell]) -> list[Layer]:
    layers = []
    for language in dict.fromkeys(cell.language for cell in cells):
        text = bytearray(b" ") * len(source)
        for cell in cells:
            if cell.language != language:
                continue
            for start, end in cell.strings:
                text[start - 1] = 0x0A
                text[start:end] = _ESCAPES.sub(_unescape_in_place, source[start:end])
            text[cell.end - 1] = 0x0A
        layers.append(Layer(language, bytes(text)))
    return layers


def _unescape_in_place(escapes: re.Match[bytes]) -> bytes:
    """Return the text of some escapes, as long as they are: the signs stay together, what is left over becomes blanks."""
    raw = escapes[0]
    if raw == rb"\n":
        return b" \n"
    return _unescape(raw).ljust(len(raw))[: len(raw)]


def _unescape(raw: bytes) -> bytes:
    try:
        text: str = json.loads(b'"%b"' % raw, strict=False)
    except ValueError:
        return raw
    return text.encode("utf-8", "replace")


def plain_text(span: bytes) -> str:
    """Return the source that a chunk of a notebook stands for: what its JSON strings hold, one after the other.

    A span may begin or end within a string.
    """
    rest = span.lstrip(b" \t\r\n,")
    parts = []
    if not rest.startswith(b'"'):
        found = _UNQUOTED.match(rest)
        parts.append(found[0] if found else b"")
        rest = rest[len(parts[0]) + 1 :]
    parts += _STRING.findall(rest)
    return b"".join(_unescape(part) for part in parts).decode("utf-8", "replace")


def cut_notebook(source: bytes, *, budget_bytes: int) -> Pieces | None:
    """Cut a notebook into chunks, none of which reaches over a cell's end; None when it is none."""
    cells = find_cells(source)
    if cells is None:
        return None
    lines = [found.start() for found in re.finditer(rb"\n", source)]
    definitions: list[Definition] = []
    boundaries: dict[int, int] = {}
    for layer in _layers(source, cells):
        for place in _line_starts(layer.source):
            if source[place : place + 1] != b'"':  # a string ends here: the line goes on in the next one
                boundaries[_before_quote(source, place)] = _LINE_DEPTH
        tree = parse_briefly(layer.source, layer.language)
        if tree is not None:
            found = find_definitions(tree.root_node, layer.source, layer.language)
            definitions += _in_cells(found, cells, layer.source, lines)
            for place, depth in tree_boundaries(tree.root_node, layer.source, budget_bytes):
                boundaries[_before_quote(source, place)] = depth
    definitions.sort(key=lambda one: (one.byte_start, -one.byte_end))
    ascending = sorted(boundaries.items())
    chunks = [chunk for cell in cells for chunk in _cut_cell(source, cell, ascending, definitions, lines, budget_bytes)]
    return Pieces(chunks, definitions, NOTEBOOK)


def _line_starts(text: bytes) -> list[int]:
    return [found.end() for found in re.finditer(rb"\n", text)]


def _before_quote(source: bytes, place: int) -> int:
    return place - 1 if source[place - 1 : place] == b'"' else place


def _in_cells(definitions: Sequence[Definition], cells: Sequence[Cell], layer: bytes, lines: Sequence[int]) -> Iterator[Definition]:
    """End definitions with their cell, and number lines as the file does instead of the layer."""
    starts = [0, *_line_starts(layer)]
    for one in definitions:
        cell = cells[bisect_left(cells, one.byte_start, key=lambda cell: cell.start) - 1]
        end = min(one.byte_end, cell.end)
        yield replace(
            one,
            line=1 + bisect_left(lines, starts[one.line - 1]),
            byte_end=end,
            start_line=1 + bisect_left(lines, one.byte_start),
            end_line=1 + bisect_left(lines, end),
        )


def _cut_cell(
    source: bytes, cell: Cell, boundaries: Sequence[Boundary], definitions: Sequence[Definition], lines: Sequence[int], budget_bytes: int
) -> Iterator[Chunk]:
    first, last = bisect_left(boundaries, (cell.start,)), bisect_left(boundaries, (cell.end,))
    inner = [(place - cell.start, depth) for place, depth in boundaries[first:last]]
    opened = slice(*(bisect_left(definitions, place, key=lambda one: one.byte_start) for place in (cell.start, cell.end)))
    owned = [replace(one, byte_start=one.byte_start - cell.start, byte_end=one.byte_end - cell.start) for one in definitions[opened]]
    before = bisect_left(lines, cell.start)
    for chunk in make_chunks(source[cell.start : cell.end], inner, owned, budget_bytes):
        yield replace(
            chunk,
            byte_start=chunk.byte_start + cell.start,
            byte_end=chunk.byte_end + cell.start,
            start_line=chunk.start_line + before,
            end_line=chunk.end_line + before,
        )
