"""What `cut` promises of chunks: cover, size, names, and where it cuts."""

from __future__ import annotations

import time

import pytest

from codetriever.chunking import BUDGET_BYTES, cut
from codetriever.chunking.parse import parse_source
from codetriever.chunking.symbols import references
from codetriever.types import Chunk

BUDGET = 600


def texts(source: str, language: str = "python", budget_bytes: int = BUDGET) -> list[str]:
    data = source.encode()
    return [data[one.byte_start : one.byte_end].decode() for one in cut(data, language, budget_bytes=budget_bytes).chunks]


def named(source: str, language: str = "python", budget_bytes: int = BUDGET) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in cut(source.encode(), language, budget_bytes=budget_bytes).chunks]


def function(name: str, lines: int, indent: str = "") -> str:
    return f"{indent}def {name}(value):\n" + "".join(f"{indent}    value = value + {number}\n" for number in range(lines))


@pytest.mark.parametrize("language", ["python", "c", "text", "no such language"])
@pytest.mark.parametrize("source", [b"", b"\n", b" \t\r\n\x0c\n"])
def test_blank_text_has_no_chunks(source: bytes, language: str) -> None:
    assert cut(source, language).chunks == []


@pytest.mark.parametrize("language", ["python", "text"])
@pytest.mark.parametrize("source", ["x", "# only a comment", "x = 1\n", "\n\n  x = 1"])
def test_a_little_text_is_one_chunk(source: str, language: str) -> None:
    assert texts(source, language) == [source.lstrip("\n").rstrip()]


def test_lines_count_from_one_and_include_the_last() -> None:
    (chunk,) = cut(b"\n\nfirst = 1\nsecond = 2\n", "python").chunks
    assert (chunk.start_line, chunk.end_line, chunk.byte_start) == (3, 4, 2)


def test_carriage_returns_are_kept() -> None:
    assert texts("first = 1\r\nsecond = 2\r\n") == ["first = 1\r\nsecond = 2"]


def test_small_neighbours_are_merged() -> None:
    source = "import os\n\nLIMIT = 1\n\n\n" + "\n\n".join(function(f"small_{number}", 1) for number in range(4))
    assert len(texts(source)) == 1


def test_definitions_of_some_size_have_chunks_of_their_own() -> None:
    source = "\n\n".join(function(name, 12) for name in ("first", "second", "third"))
    assert named(source) == [("function", "first"), ("function", "second"), ("function", "third")]


def test_a_definition_within_the_budget_stays_whole() -> None:
    source = function("before", 15) + function("whole", 22) + function("after", 2)
    assert any(function("whole", 22).strip() in text for text in texts(source))


def test_a_huge_function_is_cut_between_its_statements_into_even_pieces() -> None:
    pieces = texts(function("huge", 100))
    assert all(piece.splitlines()[-1].strip().startswith("value = value + ") for piece in pieces)
    sizes = [len(piece) for piece in pieces]
    assert max(sizes) <= BUDGET
    assert max(sizes) < 2 * min(sizes)


def test_a_function_of_5000_lines_has_distinct_chunks_that_all_know_it() -> None:
    source = function("endless", 5000)
    pieces = texts(source)
    assert len(set(pieces)) == len(pieces) > 100
    assert set(named(source)) == {("function", "endless")}


def test_a_class_is_cut_into_its_header_and_its_members() -> None:
    members = "\n".join(function(name, 12, "    ") for name in ("one", "two"))
    header = '    """What it is for, in some words, so that the header is worth a chunk of its own."""'
    source = f"class Owner:\n{header}\n\n    limit = 3\n\n{members}"
    assert named(source) == [("class", "Owner"), ("method", "Owner.one"), ("method", "Owner.two")]


def test_a_class_within_the_budget_is_one_chunk() -> None:
    assert named("class Owner:\n" + function("one", 4, "    ") + function("two", 4, "    ")) == [("class", "Owner")]


