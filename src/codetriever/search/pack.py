"""How does an answer fit into a budget of tokens?"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from codetriever.errors import InvalidQuery
from codetriever.search.query import simple_name
from codetriever.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.search.search import Found
    from codetriever.types import Hit

# What a hit's heading costs: path, lines, name and the marks around them.
HEADING_TOKENS = 20
# Hits are shown whole for this share of the budget; the rest of it goes to the first lines of those that follow.
WHOLE_SHARE = 0.8
_SIGNATURE_LINES = 3
_COMMENT = re.compile(r"\s*(?://|#(?!\[|define)|/?\*|--|;|%|'|\"\"\")")


def pack(hits: Sequence[Hit], max_tokens: int) -> tuple[list[Hit], int]:
    """Return the longest prefix of the hits that fits, the later ones cut to their first lines, and how many were cut.

    Text that an earlier hit has shown already is not shown again. Raises `InvalidQuery` for a budget that holds nothing.
    """
    if max_tokens <= HEADING_TOKENS:
        raise InvalidQuery(f"{max_tokens} tokens hold no hit.", hint=f"Allow at least {HEADING_TOKENS + 50} tokens.")
    packed: list[Hit] = []
    shown: set[str] = set()
    left, cut = max_tokens, 0
    for hit in hits:
        whole = HEADING_TOKENS + count_tokens(hit.text)
        if hit.text in shown:
            short = replace(hit, text="")
        elif (whole <= left and left - whole >= (1.0 - WHOLE_SHARE) * max_tokens) or (not packed and whole <= left):
            short = hit
        else:
            short = _opening(hit)
        cost = HEADING_TOKENS + count_tokens(short.text)
        if cost > left:
            break
        shown.add(hit.text)
        packed.append(short)
        left -= cost
        cut += short.text != hit.text
    return packed, cut


def packed(found: Found, max_tokens: int) -> Found:
    """Return the page as far as it fits, with a note of what was cut or left out."""
    hits, cut = pack(found.hits, max_tokens)
    left_out = len(found.hits) - len(hits)
    notes = [found.note] if found.note else []
    if cut:
        notes.append(f"{cut} of {len(hits)} hits are cut to their first lines; `context PATH:LINE` shows the rest.")
    if left_out:
        notes.append(f"{left_out} more did not fit into {max_tokens} tokens; --offset {len(hits)} goes on.")
    return replace(found, hits=tuple(hits), note=" ".join(notes))


def _opening(hit: Hit) -> Hit:
    """Cut a hit to the first lines of its definition; its byte and line spans stay those of the whole, which is how to get the rest.

    What comes before the name, doc comments and decorators mostly, is left out too.
    """
    lines = hit.text.splitlines(keepends=True)
    name = re.compile(rf"(?<!\w){re.escape(simple_name(hit.name))}(?!\w)") if hit.name else None
    first = next((number for number, line in enumerate(lines) if name and name.search(line) and not _COMMENT.match(line)), 0)
    kept = lines[first : first + _SIGNATURE_LINES]
    return replace(hit, text=("…\n" if first else "") + "".join(kept) + ("…\n" if first + len(kept) < len(lines) else ""))
