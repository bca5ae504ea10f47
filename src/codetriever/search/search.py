"""Which pieces of code answer this question?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.ranking import calibration, weights
from codetriever.ranking.candidates import concatenate
from codetriever.ranking.rank import rank
from codetriever.search.filters import allowed_files
from codetriever.search.gather import gather
from codetriever.search.hits import Span, arrange, as_hit, load_chunks, load_texts
from codetriever.search.literals import MAX_READ_BYTES, literal_chunks
from codetriever.search.words import word_evidence
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from codetriever.ranking.candidates import Candidates
    from codetriever.ranking.rank import Ranking
    from codetriever.search.query import Query
    from codetriever.store.store import Snapshot
    from codetriever.types import Filter, Hit, Signal


_UNREAD = f"Only the most promising {MAX_READ_BYTES >> 20} MiB of text were read for it; a --path or another word narrows the search."


@dataclass(frozen=True, slots=True)
class Source:
    """A snapshot to search, what it is called, and what the answer may come from."""

    snapshot: Snapshot
    filter: Filter
    repository: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits and what is known of the whole list."""

    hits: tuple[Hit, ...]
    total: int
    exhaustive: bool
    weak: bool
    note: str = ""


def search(
    sources: Sequence[Source],
    query: Query,
    vector: NDArray[np.float32],
    *,
    limit: int,
    offset: int = 0,
    explain: bool = False,
    without: Sequence[tuple[int, int, int, int]] = (),
    mask: Callable[[Sequence[str]], Sequence[str]] = list,
    vector_share: float | None = None,
) -> Found:
    """Answer a question from several snapshots: gather, rank the whole list, arrange it into hits, and cut the page last.

    `vector` is the query's, a unit vector of the snapshots' model. `without` are (source, file, byte start, byte end) not to
    return. `mask` is applied to the texts that are shown. `vector_share` (0..1) stands in for the one of `ranking/weights.py`.
    """
    candidates, unread = _candidates(sources, query, vector, vector_share)
    candidates = _without(sources, candidates, without)
    if len(candidates) == 0:
        return Found((), 0, exhaustive=not unread, weak=False, note=_why_nothing(sources, query) + (f" {_UNREAD}" if unread else ""))
    ranking = _rank(sources, candidates, query, vector_share, depth=weights.MERGE_WINDOW + offset + limit)
    snapshots = [source.snapshot for source in sources]
    spans, total = arrange(snapshots, candidates, ranking.order, count=offset + limit)
    scores = np.ones(len(candidates), dtype=np.float32) if query.is_literal else calibration.probabilities(candidates)
    page = spans[offset:]
    chunks = load_chunks(snapshots, page)
    texts = mask(load_texts(snapshots, page, chunks))
    signals = [_explanation(candidates, ranking, span) if explain else () for span in page]
    hits = tuple(
        as_hit(sources[span.source], span, its, text, score=max(map(scores.item, span.rows)), signals=why)
        for span, its, text, why in zip(page, chunks, texts, signals, strict=True)
    )
    weak = not query.literals and calibration.is_weak(scores[ranking.order[:10]].tolist())
    return Found(hits, total, exhaustive=bool(query.literals) and not unread, weak=weak, note=_UNREAD if unread else "")


def _candidates(
    sources: Sequence[Source], query: Query, vector: NDArray[np.float32], vector_share: float | None = None
) -> tuple[Candidates, bool]:
    """Return the candidates of all sources, and whether text was left unread that may hold more of what has to occur literally."""
    parts, group_base, unread = [], 0, False
    for number, source in enumerate(sources):
        snapshot = source.snapshot
        allowed = allowed_files(snapshot.files, source.filter)
        evidence = word_evidence(snapshot, query.terms)
        within = None
        if query.literals:
            within, is_all = literal_chunks(snapshot, query.literals, allowed, evidence.scores)
            unread |= not is_all
        places = {"source": number, "group_base": group_base}
        parts.append(gather(snapshot, query, vector, evidence, allowed=allowed, within=within, vector_share=vector_share, **places))
        group_base += len(snapshot.files.blobs)
    return concatenate(parts), unread


def _without(sources: Sequence[Source], candidates: Candidates, spans: Sequence[tuple[int, int, int, int]]) -> Candidates:
    keep = np.ones(len(candidates), dtype=np.bool_)
    for source, file, byte_start, byte_end in spans:
        rows = np.flatnonzero((candidates.sources == source) & (candidates.files == file))
        columns = sources[source].snapshot.chunks(candidates.ordinals[rows])
        keep[rows[(columns.byte_start < byte_end) & (columns.byte_end > byte_start)]] = False
    return candidates.take(np.flatnonzero(keep)) if spans else candidates


def _rank(sources: Sequence[Source], candidates: Candidates, query: Query, vector_share: float | None, *, depth: int) -> Ranking:
    def places(rows: NDArray[np.int64]) -> list[tuple[str, int]]:
        found = [("", 0)] * len(rows)
        for number, source in enumerate(sources):
            mine = np.flatnonzero(candidates.sources[rows] == number)
            lines = source.snapshot.chunks(candidates.ordinals[rows[mine]]).start_line.tolist()
            for place, file, line in zip(mine.tolist(), candidates.files[rows[mine]].tolist(), lines, strict=True):
                found[place] = (source.snapshot.files.paths[file], line)
        return found

    return rank(
        candidates,
        is_symbol=query.is_symbol,
        intent=query.intent,
        is_change=query.is_change,
        places=places,
        depth=depth,
        vector_share=vector_share,
    )


def _explanation(candidates: Candidates, ranking: Ranking, span: Span) -> tuple[Signal, ...]:
    return (*ranking.explain(span.rows[0]), *calibration.explain(candidates, span.rows[0]))


def _why_nothing(sources: Sequence[Source], query: Query) -> str:
    if all(source.snapshot.chunk_count == 0 for source in sources):
        return "The index is empty: no text file was found."
    unknown = _unknown_languages(sources)
    if unknown:
        return f"No indexed file is in {', '.join(unknown)}."
    if any(source.filter for source in sources):
        for source in sources:
            allowed = allowed_files(source.snapshot.files, source.filter)
            if allowed is None or bool((allowed & (source.snapshot.file_first >= 0)).any()):
                break
        else:
            return "No indexed file passes the filters."
    if query.literals:
        sought = " and ".join(map(repr, query.literals))
        return f"None of the files searched holds {sought}."
    return "No indexed text has any of these words."


def _unknown_languages(sources: Sequence[Source]) -> list[str]:
    wanted = {language for source in sources for language in source.filter.languages}
    for source in sources:
        files = source.snapshot.files
        wanted -= {files.language_names[code] for code in set(files.languages[files.blobs >= 0].tolist())}
    return sorted(wanted)