def test_comments_and_decorators_stay_with_their_definition() -> None:
    source = function("before", 15) + "# What it does\n# in two lines.\n@decorated\n" + function("after", 15)
    assert texts(source)[1].startswith("# What it does\n# in two lines.\n@decorated\ndef after")


def test_a_short_definition_with_a_long_comment_has_a_chunk_of_its_own() -> None:
    comment = "".join(f"    // Line {number} of what the next one is for.\n" for number in range(5))
    source = "class Owner {\n" + "\n".join(f"{comment}    void {name}() {{}}\n" for name in ("one", "two", "three")) + "}\n"
    assert named(source, "java")[1:] == [("method", "Owner.two"), ("method", "Owner.three")]


def test_definitions_that_cannot_be_cut_apart_do_not_name_their_chunk() -> None:
    source = "class Owner:\n" + "    # About the members.\n" * 5 + function("one", 8, "    ") + function("two", 8, "    ")
    assert named(source)[-1] == ("class", "Owner")


def test_a_comment_too_long_to_stay_with_its_definition_is_called_after_it() -> None:
    comment = "".join(f"# Line {number} of a very long comment on what follows.\n" for number in range(30))
    assert named(function("before", 20) + comment + function("after", 24))[1] == ("function", "after")


def test_a_comment_apart_from_a_definition_does_not_stick_to_it() -> None:
    comment = "".join(f"# A long remark on the whole file, line {number}.\n" for number in range(5))
    assert texts(comment + "\n\n" + function("after", 15))[1].startswith("def after")


def test_a_long_doc_comment_does_not_break_a_definition_within_the_budget() -> None:
    comment = "".join(f"# Line {number} of a very long comment on what follows.\n" for number in range(40))
    pieces = texts(comment + function("after", 20))
    assert pieces[-1].startswith("def after")
    assert pieces[-1].endswith("+ 19")


def test_closing_brackets_stay_with_what_they_close() -> None:
    body = "".join(f"    value += {number};\n" for number in range(20))
    source = f"class Owner {{\n  one() {{\n{body}  }}\n\n  two() {{\n{body}  }}\n}}\n"
    assert texts(source, "javascript")[-1].endswith("}\n}")


def test_a_short_rest_joins_the_chunk_it_belongs_to() -> None:
    source = "class Owner:\n" + function("one", 15, "    ") + function("two", 15, "    ") + "\n    last = 1\n\n\n" + function("far", 12)
    assert texts(source)[-2].endswith("last = 1")


def test_what_lies_in_a_definition_is_called_after_it() -> None:
    rows = "".join(f'    "{number}": {number},\n' for number in range(100))
    assert set(named(f"TABLE = {{\n{rows}}}\n")) == {("constant", "TABLE")}


def test_a_namespace_does_not_hide_what_is_in_it() -> None:
    body = "".join(f"    total += {number};\n" for number in range(20))
    source = f"namespace shop {{\n\nint sum() {{\n{body}}}\n\nint other() {{\n{body}}}\n\n}}\n"
    assert named(source, "cpp") == [("function", "shop.sum"), ("function", "shop.other")]


def test_a_text_without_a_grammar_is_cut_at_headings_and_paragraphs() -> None:
    section = "\n".join("A sentence of some length on a subject." for _ in range(8))
    pieces = texts("".join(f"# Heading {number}\n\n{section}\n\n" for number in range(4)), "text")
    assert [piece.splitlines()[0] for piece in pieces] == [f"# Heading {number}" for number in range(4)]


