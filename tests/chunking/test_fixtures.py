"""Each language's definitions, as the files beside the fixtures list them.

`fixtures/<language>/<file>` is source, `<file>.expected` beside it lists its definitions, one per line: `line kind qualified_name`,
in byte order. A language is added by adding files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from codetriever.chunking import cut
from codetriever.types import KIND_CODES

FIXTURES = Path(__file__).parent / "fixtures"
SOURCES = sorted(path for path in FIXTURES.glob("*/*") if path.suffix != ".expected")


def listed(source: Path) -> list[str]:
    return source.with_name(source.name + ".expected").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_definitions_are_the_listed_ones(source: Path) -> None:
    pieces = cut(source.read_bytes(), source.parent.name)
    assert pieces.parser == source.parent.name
    assert [f"{one.line} {one.kind} {one.qualified_name}" for one in pieces.definitions] == listed(source)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_definitions_agree_with_their_text(source: Path) -> None:
    text = source.read_bytes()
    for one in cut(text, source.parent.name).definitions:
        assert one.kind in KIND_CODES
        assert one.start_line == 1 + text.count(b"\n", 0, one.byte_start)
        assert one.end_line == 1 + text.count(b"\n", 0, one.byte_end)
        assert one.start_line <= one.line <= one.end_line
        assert one.name in text.splitlines()[one.line - 1].decode()
        assert one.signature


def test_every_source_has_a_list() -> None:
    assert all(source.with_name(source.name + ".expected").is_file() for source in SOURCES)
