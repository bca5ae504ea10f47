"""How is a text cut into chunks?

The tree is walked from the root, opening only what is over the budget; what is met on the way are the places where the text may
be cut, each with its depth. A definition of some size starts a chunk and ends it, so that it is found by its name; what lies
between two such definitions (imports, constants, one-line functions) is one stretch. A stretch within the budget is a chunk; a
longer one is cut into pieces of about the same size, at the least deep places near the even ones. Chunks that came out very
small join a neighbour. A comment or decorator stays with what follows it on the next line.

Blank bytes at both ends of a chunk belong to none; every other byte of the text lies in exactly one chunk.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from codetriever.chunking.lines import best_line, place_in_line
from codetriever.types import Chunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from codetriever.types import Definition

_SOLID_SHARE = 8
"""A definition of at least budget / 8 with its comment (256 bytes, some seven lines) gets a chunk of its own; smaller ones merge."""

_NAMING_SHARE = 4
"""A definition that opens in a chunk of another one's inside names it when it takes a quarter of it."""

_CRUMB_SHARE = 8
"""A piece below budget / 8 says too little to be found: it joins a neighbour."""

_OVERSHOOT = 1.5
"""A definition that fits the budget keeps its doc comment up to this many budgets."""

_LEADING = frozenset(
    {"attribute_item", "inner_attribute_item", "attribute_list", "annotation", "decorator", "attribute", "marker_annotation"}
)
_OUTER_KINDS = frozenset({"namespace", "module", "impl"})
_IN_TEXT_DEPTH = 1 << 20
_NOT_BLANK = re.compile(rb"[^ \t\r\n\f\v]")
_BLANK = b" \t\r\n\f\v"

Boundary = tuple[int, int]
"""A place to cut (byte offset) and its depth: the smaller, the better."""

_Wall = tuple[int, "Definition | None"]
"""The length up to which what starts at a place stays whole, and the definition that starts there."""


def tree_boundaries(root: Node, source: bytes, budget_bytes: int) -> list[Boundary]:
    """Return the places between the parts of everything that is over the budget, ascending.

    A closing bracket is no place to cut, nor is one within a line, nor one between a comment and what it describes.
    """
    found: list[Boundary] = []
    stack = [(root, 0)]
    while stack:
        parent, depth = stack.pop()
        glued = True  # the parent's own start was a boundary already
        end = 0
        for child in parent.children:
            start = child.start_byte
            if not glued and child.is_named:
                line = source.rfind(b"\n", max(end - 1, 0), start) + 1
                if line:
                    found.append((line, depth))
            end = child.end_byte
            if end - start > budget_bytes:
                stack.append((child, depth + 1))
            glued = (child.is_extra or child.type in _LEADING) and _is_adjacent(source, end)
    found.sort()
    return found


def _is_adjacent(source: bytes, end: int) -> bool:
    """Is the next thing after `end` on the same or the next line?"""
    follower = _NOT_BLANK.search(source, end)
    return follower is not None and source.count(b"\n", end - 1, follower.start()) <= 1


@dataclass(slots=True)
class _Piece:
    start: int
    end: int
    depth: int
    definition: Definition | None = None  # the one that the piece was begun for

    @property
    def size(self) -> int:
        return self.end - self.start


def make_chunks(source: bytes, boundaries: Sequence[Boundary], definitions: Sequence[Definition], budget_bytes: int) -> list[Chunk]:
    """Cut a text at some of these boundaries, ascending, and name the chunks after the definitions, owners first.

    No chunk is longer than one and a half budgets.
    """
    if _NOT_BLANK.search(source) is None:
        return []
    depths = dict(reversed(boundaries))
    walls = _walls(source, depths, definitions, budget_bytes)
    places = [place for place in sorted(depths) if 0 < place < len(source)]
    pieces: list[_Piece] = []
    edges = [0, *(wall for wall in sorted(walls) if 0 < wall < len(source)), len(source)]
    for start, end in pairwise(edges):
        limit, definition = walls.get(start, (budget_bytes, None))
        parts = _split(source, start, end, places, depths, budget_bytes, limit)
        parts[0].definition = definition
        pieces += parts
    _join_crumbs(pieces, budget_bytes)
    return _name(source, pieces, definitions)


def _walls(source: bytes, depths: dict[int, int], definitions: Sequence[Definition], budget_bytes: int) -> dict[int, _Wall]:
    """Return where chunks have to start. The comment above a definition counts as a part of it, as long as both stay whole."""
    places = sorted(depths)
    starts = [one.byte_start for one in definitions]
    ends = sorted(one.byte_end for one in definitions)
    walls: dict[int, _Wall] = {}
    whole_until = 0
    for definition in definitions:
        if definition.byte_start < whole_until:
            continue
        start, end = _place_around(definition, places, len(source))
        shared = _between(start, definition.byte_start + 1, ends) or _between(definition.byte_end - 1, end, starts)
        if shared or (definition.byte_end - start) * _SOLID_SHARE < budget_bytes:
            continue
        walls.setdefault(end, (budget_bytes, None))
        known = walls.get(start, (0, None))[1]
        if known is None or known.byte_end <= definition.byte_start:
            walls[start] = (budget_bytes, definition)
        if definition.byte_end - definition.byte_start > budget_bytes:
            continue
        whole_until = definition.byte_end
        most = int(budget_bytes * _OVERSHOOT)
        if definition.byte_end - start > most:
            start = source.rfind(b"\n", start, definition.byte_start) + 1 or definition.byte_start
            depths.setdefault(start, _IN_TEXT_DEPTH)
        walls[start] = (most, definition)
    return walls