@pytest.mark.parametrize("language", ["text", "javascript"])
@pytest.mark.parametrize("unit", ["word ", "x", "a;", "é", "漢"])
def test_a_line_of_a_megabyte_is_cut_between_characters(unit: str, language: str) -> None:
    source = (unit * (1_000_000 // len(unit.encode()))).encode()
    chunks = cut(source, language).chunks
    assert all(one.byte_end - one.byte_start <= BUDGET_BYTES for one in chunks)
    assert "".join(source[one.byte_start : one.byte_end].decode() for one in chunks).replace(" ", "") == source.decode().replace(" ", "")
    assert {one.start_line for one in chunks} == {1}


def test_deeply_nested_text_is_cut() -> None:
    depth = 20_000
    for source in (b"(" * depth + b")" * depth, b"[" * depth, b"f(" * depth, b"{" * depth + b"}" * depth):
        assert cut(source, "javascript").chunks


@pytest.mark.parametrize(
    "source",
    [b"".join(b" " * level + b"a:\n" for level in range(600)), b"- " * 2000 + b"a\n", b"a:\n" + b"  - ? " * 300 + b"x"],
    ids=["indented", "dashes", "mixed"],
)
def test_yaml_nested_deeper_than_its_parser_bears_is_not_parsed(source: bytes) -> None:
    assert parse_source(source, "yaml") is None


def test_yaml_of_the_usual_depth_is_parsed() -> None:
    assert parse_source(b"".join(b"  " * level + b"a:\n" for level in range(40)), "yaml") is not None


@pytest.mark.parametrize("language", ["html", "json", "toml", "xml", "yaml"])
def test_a_text_whose_grammar_finds_no_definitions_is_cut_by_lines(language: str) -> None:
    source = b"\n\n".join(b"[a%d]\n" % number + b"".join(b"b%d = 1\n" % line for line in range(40)) for number in range(20))
    pieces = cut(source, language)
    assert pieces.parser == ""
    assert all(source[one.byte_start : one.byte_end].startswith(b"[a") for one in pieces.chunks)


def test_a_short_text_may_take_its_parser_too_long_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codetriever.chunking.parse._LIMIT_S", 0.1)
    source = b"/*" * 8000
    start = time.thread_time()
    pieces = cut(source, "swift")
    assert time.thread_time() - start < 5
    assert pieces.parser == ""
    assert sum(one.byte_end - one.byte_start for one in pieces.chunks) == len(source)
    assert cut(b"class A {}", "swift").parser == "swift"


def test_a_long_text_that_is_one_error_takes_linear_time() -> None:
    start = time.thread_time()
    assert cut(b"{\n" * 200_000 + b"struct found {\n", "c").definitions[-1].name == "found"
    assert time.thread_time() - start < 10


def test_minified_text_is_not_parsed() -> None:
    pieces = cut(b"function a(b){return b}" * 2000, "javascript")
    assert (pieces.parser, pieces.definitions) == ("", ())


def test_errors_leave_the_definitions_around_them() -> None:
    source = function("before", 3) + "def broken(:\n    ))) what is this\n\n\n" + function("after", 3)
    assert {"before", "after"} <= {one.name for one in cut(source.encode(), "python").definitions}


def test_the_wrong_language_still_covers_the_text() -> None:
    source = function("python", 50).encode()
    chunks = cut(source, "java").chunks
    assert b"".join(source[one.byte_start : one.byte_end].strip() for one in chunks).count(b"value") == source.count(b"value")


def test_a_chunk_is_the_same_however_often_it_is_cut() -> None:
    source = function("one", 30).encode()
    assert cut(source, "python") == cut(source, "python")
    assert isinstance(cut(source, "python").chunks[0], Chunk)


def test_a_text_whose_tree_would_not_fit_into_memory_is_cut_by_lines() -> None:
    source = b"def pay(money):\n    return money\n\n" * 130_000
    assert len(source) > 4 << 20
    pieces = cut(source, "python")
    assert (pieces.parser, len(pieces.definitions)) == ("", 0)
    assert sum(one.byte_end - one.byte_start for one in pieces.chunks) > 0.9 * len(source)
    assert len(references(source, "python", name="nothing")) == 0


@pytest.mark.parametrize("source", ["private val e\n@", "class A { val e: Int\n@x.y", "fun f() {\n val a\n @a:b("])
def test_kotlin_may_end_in_an_annotation(source: str) -> None:
    assert texts(source, "kotlin") == [source]
    assert all(found.byte_end <= len(source) for found in cut(source.encode(), "kotlin").definitions)
