"""How good is a ranked list of hits, given which lines would have answered?

All measures look at hits in order, the best first; ranks are 1-based. A relevant place is a `Span`: a path, and the lines in it that
answer, or the whole file when it has none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CHARACTERS_PER_TOKEN = 4
MISS_TOKENS = 8000.0


@dataclass(frozen=True, slots=True)
class Span:
    """Lines `start_line` to `end_line` of a file, 1-based and inclusive; the whole file when both are 0."""

    path: str
    start_line: int = 0
    end_line: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hit points, and how many characters somebody who reads it has to read."""

    path: str
    start_line: int
    end_line: int
    characters: int = 0


def overlaps(place: Place, span: Span) -> bool:
    """Whether the hit shows at least one line of the span."""
    if place.path != span.path:
        return False
    return not span.end_line or (place.start_line <= span.end_line and place.end_line >= span.start_line)


def ndcg(ranks: Iterable[int | None], targets: int, k: int = 10) -> float:
    """Normalised discounted cumulative gain at k, every target worth 1.

    `ranks` has for each target the rank of the first hit that covers it, or None. Järvelin and Kekäläinen, "Cumulated gain-based
    evaluation of IR techniques", 2002. Two targets covered by one hit count once.
    """
    found = {rank for rank in ranks if rank and rank <= k}
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, targets)))
    return sum(1 / math.log2(rank + 1) for rank in found) / ideal if targets else 0.0


def recall(ranks: Sequence[int | None], k: int = 10) -> float:
    """The share of targets covered by the first k hits."""
    return sum(1 for rank in ranks if rank and rank <= k) / len(ranks) if ranks else 0.0


def span_ranks(places: Sequence[Place], spans: Sequence[Span]) -> list[int | None]:
    """For each span the rank of the first hit that overlaps it."""
    return [next((rank for rank, place in enumerate(places, 1) if overlaps(place, span)), None) for span in spans]


def file_ranks(places: Sequence[Place], spans: Sequence[Span]) -> list[int | None]:
    """For each distinct file of the spans the rank of the first hit in it."""
    return span_ranks(places, [Span(path) for path in dict.fromkeys(span.path for span in spans)])


def first_span_rank(places: Sequence[Place], spans: Sequence[Span], k: int = 10) -> int | None:
    """The rank of the first of k hits that overlaps any span."""
    return min((rank for rank in span_ranks(places[:k], spans) if rank), default=None)


def tokens_to_first_span(places: Sequence[Place], spans: Sequence[Span], k: int = 10) -> float:
    """Tokens read, hit by hit, up to and with the first that overlaps a span; `MISS_TOKENS` when none of the first k does.

    A token is taken as four characters. More than a miss costs is never counted: a reader gives up there.
    """
    rank = first_span_rank(places, spans, k)
    if rank is None:
        return MISS_TOKENS
    return min(MISS_TOKENS, sum(place.characters for place in places[:rank]) / CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Score:
    """What one question scored: shares in 0..1, tokens until a relevant span was read."""

    ndcg10: float
    recall10: float
    span10: float
    tokens: float


def score(places: Sequence[Place], spans: Sequence[Span]) -> Score:
    """All measures of one question's hits; `ndcg10` and `recall10` count files."""
    ranks = file_ranks(places, spans)
    return Score(
        ndcg10=ndcg(ranks, len(ranks)),
        recall10=recall(ranks),
        span10=float(first_span_rank(places, spans) is not None),
        tokens=tokens_to_first_span(places, spans),
    )


def mean(scores: Sequence[Score]) -> Score:
    """The plain mean over questions; zeros when there are none."""
    count = len(scores) or 1
    return Score(
        ndcg10=sum(one.ndcg10 for one in scores) / count,
        recall10=sum(one.recall10 for one in scores) / count,
        span10=sum(one.span10 for one in scores) / count,
        tokens=sum(one.tokens for one in scores) / count,
    )
