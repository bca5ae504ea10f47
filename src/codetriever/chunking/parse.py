"""What tree does this text have? Queries, compiled once per process, and parsers, made once per thread.

A grammar that cannot be loaded, or a query that does not compile, is remembered as absent: the text is then cut by lines.
"""

from __future__ import annotations

import ctypes
import re
import threading
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from codetriever.chunking.grammars import GRAMMARS
from codetriever.chunking.preprocessor import PREPROCESSED, without_directives, without_type_macros
from codetriever.chunking.recovery import broken_parts
from codetriever.chunking.slices import parse_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tree_sitter import Language, Node, Parser, Query, Tree

Part = Literal["definitions", "references"]

_MINIFIED_BYTES = 20_000
_MINIFIED_LINE_BYTES = 1_000
"""Lines of this length on average, in a text of some size, were made by a program for a program."""

_OVERFLOWING_YAML = re.compile(rb"^(?:[ \t]{128}|(?=[^\n]{128})(?:[ \t]*[-?:][ \t]+){32})", re.MULTILINE)
"""tree-sitter-yaml 0.7 keeps a stack of indents in 1,024 bytes, writes past them at some 250 levels, and kills the process."""

_READ_PAST_THE_END = frozenset({"kotlin"})
"""tree-sitter-kotlin 1.1 looks for the end of an annotation for ever when the text ends in one: it gets a line feed to find."""

_NOT_UTF8 = re.compile("[\udc80-\udcff]")

_LIMIT_S, _LIMIT_S_PER_MB = 0.6, 3.0
"""Processor time after which a parse is given up. It is never near for text that was written: of 40,507 files of a hundred repositories
one took longer, a picture's bytes as 197 kB of numbers, and the next, which hold control characters, .2 s; the slowest of 500 files of the
Linux kernel took .9 s per MB, the median .15. A limit that such text met now and then would cut it differently from run to run."""

_STRUCTURELESS_BYTES = 4_096
"""Text of a language whose grammar finds no definitions (HTML, JSON, YAML ...) is not parsed beyond this length: the tree only tells
comments and strings from the rest."""

_LARGEST_PARSED_BYTES = 4 << 20
"""A tree takes fifty times its text (520 MB for 10 MB of Python), and a process that parses may take 512 MiB: what is longer, which only
a raised `max_file_bytes` lets in, is cut by its lines."""

_ERROR_PARTS = 20_000

REFERENCES_HEADING = "; references"
"""The line of a query file that ends its definition patterns: indexing compiles and runs what is above it alone."""


@cache
def load_language(language: str) -> Language | None:
    """Return the grammar of a language, or None when there is none or its wheel does not fit this process."""
    from tree_sitter import Language

    grammar = GRAMMARS.get(language)
    if grammar is None:
        return None
    try:
        pointer = getattr(import_module(grammar.module), grammar.function)()
        return Language(_capsule(pointer) if isinstance(pointer, int) else pointer)
    except (ImportError, AttributeError, ValueError):
        return None


def _capsule(pointer: int) -> object:
    """Wrap the bare address that older wheels return, which `Language` takes only under protest."""
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    capsule: object = make(pointer, b"tree_sitter.Language", None)
    return capsule


class _Parsers(threading.local):
    """A thread's parsers by language. While one asks for its text other threads run, and a parser that two use kills the process."""

    def __init__(self) -> None:
        self.made: dict[str, Parser | None] = {}


PARSERS = _Parsers()


def load_parser(language: str) -> Parser | None:
    """Return this thread's parser for a language, or None."""
    if language not in PARSERS.made:
        from tree_sitter import Parser

        grammar = load_language(language)
        PARSERS.made[language] = None if grammar is None else Parser(grammar)
    return PARSERS.made[language]


@cache
def load_query(language: str, part: Part) -> Query | None:
    """Return one half of a language's compiled query, or None when it has no query file or nothing in that half."""
    from tree_sitter import Query, QueryError

    grammar = load_language(language)
    text = query_text(language, part)
    if grammar is None or not text.strip():
        return None
    try:
        return Query(grammar, text)
    except QueryError:
        return None


