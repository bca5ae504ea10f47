"""A component's parts are cut each with its own grammar, at the bytes where they lie."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.chunking import cut
from codetriever.chunking.components import TEMPLATES, component_layers, find_parts
from codetriever.chunking.symbols import imports_span, references

FIXTURES = Path(__file__).parent / "fixtures"
SOURCES = {"astro": "astro/Order.astro", "html": "html/orders.html", "svelte": "svelte/Order.svelte", "vue": "vue/Order.vue"}

fragments = st.sampled_from(
    [
        "<script>",
        "<script lang='ts'>",
        '<style lang="scss" scoped>',
        "<style>",
        "</script>",
        "</style >",
        "<!--",
        "-->",
        "---\n",
        "function pay() {}\n",
        ".order { color: red }\n",
        "<p>text</p>\n",
        "'",
        '"',
        ">",
        "é",
    ]
)


def read(language: str) -> bytes:
    return (FIXTURES / SOURCES[language]).read_bytes()


def parts(source: str, language: str = "vue") -> list[tuple[str, str]]:
    data = source.encode()
    return [(part.language, data[part.start : part.end].decode()) for part in find_parts(data, language)]


def test_scripts_and_styles_are_found_with_their_languages() -> None:
    source = "<template><p/></template>\n<script setup lang=ts>a</script><SCRIPT>b</SCRIPT ><style lang='scss'>c</style><style>d</style>"
    assert parts(source) == [("typescript", "a"), ("javascript", "b"), ("scss", "c"), ("css", "d")]


@pytest.mark.parametrize(
    ("attributes", "language"),
    [
        ("", "javascript"),
        ('type="module"', "javascript"),
        ('type="text/javascript"', "javascript"),
        ('type="text/babel"', "javascript"),
        ('type="application/json"', "json"),
        ('type="application/ld+json"', "json"),
        ('lang="tsx"', "tsx"),
        ("lang='ts' generic=\"T extends Record<string, number>\"", "typescript"),
        ('type="text/x-template"', ""),
        ('lang="coffee"', ""),
    ],
)
def test_a_script_says_what_language_it_is_in(attributes: str, language: str) -> None:
    assert parts(f"<script {attributes}>x</script>") == [(language, "x")]


def test_comments_hold_no_parts() -> None:
    assert parts("<!-- <script>no</script> --><script>yes</script>") == [("javascript", "yes")]


def test_a_part_that_is_not_closed_reaches_to_the_end() -> None:
    assert parts("<p/><script>a\nb") == [("javascript", "a\nb")]


def test_scripts_of_astro_and_its_front_matter_are_typescript() -> None:
    assert parts("---\nconst a = 1\n---\n<p>---</p><script>b</script>", "astro") == [("typescript", "const a = 1\n"), ("typescript", "b")]
    assert parts("---\nconst a = 1\n---\n", "vue") == []


@pytest.mark.parametrize("hostile", [b"<script " * 4000, b"<script '" * 4000, b'<style a="' * 4000, b"<!--" * 9000, b"<script>" * 9000])
def test_unfinished_tags_do_not_take_quadratic_time(hostile: bytes) -> None:
    assert len(find_parts(hostile, "html")) <= 1


@pytest.mark.parametrize("language", sorted(SOURCES))
def test_layers_share_out_the_text(language: str) -> None:
    source = read(language)
    layers = component_layers(source, language)
    assert layers[0].language == TEMPLATES[language]
    assert len(layers[0].source) == len(source)
    for layer in layers[1:]:
        assert len(layer.source) == layer.parts[-1].end
        assert layer.source.count(b"\n") == source.count(b"\n", 0, len(layer.source))
    for signs in zip_longest(source, *(layer.source for layer in layers), fillvalue=0x20):
        assert all(sign in (signs[0], 0x20) for sign in signs[1:])


def test_a_script_in_a_page_that_is_not_parsed_has_chunks_of_its_own() -> None:
    page = "".join(f"<p>This is paragraph {number} of the page.</p>\n" for number in range(200))
    source = f"{page}<script>\nfunction pay(sum) {{\n{'  sum += 1;' * 40}\n}}\n</script>\n{page}".encode()
    [chunk] = [one for one in cut(source, "html").chunks if one.name == "pay"]
    text = source[chunk.byte_start : chunk.byte_end]
    assert text.startswith((b"<script>", b"function"))
    assert text.endswith((b"}", b"</script>"))


@given(st.sampled_from(sorted(TEMPLATES)), st.lists(fragments, max_size=25))
def test_chunks_cover_whatever_is_not_blank(language: str, pieces: list[str]) -> None:
    source = "".join(pieces).encode()
    chunks = cut(source, language, budget_bytes=100).chunks
    uncovered = bytearray(source)
    end = 0
    for chunk in chunks:
        assert end <= chunk.byte_start < chunk.byte_end <= len(source)
        end = chunk.byte_end
        uncovered[chunk.byte_start : end] = b" " * (end - chunk.byte_start)
        assert chunk.start_line == 1 + source.count(b"\n", 0, chunk.byte_start)
    assert not uncovered.strip()


def test_a_long_script_is_cut_between_its_functions() -> None:
    functions = "".join(f"function pay{number}() {{\n  return {number};\n}}\n" for number in range(40))
    source = f"<template>\n  <p>one</p>\n</template>\n<script>\n{functions}</script>\n".encode()
    pieces = cut(source, "vue", budget_bytes=300)
    assert len(pieces.definitions) == 40
    inner = [source[one.byte_start : one.byte_end] for one in pieces.chunks[1:-1]]
    assert all(text.lstrip().startswith((b"function", b"<script>")) for text in inner)


def test_references_know_what_each_part_makes_of_a_name() -> None:
    source = read("vue")
    contexts = {(one.line, one.context) for one in references(source, "vue", name="pay")}
    assert contexts == {(3, "reference"), (17, "definition")}
    assert {one.context for one in references(source, "vue", name="card")} == {"definition", "call"}


def test_imports_are_those_of_the_scripts() -> None:
    source = read("svelte")
    span = imports_span(source, "svelte")
    assert span is not None
    assert source[slice(*span)] == b'import { onMount } from "svelte";'
