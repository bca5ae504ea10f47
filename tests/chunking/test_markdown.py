"""Which sections has a Markdown text? Those that the grammar finds, at a tenth of the time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.chunking import cut
from codetriever.chunking.definitions import find_definitions
from codetriever.chunking.markdown import find_sections
from codetriever.chunking.parse import parse_source

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *Path(__file__).parent.glob("fixtures/markdown/*.md")])

lines = st.sampled_from(
    [
        "# a",
        "## b ##",
        "### c",
        "####",
        "text",
        "two words",
        "",
        "",
        "---",
        "===",
        "-",
        "```",
        "````",
        "~~~ x",
        "<!-- # d",
        "-->",
        "<pre>",
        "</pre>",
        "- # e",
        "    # f",
        "> # g",
    ]
)
texts = st.lists(lines, max_size=40).flatmap(lambda found: st.sampled_from(["\n", "\r\n"]).map(lambda end: end.join(found).encode()))


def titles(source: str) -> list[str]:
    return [one.name for one in find_sections(source.encode())[0]]


def test_a_section_goes_on_until_the_next_heading_of_its_level_or_above() -> None:
    source = b"# A\n\none\n\n## B\ntwo\n\n### C\nthree\n## D\nfour\n\n# E\nfive\n"
    found = {one.name: source[one.byte_start : one.byte_end].decode() for one in find_sections(source)[0]}
    assert found["A"].endswith("four")
    assert found["B"] == "## B\ntwo\n\n### C\nthree"
    assert found["D"] == "## D\nfour"
    assert found["E"] == "# E\nfive"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("#Tag\n# One\n   ## Two ##\n### Three # four\n#\tFive\n####### Six\n    # code", ["One", "Two", "Three # four", "Five"]),
        ("# C#\n## #\n###\n", ["C#"]),
        ("Title\n=====\n\nwith two\nlines\n---\n\n---\n- item\n---\n| a |\n---\n", ["Title", "with two lines"]),
        ("```sh\n# comment\n```\n# After\n~~~~\n~~~\n# in\n~~~~~\n# Out\n```\n# open", ["After", "Out"]),
        ("```not` a fence\n# Heading\n", ["Heading"]),
        ("<!--\n# hidden\n-->\n# Shown\n<PRE>\n# raw\n</pre>\n# Again\n<!-- # never closed\n# x", ["Shown", "Again"]),
        ("---\n# comment: yaml\ntitle: x\n---\n# Body\n", ["Body"]),
        ("- # in a list\n> # in a quote\n# Own\n", ["Own"]),
        ("# Fenêtre *à* `b`\n", ["Fenêtre *à* `b`"]),
    ],
    ids=["marks", "closing marks", "underlined", "fences", "back-ticks", "raw", "front matter", "within", "characters"],
)
def test_headings_are_those_of_commonmark(source: str, expected: list[str]) -> None:
    assert titles(source) == expected
    assert titles(source.replace("\n", "\r\n")) == expected


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_grammar_finds_the_same_in_the_project_s_own_documents(document: Path) -> None:
    source = document.read_bytes()
    tree = parse_source(source, "markdown")
    assert tree is not None
    expected = [(one.line, one.name, one.signature) for one in find_definitions(tree.root_node, source, "markdown")]
    assert [(one.line, one.name, one.signature) for one in cut(source, "markdown").definitions] == expected


@given(texts)
def test_sections_are_in_order_and_within_one_another(source: bytes) -> None:
    sections, places = find_sections(source)
    assert [place for place, _ in places] == sorted({place for place, _ in places})
    assert {one.byte_start for one in sections} <= {place for place, _ in places}
    open_until: list[int] = []
    for one in sections:
        assert one.byte_start < one.byte_end <= len(source)
        assert one.byte_start == 0 or source[one.byte_start - 1 : one.byte_start] == b"\n"
        assert one.line == one.start_line == 1 + source.count(b"\n", 0, one.byte_start)
        assert one.end_line == 1 + source.count(b"\n", 0, one.byte_end)
        while open_until and open_until[-1] <= one.byte_start:
            open_until.pop()
        assert not open_until or one.byte_end <= open_until[-1]
        open_until.append(one.byte_end)


@pytest.mark.parametrize(
    "line", [b"-\n", b"# " * 50, b"`", b"```\n", b"a\n", b"- " * 40, b"# x" + b" " * 90, b"<!--\n", b"<pre\n", b"=", b"\n"]
)
def test_no_text_takes_longer_than_its_length(line: bytes) -> None:
    started = time.thread_time()
    find_sections(line * (1_000_000 // len(line)))
    assert time.thread_time() - started < 3
