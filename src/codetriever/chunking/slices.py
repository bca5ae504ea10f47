"""How is a text handed to a parser so that the parser can be stopped?

Only a parser that asks for its text slice by slice can be. tree-sitter 0.26.1 takes a reference to each slice and never gives it back: a
Perl parser, which goes back and forth, would keep six thousand times its text. So the reference is given back here, once a small
parse has shown that it is taken. `Node.text` in turn reads a slice that it has let go of, so the last one is kept.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Language, Parser, Tree

_SLICE_BYTES = 4096
"""How much a parser is given at a time. A query that compares a name copies this much to read it."""


def parse_slices(parser: Parser, source: bytes, is_late: Callable[..., bool]) -> Tree:
    """Parse UTF-8 text; raises `ValueError` when `is_late`, which is asked time and again, says so."""
    given: bytes | None = None
    takes = parser.language is not None and _takes_references(parser.language)

    def read(offset: int, _: object) -> bytes:
        nonlocal given
        if takes and given is not None:
            _give_back(given)
        given = source[offset : offset + _SLICE_BYTES]
        return given

    try:
        return parser.parse(read, progress_callback=is_late)
    finally:
        if takes and given is not None:
            _give_back(given)
        takes = False


@cache
def _takes_references(language: Language) -> bool:
    """Say whether every slice has one reference more after a parse than before."""
    from tree_sitter import Parser

    slices = [bytes(100), b""]
    calls = 0

    def read(offset: int, _: object) -> bytes:
        nonlocal calls
        calls += offset == 0
        return slices[min(offset, 1)]

    before = sys.getrefcount(slices[0])
    Parser(language).parse(read)
    return sys.getrefcount(slices[0]) - before == calls > 0


def _give_back(slice_: bytes) -> None:
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(slice_))
