"""From ranked chunks to hits: neighbours become one, and only what is shown is loaded."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from codetriever.ranking import weights
from codetriever.search.notebook import text_of_chunks
from codetriever.types import KINDS, ChunkColumns, Hit, Role
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from codetriever.ranking.candidates import Candidates
    from codetriever.store.store import Snapshot
    from codetriever.types import Signal


_ROLES = tuple(Role)


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
    placed = _merged(snapshots, candidates, window)
    total = len(placed) + len(order) - len(window)
    placed += _singles(candidates, order[len(window) : len(window) + max(count - len(placed), 0)])
    return placed[:count], total


def _merged(snapshots: Sequence[Snapshot], candidates: Candidates, window: NDArray[np.int64]) -> list[Span]:
    """Return the spans of these candidates, neighbours joined at the place of the better one."""
    placed: list[Span | None] = []
    sizes: list[int] = []
    by_first: dict[tuple[int, int, int], int] = {}  # (source, file, ordinal) -> place
    by_last: dict[tuple[int, int, int], int] = {}
    singles = _singles(candidates, window)
    for span, start, end in zip(singles, *_bytes(snapshots, candidates, window), strict=True):
        place = len(placed)
        placed.append(span)
        sizes.append(end - start)
        beside = (by_last.get((span.source, span.file, span.first - 1)), by_first.get((span.source, span.file, span.last + 1)))
        for other in sorted(one for one in beside if one is not None):
            neighbour = placed[other]
            if neighbour is not None and sizes[other] + sizes[place] <= weights.MERGE_BYTES:
                span = _joined(*((neighbour, span) if other < place else (span, neighbour)))
                better, worse = sorted((other, place))
                sizes[better] += sizes[worse]
                placed[better], placed[worse] = span, None
                place = better
        by_first[span.source, span.file, span.first] = by_last[span.source, span.file, span.last] = place
    return [span for span in placed if span is not None]


def _singles(candidates: Candidates, rows: NDArray[np.int64]) -> list[Span]:
    columns = (candidates.sources[rows].tolist(), candidates.files[rows].tolist(), candidates.ordinals[rows].tolist())
    return [
        Span(source, file, ordinal, ordinal, ordinal, (row,)) for source, file, ordinal, row in zip(*columns, rows.tolist(), strict=True)
    ]


def _joined(better: Span, worse: Span) -> Span:
    first, last = min(better.first, worse.first), max(better.last, worse.last)
    return Span(better.source, better.file, first, last, better.best, (*better.rows, *worse.rows))


def _bytes(snapshots: Sequence[Snapshot], candidates: Candidates, rows: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    starts = np.zeros(len(rows), dtype=np.int64)
    ends = np.zeros(len(rows), dtype=np.int64)
    for number, snapshot in enumerate(snapshots):
        mine = np.flatnonzero(candidates.sources[rows] == number)
        columns = snapshot.chunks(candidates.ordinals[rows[mine]])
        starts[mine], ends[mine] = columns.byte_start, columns.byte_end
    return starts.tolist(), ends.tolist()


def load_columns(snapshots: Sequence[Snapshot], spans: Sequence[Span]) -> list[ChunkColumns]:
    """Load the chunks of each span, those of a snapshot all at once."""
    found: dict[int, ChunkColumns] = {}
    for number, snapshot in enumerate(snapshots):
        mine = [place for place, span in enumerate(spans) if span.source == number]
        if not mine:
            continue
        together = snapshot.chunks(np.concatenate([np.arange(spans[place].first, spans[place].last + 1) for place in mine]))
        end = 0
        for place in mine:
            start, end = end, end + spans[place].last - spans[place].first + 1
            found[place] = ChunkColumns(**{one.name: getattr(together, one.name)[start:end] for one in fields(ChunkColumns)})
    return [found[place] for place in range(len(spans))]


def load_hit(
    snapshot: Snapshot,
    span: Span,
    columns: ChunkColumns,
    *,
    score: float,
    repository: str = "",
    branch: str = "",
    signals: tuple[Signal, ...] = (),
    mask: Callable[[str], str] = str,
) -> Hit:
    """Read what is shown of a span with these chunks: its text, and the name and kind of the definition that was ranked best in it."""
    byte_start, byte_end = int(columns.byte_start[0]), int(columns.byte_end[-1])
    files = snapshot.files
    text = text_of_chunks(snapshot, span.file, columns)
    best = span.best - span.first
    return Hit(
        path=files.paths[span.file],
        start_line=int(columns.start_line[0]),
        end_line=int(columns.end_line[-1]),
        byte_start=byte_start,
        byte_end=byte_end,
        score=score,
        kind=KINDS[int(columns.kinds[best])],
        name=columns.names[best],
        language=files.language_names[int(files.languages[span.file])],
        role=_ROLES[int(files.roles[span.file])],
        text=mask(text),
        repository=repository,
        branch=branch,
        signals=signals,
    )
