"""A notebook is cut cell by cell; its outputs are in no chunk."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.chunking import chunk_text, cut
from codetriever.chunking.notebooks import find_cells, notebook_layers, plain_text
from codetriever.chunking.symbols import references

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
code = st.lists(
    st.sampled_from(["x = 1\n", "\n", "def pay():\n", '    return "é\\n😀\\\\"\n', "'''", "\t\r\n", "%magic"]), max_size=12
).map("".join)


def notebook(*cells: tuple[str, object], indent: int | None = 1, ascii_only: bool = False, language: str = "python") -> bytes:
    outputs = [{"data": {"image/png": "iVBORw0"}, "text": ["def printed(): pass\n"], "source": ["not this"]}]
    values = [{"cell_type": kind, "metadata": {}, "outputs": outputs, "source": source} for kind, source in cells]
    value = {"cells": values, "metadata": {"language_info": {"name": language}}, "nbformat": 4}
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()


def as_lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)


def shown(data: bytes, budget_bytes: int = 1536) -> list[str]:
    chunks = cut(data, "jupyter", budget_bytes=budget_bytes).chunks
    return [chunk_text(data[one.byte_start : one.byte_end], "jupyter") for one in chunks]


def test_each_cell_is_a_chunk_without_its_outputs() -> None:
    data = notebook(("markdown", ["# Title\n", "\n", "Prose"]), ("code", ["import a\n", "b = 'ü\\t'"]), ("raw", ["raw"]), ("code", "c = 1"))
    assert shown(data) == ["# Title\n\nProse", "import a\nb = 'ü\\t'", "raw", "c = 1"]


def test_empty_cells_have_no_chunks() -> None:
    assert shown(notebook(("code", []), ("code", ""), ("code", ["x"]))) == ["x"]


def test_cells_of_an_older_format_are_found() -> None:
    data = json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"], "outputs": []}]}], "nbformat": 3}).encode()
    assert shown(data) == ["x = 1"]


def test_cells_are_parsed_as_what_the_kernel_speaks() -> None:
    data = notebook(("markdown", "# Title"), ("code", "fun pay() = 1"), ("raw", "raw"), language="Kotlin")
    assert [cell.language for cell in find_cells(data) or ()] == ["markdown", "kotlin", ""]
    assert [one.qualified_name for one in cut(data, "jupyter").definitions] == ["Title", "pay"]


def test_a_notebook_that_says_no_language_holds_python() -> None:
    (cell,) = find_cells(b'{"cells": [{"cell_type": "code", "source": ["x"]}]}') or ()
    assert cell.language == "python"


@pytest.mark.parametrize("indent", [1, None])
def test_definitions_stand_at_their_bytes_and_lines(indent: int | None) -> None:
    data = notebook(
        ("code", ["import a\n", "\n", "def pay(order):\n", '    """Pay."""\n']), ("code", "x = 1\nclass Order:\n    pass"), indent=indent
    )
    pay, _, order = (one for one in cut(data, "jupyter").definitions)
    assert (pay.qualified_name, pay.signature, order.qualified_name) == ("pay", "def pay(order)", "Order")
    assert data[pay.byte_start :].startswith(b"def pay(order):")
    assert data[order.byte_start :].startswith(b"class Order:")
    for one in (pay, order):
        assert one.line == one.start_line == 1 + data.count(b"\n", 0, one.byte_start)
        assert one.end_line == 1 + data.count(b"\n", 0, one.byte_end)


def test_a_definition_ends_with_its_cell() -> None:
    data = notebook(("markdown", "# Title"), ("code", "x = 1"), ("markdown", "text"))
    (title,) = (one for one in cut(data, "jupyter").definitions if one.kind == "section")
    assert data[title.byte_start : title.byte_end].startswith(b"# Title")
    assert b"outputs" not in data[title.byte_start : title.byte_end]


def test_docstrings_survive_their_escapes() -> None:
    (layer,) = notebook_layers(notebook(("code", ['def pay():\n    """Say \\n "no".\n\n    é\n    """\n    return 1\n'])))
    assert b'"""' in layer.source
    data = notebook(("code", ['"""First."""\n', "def pay():\n", '    """Second."""\n', "    return 1\n"]))
    assert [one.name for one in cut(data, "jupyter").definitions] == ["pay"]


def test_long_cells_are_cut_between_functions() -> None:
    functions = [f"def pay{number}():\n    return '{'x' * 60}'\n\n" for number in range(8)]
    data = notebook(("code", as_lines("".join(functions))))
    assert [text.strip() for text in shown(data, 160)] == [one.strip() for one in functions]


def test_names_are_told_apart_in_cells() -> None:
    data = notebook(("code", ["def pay():\n", "    pass\n", "pay()"]), ("markdown", "pay"))
    assert [one.context for one in references(data, "jupyter", name="pay")] == ["definition", "call", "reference"]


@given(
    st.lists(st.tuples(st.sampled_from(["code", "raw", "markdown"]), st.one_of(texts, code, code.map(as_lines))), max_size=4),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_chunks_hold_every_source_and_nothing_else(cells: list[tuple[str, object]], indent: int | None, ascii_only: bool) -> None:
    data = notebook(*cells, indent=indent, ascii_only=ascii_only)
    pieces = cut(data, "jupyter", budget_bytes=600)
    held = "".join(plain_text(data[one.byte_start : one.byte_end]) for one in pieces.chunks)
    assert "".join(held.split()) == "".join("".join("".join(source).split()) for _, source in cells)
    end = 0
    for one in pieces.chunks:
        assert end <= one.byte_start < one.byte_end
        assert one.start_line == 1 + data.count(b"\n", 0, one.byte_start)
        assert b'"outputs"' not in data[one.byte_start : one.byte_end]
        end = one.byte_end
    for layer in notebook_layers(data):
        assert len(layer.source) == len(data)


@given(st.binary(max_size=60))
def test_what_is_no_notebook_is_cut_like_any_text(data: bytes) -> None:
    assert b"".join(data[one.byte_start : one.byte_end] for one in cut(data, "jupyter").chunks).strip() == data.strip()


@pytest.mark.parametrize("text", [b"", b'"', b'"a', b"a\\n", b'a"', b'"a", "b"', b'a",\n  "b'])
def test_any_span_has_a_text(text: bytes) -> None:
    assert plain_text(text) == text.replace(b'"', b"").replace(b",\n  ", b"").replace(b", ", b"").replace(b"\\n", b"\n").decode()
