"""Definitions that the grammar's errors hide."""

from __future__ import annotations

import pytest

from codetriever.chunking import cut
from codetriever.chunking.parse import parse_source
from codetriever.chunking.recovery import broken_parts, recover
from codetriever.types import Definition

FILLING = "".join(f"        value {number}\n" for number in range(9))
PYTHON = "\nclass A(B):\n    async def f(self):\n        pass\n\ndef g():\n"


def recovered(source: str, language: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.kind, one.qualified_name) for one in recover(source.encode(), 0, len(source), language)]


def test_text_that_parses_has_no_broken_parts() -> None:
    tree = parse_source(b"x = 1\n" * 1000, "python")
    assert tree is not None
    assert broken_parts(tree.root_node) == []


def test_a_recovered_definition_ends_before_the_next_one() -> None:
    source = f"  fun open(key: String) {{\n{FILLING}  }}\n\n  private suspend fun <T> close() {{\n{FILLING}  }}\n".encode()
    first, second = recover(source, 0, len(source), "kotlin")
    assert (first.start_line, first.line, first.end_line, second.start_line, second.end_line) == (1, 1, 11, 13, 23)
    assert source[first.byte_start : first.byte_end].endswith(b"}")
    assert second.signature == "private suspend fun <T> close()"


def test_the_definition_around_an_error_owns_what_is_in_it() -> None:
    source = b"class Shop {\n  fun open() {}\n}\n"
    shop = Definition("Shop", "Shop", "class", 1, 0, len(source), 1, 3)
    assert [(one.kind, one.qualified_name) for one in recover(source, 13, 27, "kotlin", [shop])] == [("method", "Shop.open")]


def test_recovered_definitions_join_the_known_ones_in_order() -> None:
    source = b"def before():\n    pass\n\n" + b"\x01 ) ( $ ?\n" * 300 + b"def hidden(:\n" + b"\x01 ) ( $ ?\n" * 300
    definitions = cut(source, "python").definitions
    assert [one.name for one in definitions] == ["before", "hidden"]


@pytest.mark.parametrize(
    ("language", "source", "expected"),
    [
        ("python", PYTHON, [(2, "class", "A"), (3, "method", "A.f"), (6, "function", "g")]),
        ("go", "\nfunc (s *Server) Serve(a int) {\n}\nfunc Open[T any]() {\n", [(2, "function", "Serve"), (4, "function", "Open")]),
        ("sql", "\nCREATE OR REPLACE FUNCTION shop.total (a int)\n", [(2, "function", "total")]),
        ("powershell", "\nfunction Get-Total {\n", [(2, "function", "Get-Total")]),
        ("rust", "\npub(crate) unsafe fn f<T>(a: T) {\n", [(2, "function", "f")]),
        ("bash", "\nopen() {\n  a\n}\n  inner ()\n", [(2, "function", "open"), (5, "function", "open.inner")]),
        ("java", "\n@Marked(1) public final class A extends B {\n", [(2, "class", "A")]),
    ],
)  # fmt: skip
def test_keywords_at_the_start_of_a_line_define(language: str, source: str, expected: list[tuple[int, str, str]]) -> None:
    assert recovered(source, language) == expected


@pytest.mark.parametrize("line", ["the class of things", "// fun is had", "x = function (a)", "return class Foo {", "class 1"])
def test_other_lines_do_not(line: str) -> None:
    assert recovered(f"\n{line}\n", "kotlin") == []
