"""How do the answers to several phrasings of one question become one list?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.types import Answer, Hit

# How many hits of each answer take part, whatever page is asked for: a shorter page is a prefix of a longer one.
DEPTH = 60
# As in reciprocal rank fusion (Cormack, Clarke, Büttcher, 2009), but smaller than its 60, which hardly tells the first from the tenth.
_RANK_OFFSET = 10
_SAME_SHARE = 0.5  # of the shorter span has to lie in the other, for two hits to be one


def fuse(answers: Sequence[Answer]) -> Answer:
    """Return one answer: each hit counts by its rank in every answer that has it, and by how sure that answer is of it.

    The hit is shown as the answer has it that ranks it best. `total` is exact when every answer is shown whole, else a lower bound.
    """
    kept: list[Hit] = []
    value: list[float] = []
    by_file: dict[tuple[str, str], list[int]] = {}
    ranked = [(rank, number, hit) for number, answer in enumerate(answers) for rank, hit in enumerate(answer.hits)]
    for rank, _, hit in sorted(ranked, key=lambda one: one[:2]):
        places = by_file.setdefault((hit.repository, hit.path), [])
        same = next((place for place in places if _is_same(kept[place], hit)), None)
        worth = hit.score / (_RANK_OFFSET + rank)
        if same is None:
            places.append(len(kept))
            kept.append(hit)
            value.append(worth)
        else:
            value[same] += worth
            if hit.score > kept[same].score:
                kept[same] = replace(kept[same], score=hit.score)
    order = sorted(range(len(kept)), key=lambda place: (-value[place], kept[place].repository, kept[place].path, kept[place].start_line))
    first = answers[0]
    is_whole = all(len(answer.hits) == answer.total for answer in answers)
    return replace(
        first,
        query=" | ".join(answer.query for answer in answers),
        hits=tuple(kept[place] for place in order),
        total=len(kept) if is_whole else max(len(kept), *(answer.total for answer in answers)),
        exhaustive=all(answer.exhaustive for answer in answers),
        weak=all(answer.weak or not answer.hits for answer in answers),
        note="" if kept else first.note,
        took_ms=sum(answer.took_ms for answer in answers),
    )


def _is_same(one: Hit, other: Hit) -> bool:
    shared = min(one.byte_end, other.byte_end) - max(one.byte_start, other.byte_start)
    return shared > _SAME_SHARE * min(one.byte_end - one.byte_start, other.byte_end - other.byte_start)
