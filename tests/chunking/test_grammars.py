"""Every grammar loads, every query compiles and says only what is understood, and no parser broods for ever."""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path

import pytest
from tree_sitter import Query

from codetriever.chunking import cut, parse
from codetriever.chunking.grammars import GRAMMARS
from codetriever.chunking.parse import Part, load_language, load_parser, load_query, query_text
from codetriever.types import KINDS

ROOT = Path(__file__).parents[2]
QUERIES = sorted(path.stem for path in (ROOT / "src/codetriever/chunking/queries").glob("*.scm"))
KNOWN_CAPTURES = {"name", "scope", "end", "import", "reference", "reference.call", *(f"definition.{kind}" for kind in KINDS)}
PARTS: tuple[Part, Part] = ("definitions", "references")


@pytest.mark.parametrize("language", sorted(GRAMMARS))
def test_a_grammar_parses(language: str) -> None:
    parser = load_parser(language)
    assert parser is not None
    assert parser.parse(b"x\n").root_node.end_byte > 0


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("language", QUERIES)
def test_a_query_compiles_and_captures_what_is_understood(language: str, part: Part) -> None:
    grammar, text = load_language(language), query_text(language, part)
    assert grammar is not None
    if not text.strip():
        return
    query = Query(grammar, text)
    captures = {query.capture_name(number) for number in range(query.capture_count)}
    assert {capture for capture in captures if not capture.startswith("_")} <= KNOWN_CAPTURES
    assert load_query(language, part) is not None


@pytest.mark.parametrize("language", QUERIES)
def test_references_are_below_their_heading(language: str) -> None:
    assert not re.search(r'(?<!")@(import|reference)', query_text(language, "definitions"))
    assert "@definition" not in query_text(language, "references")


def test_every_language_with_a_query_has_a_fixture() -> None:
    fixtures = {path.name for path in (Path(__file__).parent / "fixtures").iterdir()}
    assert set(QUERIES) <= fixtures


def test_every_grammar_is_a_pinned_dependency() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = {name.replace("-", "_") for name, equals, _ in (line.partition("==") for line in listed) if equals}
    assert {grammar.module for grammar in GRAMMARS.values()} <= pinned


def test_a_dialect_has_the_definitions_of_its_language() -> None:
    assert [one.qualified_name for one in cut(b"__global__ void add(int n) { }\n", "cuda").definitions] == ["add"]


def test_text_that_a_parser_would_brood_over_is_cut_by_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "_LIMIT_S", 0.05)
    source = b"{1,2},\n" * 15_000
    started = time.process_time()
    pieces = cut(source, "lua")
    assert time.process_time() - started < 3
    assert (pieces.parser, pieces.definitions) == ("", ())
    assert b"\n".join(source[one.byte_start : one.byte_end] for one in pieces.chunks) == source.strip()
    assert [one.name for one in cut(b"function pay() end", "lua").definitions] == ["pay"]


def test_long_text_is_parsed_like_short_text() -> None:
    source = b"".join(b"function pay%d()\n  return '\xc3\xa9'\nend\n" % number for number in range(2000))
    assert len(source) > 60_000
    assert [one.name for one in cut(source, "lua").definitions] == [f"pay{number}" for number in range(2000)]