def query_text(language: str, part: Part) -> str:
    """Return one half of `queries/<language>.scm`, after that of the language whose dialect it is; "" when there is no such file."""
    grammar = GRAMMARS.get(language)
    whole = _own_query_text(grammar.queries, part) if grammar is not None and grammar.queries else ""
    return whole + _own_query_text(language, part)


def _own_query_text(language: str, part: Part) -> str:
    file = Path(__file__).parent / "queries" / f"{language}.scm"
    if not file.is_file():
        return ""
    above, heading, below = file.read_text(encoding="utf-8").partition(f"\n{REFERENCES_HEADING}")
    if part == "definitions":
        return above
    return below.partition("\n")[2] if heading else ""


def parse_source(source: bytes, language: str) -> Tree | None:
    """Parse UTF-8 text; None when it is not to be parsed. Text with errors still has a tree.

    Not parsed are languages without a grammar, minified text, whose names say nothing, long text of languages without
    definitions, YAML nested deeper than its parser bears, and text that its parser would brood over for long.
    """
    if len(source) > _STRUCTURELESS_BYTES and load_query(language, "definitions") is None:
        return None
    parser = load_parser(language)
    if parser is None or _is_minified(source) or (language == "yaml" and _OVERFLOWING_YAML.search(source)):
        return None
    if language not in PREPROCESSED:
        return parse_briefly(source, language)
    source = without_type_macros(source)
    tree = parse_briefly(source, language)
    broken = 0 if tree is None else _broken_bytes(tree.root_node)
    if broken:
        flat = parse_briefly(without_directives(source), language)
        if flat is not None and _broken_bytes(flat.root_node) < broken:
            return flat
    return tree


def parse_briefly(source: bytes, language: str) -> Tree | None:
    """Parse text as it is; None when there is no grammar, it is very long, or takes much longer than text of its length does.

    Recovery from errors takes some parsers quadratic time: a megabyte of `{1,2},` is seven minutes of Lua's.
    """
    parser = load_parser(language) if len(source) <= _LARGEST_PARSED_BYTES else None
    if parser is None:
        return None
    source = _readable(source)
    if language in _READ_PAST_THE_END:
        source += b"\n"
    try:
        return parse_slices(parser, source, _time_limit(len(source)))
    except ValueError:
        parser.reset()
        return None


def _time_limit(size_bytes: int) -> Callable[..., bool]:
    """Return what tells a parser of so much text to give up: true when it took this thread too long.

    It is asked some ten thousand times a megabyte, and the system's clock costs a tenth of the thread's own, which cannot be ahead of it.
    """
    limit_s = _LIMIT_S + _LIMIT_S_PER_MB * size_bytes / 1e6
    soonest, deadline = time.perf_counter() + limit_s, time.thread_time() + limit_s
    return lambda *_: time.perf_counter() > soonest and time.thread_time() > deadline


def run_query(query: Query, root: Node, spans: Sequence[tuple[int, int]] = ()) -> list[tuple[int, dict[str, list[Node]]]]:
    """Return (pattern, nodes by capture) of what a query finds, anywhere or across some stretches of bytes, perhaps more than once.

    Nothing is found when the tree is an error of very many parts: there a query takes quadratic time, and its progress callback,
    which could end it, crashes the process in tree-sitter 0.26.1.
    """
    from tree_sitter import QueryCursor

    if any(part.child_count > _ERROR_PARTS for part in broken_parts(root)):
        return []
    cursor = QueryCursor(query)
    if not spans:
        return cursor.matches(root)
    found = []
    for start, end in spans:
        cursor.set_byte_range(start, end)
        found += cursor.matches(root)
    return found


def _is_minified(source: bytes) -> bool:
    return len(source) > _MINIFIED_BYTES and source.count(b"\n") * _MINIFIED_LINE_BYTES < len(source)


def _broken_bytes(root: Node) -> int:
    return sum(part.end_byte - part.start_byte for part in broken_parts(root))


def _readable(source: bytes) -> bytes:
    """Put a question mark for each byte that is not UTF-8: a query that compares text would raise for it."""
    if source.isascii():
        return source
    try:
        source.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8.sub("?", source.decode("utf-8", "surrogateescape")).encode()
    return source
