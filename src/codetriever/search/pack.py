"""How does an answer fit into a budget of tokens?

The first hits get most of it, since that is where what was asked for lies as a rule, and each shows the lines that say why it was found;
the tail is a line each. Somebody who reads from the top has read little when they come to what they wanted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from codetriever.errors import InvalidQuery
from codetriever.focus import excerpt
from codetriever.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.search.search import Found
    from codetriever.types import Hit

# What a hit's heading costs beside its path and name: lines, and the marks around its code.
HEADING_TOKENS: Final = 10
# How the text of the first hits shares what their headings and the tail leave; hits after these are the tail.
_SHARES: Final = (2, 2, 2, 2, 2, 1, 1, 1, 1, 1)
_TAIL_SHARE: Final = 1 / 3
_LINE_TOKENS: Final = 15


def pack(hits: Sequence[Hit], max_tokens: int, query: str = "") -> tuple[list[Hit], int]:
    """Return the longest prefix of the hits that fits, most of them cut to what answers the query, and how many were cut.

    Text that an earlier hit has shown already is not shown again. Raises `InvalidQuery` for a budget that holds nothing.
    """
    if max_tokens <= HEADING_TOKENS:
        raise InvalidQuery(f"{max_tokens} tokens hold no hit.", hint=f"Allow at least {HEADING_TOKENS + 50} tokens.")
    packed: list[Hit] = []
    seen: set[str] = set()
    left = max_tokens
    room = max_tokens - sum(map(heading_tokens, hits[: len(_SHARES)])) - _tail_tokens(hits, max_tokens)
    for place, hit in enumerate(hits):
        if place < len(_SHARES):
            allowed = room * _SHARES[place] // sum(_SHARES[place : len(hits)])
        else:
            is_all_whole = all(one.text in ("", whole.text) for one, whole in zip(packed, hits, strict=False))
            allowed = left // (len(hits) - place) - heading_tokens(hit) if is_all_whole else 0
        short = "" if hit.text in seen else _shortened(hit, query, allowed)
        cost = heading_tokens(hit) + count_tokens(short)
        if cost > left:
            break
        seen.add(hit.text)
        packed.append(hit if short == hit.text else replace(hit, text=short))
        left -= cost
        room -= count_tokens(short)
    return packed, sum(one.text != whole.text for one, whole in zip(packed, hits, strict=False))


def heading_tokens(hit: Hit) -> int:
    """Return what the heading of a hit costs."""
    return HEADING_TOKENS + count_tokens(hit.path) + count_tokens(hit.name)


def _tail_tokens(hits: Sequence[Hit], max_tokens: int) -> int:
    wanted = sum(heading_tokens(hit) + _LINE_TOKENS for hit in hits[len(_SHARES) :])
    return min(wanted, int(max_tokens * _TAIL_SHARE))


def _shortened(hit: Hit, query: str, max_tokens: int) -> str:
    return excerpt(hit.text, hit.name, query, first=hit.start_line, last=hit.end_line, max_tokens=max_tokens)


def packed(found: Found, max_tokens: int, query: str = "") -> Found:
    """Return the page as far as it fits, with a note of what was cut or left out. What matches weakly is worth half of the budget."""
    hits, cut = pack(found.hits, max(max_tokens // 2, HEADING_TOKENS + 1) if found.weak else max_tokens, query)
    left_out = len(found.hits) - len(hits)
    notes = [found.note] if found.note else []
    if cut:
        notes.append(f"{cut} of {len(hits)} hits are cut to a few lines; `context PATH:LINE` shows the rest.")
    if left_out:
        notes.append(f"{left_out} more did not fit into {max_tokens} tokens; --offset {len(hits)} goes on.")
    return replace(found, hits=tuple(hits), note=" ".join(notes))
