"""From ranked chunks to hits: neighbours become one, and only what is shown is loaded."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from codetriever.ranking import weights
from codetriever.search.notebook import text_of_chunks
from codetriever.types import KINDS, Chunk, Hit, Role
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.ranking.candidates import Candidates
    from codetriever.search.search import Source
    from codetriever.store.store import Snapshot
    from codetriever.types import Signal


_ROLES = tuple(Role)
_ORDINAL_BITS = 32


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive chunks `first..last` (ordinals) of one file; `best` was ranked first; `rows` are the candidates in it."""

    source: int
    file: int
    first: int
    last: int
    best: int
    rows: tuple[int, ...]


def arrange(snapshots: Sequence[Snapshot], candidates: Candidates, order: NDArray[np.int64], *, count: int) -> tuple[list[Span], int]:
    """Return the first `count` hits of the list and the length of the whole list.

    Neighbours merge only among the best `weights.MERGE_WINDOW` candidates, whatever `count` is: a shorter page is a prefix
    of a longer one.
    """
    window = order[: weights.MERGE_WINDOW]
    hits = _merged(snapshots, candidates, window)
    total = len(hits) + len(order) - len(window)
    hits += [[row] for row in order[len(window) : len(window) + max(count - len(hits), 0)].tolist()]
    return [_span(candidates, rows) for rows in hits[:count]], total


def _merged(snapshots: Sequence[Snapshot], candidates: Candidates, window: NDArray[np.int64]) -> list[list[int]]:
    """Return the rows of each hit, the best one first: neighbours are joined at the place of the better one."""
    chunks = (candidates.groups[window] << _ORDINAL_BITS | candidates.ordinals[window]).tolist()
    places = {chunk: place for place, chunk in enumerate(chunks)}
    earlier: dict[int, list[int]] = {}
    for place, chunk in enumerate(chunks):
        if (other := places.get(chunk + 1)) is not None:
            earlier.setdefault(max(place, other), []).append(min(place, other))
    hits = [[place] for place in range(len(chunks))]  # the places of its chunks; none once they were joined to another
    hit_of = list(range(len(chunks)))
    sizes = _sizes(snapshots, candidates, window) if earlier else []
    for place in sorted(earlier):
        for other in sorted(hit_of[neighbour] for neighbour in earlier[place]):
            better, worse = sorted((other, hit_of[place]))
            if sizes[better] + sizes[worse] <= weights.MERGE_BYTES:
                sizes[better] += sizes[worse]
                for joined in hits[worse]:
                    hit_of[joined] = better
                hits[better] += hits[worse]
                hits[worse] = []
    rows = window.tolist()
    return [[rows[place] for place in hit] for hit in hits if hit]


def _sizes(snapshots: Sequence[Snapshot], candidates: Candidates, rows: NDArray[np.int64]) -> list[int]:
    sizes = np.zeros(len(rows), dtype=np.int64)
    for number, snapshot in enumerate(snapshots):
        mine = np.flatnonzero(candidates.sources[rows] == number)
        columns = snapshot.chunks(candidates.ordinals[rows[mine]])
        sizes[mine] = columns.byte_end - columns.byte_start
    return sizes.tolist()


def _span(candidates: Candidates, rows: list[int]) -> Span:
    best, ordinals = rows[0], [candidates.ordinals.item(row) for row in rows]
    return Span(candidates.sources.item(best), candidates.files.item(best), min(ordinals), max(ordinals), ordinals[0], tuple(rows))


def load_chunks(snapshots: Sequence[Snapshot], spans: Sequence[Span]) -> list[list[Chunk]]:
    """Load the chunks of each span, those of a snapshot all at once."""
    found: dict[int, list[Chunk]] = {}
    for number, snapshot in enumerate(snapshots):
        mine = [place for place, span in enumerate(spans) if span.source == number]
        if not mine:
            continue
        ordinals = [ordinal for place in mine for ordinal in range(spans[place].first, spans[place].last + 1)]
        columns = snapshot.chunks(np.array(ordinals, dtype=np.int64))
        numbers = (columns.byte_start, columns.byte_end, columns.start_line, columns.end_line)
        kinds = map(KINDS.__getitem__, columns.kinds.tolist())
        chunks = map(Chunk, *(column.tolist() for column in numbers), kinds, columns.names[:])
        for place in mine:
            found[place] = list(islice(chunks, spans[place].last - spans[place].first + 1))
    return [found[place] for place in range(len(spans))]


def load_texts(snapshots: Sequence[Snapshot], spans: Sequence[Span], chunks: Sequence[Sequence[Chunk]]) -> list[str]:
    """Load the text of each span, which has these chunks; those of a file one after the other, so that it is read once."""
    texts = [""] * len(spans)
    for place in sorted(range(len(spans)), key=lambda place: (spans[place].source, spans[place].file)):
        span = spans[place]
        parts = [(chunk.byte_start, chunk.byte_end) for chunk in chunks[place]]
        texts[place] = text_of_chunks(snapshots[span.source], span.file, parts)
    return texts


def as_hit(source: Source, span: Span, chunks: Sequence[Chunk], text: str, *, score: float, signals: tuple[Signal, ...] = ()) -> Hit:
    """Return a span with these chunks as a hit, with the name and kind of the definition that was ranked best in it."""
    files = source.snapshot.files
    best = chunks[span.best - span.first]
    return Hit(
        path=files.paths[span.file],
        start_line=chunks[0].start_line,
        end_line=chunks[-1].end_line,
        byte_start=chunks[0].byte_start,
        byte_end=chunks[-1].byte_end,
        score=score,
        kind=best.kind,
        name=best.name,
        language=files.language_names[int(files.languages[span.file])],
        role=_ROLES[int(files.roles[span.file])],
        text=text,
        repository=source.repository,
        branch=source.branch,
        signals=signals,
    )
