"""I have text: where are the pieces?

`cut` is the only door for indexing; `symbols` answers what a file refers to, on demand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetriever.chunking.chunk import make_chunks, tree_boundaries
from codetriever.chunking.definitions import find_definitions
from codetriever.chunking.layers import split_layers
from codetriever.chunking.lines import lines_around
from codetriever.chunking.markdown import MARKDOWN, find_sections
from codetriever.chunking.notebooks import NOTEBOOK, cut_notebook, plain_text
from codetriever.chunking.parse import load_query, parse_source
from codetriever.types import Pieces

if TYPE_CHECKING:
    from codetriever.chunking.chunk import Boundary
    from codetriever.types import Definition

__all__ = ["BUDGET_BYTES", "CHUNKER_VERSION", "NOTEBOOK", "chunk_text", "cut"]

CHUNKER_VERSION = 9
"""Part of the key of everything derived from a text: it changes whenever `cut` would answer differently,
and `FEATURES` in `store/format.py` with it."""

BUDGET_BYTES = 2048
"""How long a chunk may be: some fifty lines. On 288 questions from the history of 18 repositories, chunks of 2,048 bytes with definitions
from 256 bytes on apart had the changed lines among ten hits for 59 %, those of 1,536 and 384 for 57 %, those of 1,024 and 256 for 55 %,
at NDCG@10 of .625, .617 and .612; longer ones find no more files and take more reading."""


def cut(source: bytes, language: str, *, budget_bytes: int = BUDGET_BYTES) -> Pieces:
    """Cut UTF-8 text into chunks and find what it defines. Offsets are of `source`.

    The chunks cover every byte that is not blank, in order, without overlap; none is longer than one and a half budgets. A
    language without a grammar, or whose grammar finds no definitions (HTML, JSON, YAML ...), is cut by its lines. Any bytes will do:
    nothing is raised for text that does not parse. Of a notebook only the cells' sources are covered; `chunk_text` makes text of such
    a chunk.
    """
    if language == NOTEBOOK and (notebook := cut_notebook(source, budget_bytes=budget_bytes)) is not None:
        return notebook
    if language == MARKDOWN:
        sections, places = find_sections(source)
        return Pieces(make_chunks(source, places, sections, budget_bytes), sections, language)
    boundaries: list[Boundary] = []
    definitions: list[Definition] = []
    parsed = False
    for number, layer in enumerate([] if language == NOTEBOOK else split_layers(source, language)):
        if load_query(layer.language, "definitions") is None:
            continue  # a tree would only place the cuts, which lines do as well, many times as fast
        tree = parse_source(layer.source, layer.language)
        if tree is None:
            continue
        parsed = True
        definitions += find_definitions(tree.root_node, layer.source, layer.language)
        found = tree_boundaries(tree.root_node, layer.source, budget_bytes)
        boundaries += [(place, depth + 1) for place, depth in found] if number else found
        boundaries += [(place, 0) for part in layer.parts for place in lines_around(source, part.start, part.end)]
    if not parsed:
        return Pieces(make_chunks(source, (), (), budget_bytes), ())
    boundaries.sort()
    definitions.sort(key=lambda one: (one.byte_start, -one.byte_end))
    return Pieces(make_chunks(source, boundaries, definitions, budget_bytes), definitions, language)


def chunk_text(data: bytes, language: str) -> str:
    """Return the text that a chunk's bytes stand for: themselves, or a notebook's source out of its JSON."""
    return plain_text(data) if language == NOTEBOOK else data.decode("utf-8", "replace")