def _place_around(definition: Definition, places: Sequence[int], size: int) -> tuple[int, int]:
    """Return the nearest places before and after a definition."""
    before = bisect_right(places, definition.byte_start) - 1
    after = bisect_left(places, definition.byte_end)
    return places[before] if before >= 0 else 0, places[after] if after < len(places) else size


def _between(low: int, high: int, ascending: Sequence[int]) -> bool:
    """Does any of these lie in `low < one < high`?"""
    return bisect_left(ascending, high) > bisect_right(ascending, low)


def _split(
    source: bytes, start: int, end: int, places: Sequence[int], depths: dict[int, int], budget_bytes: int, limit: int
) -> list[_Piece]:
    """Cut a stretch into pieces of about the same size, none over the budget, unless it is within its own limit."""
    pieces = []
    depth = depths.get(start, 0)
    remaining = limit
    while end - start > remaining:
        remaining = budget_bytes
        count = -(-(end - start) // budget_bytes)
        even = (end - start) // count
        window = places[bisect_right(places, start + even // 2) : bisect_right(places, start + budget_bytes)]
        if window:
            place = min(window, key=lambda at: (depths[at], abs(at - start - even)))
            next_depth = depths[place]
        else:
            place, next_depth = _place_without_tree(source, start, even, budget_bytes)
        pieces.append(_Piece(start, place, depth))
        start, depth = place, next_depth
    pieces.append(_Piece(start, end, depth))
    return pieces


def _place_without_tree(source: bytes, start: int, even: int, budget_bytes: int) -> Boundary:
    line = best_line(source, start + even // 2, start + budget_bytes, start + even)
    if line is None:
        return place_in_line(source, start, start + budget_bytes), _IN_TEXT_DEPTH
    place, depth = line
    return place, _IN_TEXT_DEPTH + depth


def _join_crumbs(pieces: list[_Piece], budget_bytes: int) -> None:
    """Join what is very small to the neighbour it is closer to in the tree, the next one when both are alike."""
    position = 0
    while position < len(pieces):
        piece = pieces[position]
        if piece.size * _CRUMB_SHARE >= budget_bytes:
            position += 1
            continue
        right = pieces[position + 1] if position + 1 < len(pieces) else None
        left = pieces[position - 1] if position else None
        fits_right = right is not None and piece.size + right.size <= budget_bytes
        fits_left = left is not None and piece.size + left.size <= budget_bytes
        if right is not None and fits_right and not (fits_left and piece.depth > right.depth):
            right.start, right.depth = piece.start, piece.depth
            if piece.definition and piece.definition.kind not in _OUTER_KINDS:
                right.definition = piece.definition
            del pieces[position]
        elif left is not None and fits_left:
            left.end = piece.end
            del pieces[position]
        else:
            position += 1


def _name(source: bytes, pieces: Sequence[_Piece], definitions: Sequence[Definition]) -> list[Chunk]:
    chunks: list[Chunk] = []
    starts = [definition.byte_start for definition in definitions]
    owners: list[Definition] = []
    line, counted, seen = 1, 0, 0
    for piece in pieces:
        first = _NOT_BLANK.search(source, piece.start, piece.end)
        if first is None:
            continue
        start = max(piece.start, source.rfind(b"\n", piece.start, first.start()) + 1)
        end = start + len(source[start : piece.end].rstrip(_BLANK))
        while seen < len(definitions) and starts[seen] <= first.start():
            owners.append(definitions[seen])
            seen += 1
        owners = [owner for owner in owners if owner.byte_end > first.start()]
        opened = definitions[bisect_left(starts, first.start()) : bisect_left(starts, end)]
        begun_for = piece.definition if piece.definition and piece.definition.kind not in _OUTER_KINDS else None
        chosen = begun_for or _naming(first.start(), end, owners, opened)
        kind, name = (chosen.kind, chosen.qualified_name) if chosen else ("block", "")
        line += source.count(b"\n", counted, start)
        counted = start
        chunks.append(Chunk(start, end, line, line + source.count(b"\n", start, end), kind, name))
    return chunks


def _naming(start: int, end: int, owners: Sequence[Definition], opened: Sequence[Definition]) -> Definition | None:
    """Return what a chunk is called after: the largest definition that starts in it, else the one it lies in.

    What encloses a whole file (a namespace) names a chunk only when nothing else does, and what is small beside the chunk does not
    when the chunk lies in something larger.
    """
    around = next((owner for owner in reversed(owners) if owner.byte_start < start), None)
    best = max(opened, key=lambda one: (one.kind not in _OUTER_KINDS, one.byte_end - one.byte_start), default=None)
    if best is not None and around is not None and around.kind not in _OUTER_KINDS:
        best = best if (min(best.byte_end, end) - best.byte_start) * _NAMING_SHARE >= end - start else around
    return best or around
