"""What did somebody write in this notebook? The sources of its cells, without outputs, and where in the JSON each part lies."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NESTING = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")
_BETWEEN = re.compile(rb"[^\s,:]|\Z")
_ESCAPE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_PROSE_MARK = b"# "


class NotANotebook(Exception):
    """The bytes are not a notebook's, or not of a version whose cells stand at the top."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the sources, UTF-8, and the byte of the file that it comes from.

    The bytes of a `linear` part stand in the file as they are; another one is an escape, or was put in where nothing was.
    """

    text: bytes
    start: int
    linear: bool


@dataclass(slots=True)
class _Cell:
    kind: bytes = b""
    strings: list[tuple[int, int]] = field(default_factory=list)


def looks_like_notebook(data: bytes) -> bool:
    """Say cheaply whether it is worth trying to read cells."""
    return data.lstrip()[:1] == b"{" and b'"nbformat"' in data and b'"cells"' in data


def read_cells(data: bytes) -> list[Part]:
    """Return the sources of a notebook's cells in order; prose becomes comments. Raises `NotANotebook`."""
    for key, start in _members(data, _skip(data, 0)):
        if key == b"cells":
            return [part for cell in _elements(data, start) for part in _cell_parts(data, _read_cell(data, cell))]
    raise NotANotebook


def _read_cell(data: bytes, start: int) -> _Cell:
    cell = _Cell()
    for key, value in _members(data, start):
        if key == b"cell_type":
            cell.kind = data[value : _end(data, value)]
        elif key == b"source":
            starts = _elements(data, value) if data[value : value + 1] == b"[" else [value]
            spans = [(at + 1, _end(data, at) - 1) for at in starts if data[at : at + 1] == b'"']
            cell.strings = [(begin, end) for begin, end in spans if begin < end]
    return cell


def _cell_parts(data: bytes, cell: _Cell) -> Iterator[Part]:
    if cell.kind not in (b'"code"', b'"markdown"') or not cell.strings:
        return
    starts_line = True
    for start, end in cell.strings:
        for part in _unescaped(data, start, end):
            if starts_line and cell.kind == b'"markdown"' and part.text != b"\n":
                yield Part(_PROSE_MARK, part.start, False)
            starts_line = part.text == b"\n"
            yield part
    yield Part(b"\n" if starts_line else b"\n\n", cell.strings[-1][1], False)


def _unescaped(data: bytes, start: int, end: int) -> Iterator[Part]:
    position = start
    for escape in _ESCAPE.finditer(data, start, end):
        if escape.start() > position:
            yield Part(data[position : escape.start()], position, True)
        try:
            meaning: str = json.loads(b'"%b"' % escape[0])
        except ValueError as error:
            raise NotANotebook from error
        yield Part(meaning.encode("utf-8", "replace"), escape.start(), False)
        position = escape.end()
    if position < end:
        yield Part(data[position:end], position, True)


def _members(data: bytes, start: int) -> Iterator[tuple[bytes, int]]:
    """Yield an object's keys and where their values begin."""
    for position in _steps(data, start, b"{"):
        key = _STRING.match(data, position)
        if key is None:
            raise NotANotebook
        yield key[0][1:-1], _skip(data, key.end())


def _elements(data: bytes, start: int) -> Iterator[int]:
    """Yield where an array's elements begin."""
    return _steps(data, start, b"[")


def _steps(data: bytes, start: int, bracket: bytes) -> Iterator[int]:
    if data[start : start + 1] != bracket:
        raise NotANotebook
    position = _skip(data, start + 1)
    while data[position : position + 1] not in (b"]", b"}"):
        yield position
        if bracket == b"{":
            position = _skip(data, _end(data, position))
        position = _skip(data, _end(data, position))


def _skip(data: bytes, position: int) -> int:
    """Return where the next value or bracket is."""
    found = _BETWEEN.search(data, position)
    return found.start() if found else len(data)


def _end(data: bytes, start: int) -> int:
    """Return where the value that begins here ends."""
    first = data[start : start + 1]
    if first in (b"{", b"["):
        depth = 0
        for token in _NESTING.finditer(data, start):
            depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(token[0], 0)
            if depth == 0:
                return token.end()
        raise NotANotebook
    found = (_STRING if first == b'"' else _SCALAR).match(data, start)
    if found is None:
        raise NotANotebook
    return found.end()
