from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.corpus.notebook import NotANotebook, read_cells
from codetriever.corpus.text import decode

sources = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def notebook(*cells: tuple[str, object], indent: int | None = 1, ascii_only: bool = False) -> bytes:
    values = [
        {"cell_type": kind, "metadata": {"a]": "}"}, "outputs": [{"text": ["out\n"], "source": "not this"}], "source": source}
        for kind, source in cells
    ]
    return json.dumps({"cells": values, "metadata": {"cells": []}, "nbformat": 4}, indent=indent, ensure_ascii=ascii_only).encode()


def lines_of(source: str) -> list[str]:
    return source.splitlines(keepends=True)


def test_sources_are_read_without_outputs() -> None:
    data = notebook(
        ("markdown", ["# Title\n", "\n", "Prose"]), ("code", ["import a\n", "b = 'ü\\t'"]), ("raw", ["no"]), ("code", "c = 1\nd = 2\n")
    )
    text = decode(data)
    assert text.utf8.decode() == "# # Title\n\n# Prose\n\nimport a\nb = 'ü\\t'\n\nc = 1\nd = 2\n\n"
    assert b"out" not in text.utf8


@pytest.mark.parametrize("ascii_only", [True, False])
def test_offsets_and_lines_are_those_of_the_file(ascii_only: bool) -> None:
    data = notebook(("code", ["import a\n", "é = '😀'\n"]), ("code", ["last = 1"]), ascii_only=ascii_only)
    text = decode(data)
    for word in (b"import a", b"last = 1", b" = '"):
        start = text.utf8.index(word)
        assert data[text.original_offset(start) :].startswith(word)
        line = text.utf8.count(b"\n", 0, start) + 1
        assert text.original_line(line) == data.count(b"\n", 0, text.original_offset(start)) + 1
    assert text.original_offset(text.utf8.index(b"last = 1") + 8) == data.index(b"last = 1") + 8
    assert text.original_line(99) >= text.original_line(1)


@given(
    st.lists(st.tuples(st.sampled_from(["code", "raw"]), st.one_of(sources, sources.map(lines_of))), max_size=4),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_every_source_is_read(cells: list[tuple[str, object]], indent: int | None, ascii_only: bool) -> None:
    data = notebook(*cells, indent=indent, ascii_only=ascii_only)
    text = decode(data)
    expected = ["".join(source) for kind, source in cells if kind == "code" and source]
    assert text.utf8.decode() == "".join(one + ("\n" if one.endswith("\n") else "\n\n") for one in expected)
    offsets = [text.original_offset(at) for at in range(len(text.utf8) + 1)]
    assert offsets == sorted(offsets)
    lines = [text.original_line(line) for line in range(1, text.utf8.count(b"\n") + 2)]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b'{"nbformat": 4, "cells": 1}',
        b'{"nbformat": 4, "cells": [1]}',
        b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a\\x"]}]}',
        b'{"nbformat": 3, "worksheets": [{"cells": []}]}',
        b'{"nbformat": 4, "cells": [{"source": ["a',
        b'{"nbformat" "cells"',
    ],
)
def test_what_is_no_notebook_is_text_as_it_stands(data: bytes) -> None:
    with pytest.raises(NotANotebook):
        read_cells(data)
    assert decode(data).utf8 == data


@given(st.binary(max_size=60), st.integers(0, 200))
def test_damaged_notebooks_never_raise(junk: bytes, at: int) -> None:
    data = notebook(("code", ["a\n", "b"]), ("markdown", "x"))
    decode(data[:at] + junk + data[at:])
    decode(data[: at * 2])
