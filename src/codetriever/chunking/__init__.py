"""I have text: where are the pieces?

`cut` is the only door for indexing; `symbols` answers what a file refers to, on demand.
"""

from __future__ import annotations

from codetriever.chunking.chunk import make_chunks, tree_boundaries
from codetriever.chunking.definitions import find_definitions
from codetriever.chunking.lines import line_boundaries
from codetriever.chunking.parse import parse_source
from codetriever.types import Pieces

CHUNKER_VERSION = 1
"""Part of the key of everything derived from a text: it changes whenever `cut` would answer differently."""


def cut(source: bytes, language: str, *, budget_bytes: int = 1536) -> Pieces:
    """Cut UTF-8 text into chunks and find what it defines. Offsets are of `source`.

    The chunks cover every byte that is not blank, in order, without overlap; none is longer than one and a half budgets. A
    language without a grammar is cut by its lines. Any bytes will do: nothing is raised for text that does not parse.
    """
    tree = parse_source(source, language)
    if tree is None:
        return Pieces(make_chunks(source, line_boundaries(source), (), budget_bytes), ())
    definitions = find_definitions(tree.root_node, source, language)
    boundaries = tree_boundaries(tree.root_node, source, budget_bytes)
    return Pieces(make_chunks(source, boundaries, definitions, budget_bytes), definitions, language)
