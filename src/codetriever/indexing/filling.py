"""How do changed files get into the store?"""

from __future__ import annotations

import time
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from codetriever import metrics
from codetriever.errors import EmbedderFailed
from codetriever.indexing.intake import Intake
from codetriever.indexing.memory import Gauge
from codetriever.indexing.messages import Projector
from codetriever.indexing.rows import Rows
from codetriever.indexing.streaming import batches, blob_bytes, in_flight
from codetriever.types import Progress
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from codetriever.indexing.indexer import Task
    from codetriever.indexing.messages import Analysis
    from codetriever.indexing.parsers import Parsers
    from codetriever.indexing.plan import Plan
    from codetriever.store.store import Writer
    from codetriever.types import FileTable, Skip, StoredChunk

FLUSH_EVERY_S = 20.0  # what a kill can cost


@dataclass(frozen=True, slots=True)
class Filled:
    """What was done. `table` is the view's next list, None when the deadline passed before it was complete."""

    table: FileTable | None
    skips: Sequence[Skip]
    pending: int
    read: int
    analysed_blobs: int
    embedded_chunks: int


def fill(plan: Plan, writer: Writer, task: Task, parsers: Parsers) -> Filled:
    """Read and analyse what the plan wants; all of it is durable afterwards, also when the deadline or Ctrl-C ended it early."""
    rows = Rows(plan.listing.paths, plan.previous, plan.kept)
    for row in plan.vanished:
        rows.drop(row)
    intake = Intake(task.checkout.root, rows, writer, max_file_bytes=task.options.max_file_bytes, stats=plan.stats)
    if not task.options.retry_failures:
        intake.expect_failures(plan.previous)
    try:
        count = _take_in(task, plan, writer, intake, parsers)
    except (KeyboardInterrupt, EmbedderFailed):
        if intake.is_whole:
            writer.flush()
        raise
    pending = len(plan.wanted) - intake.settled
    if pending:
        writer.flush()
    else:
        count += writer.embed_missing(lambda chunks: _embedded_again(task, chunks))
    return Filled(None if pending else rows.table(), rows.skipped(), pending, intake.read, intake.analysed, count)


def _take_in(task: Task, plan: Plan, writer: Writer, intake: Intake, parsers: Parsers) -> int:
    """Run the stages until every wanted file is settled or the deadline has passed; return how many chunks were embedded."""
    options = task.options
    gauge = Gauge(options.memory_bytes)
    count = 0
    flushed = time.monotonic()
    with parsers.at_work(plan) as (submit, bound):
        found = batches(intake.new_blobs(plan.wanted, task.is_late), files=options.batch_files, chunks=options.batch_chunks)
        analyses = in_flight(found, submit, bound, size=lambda batch: sum(map(blob_bytes, batch)), must_drain=gauge.is_near_limit)
        with closing(analyses), closing(_with_vectors(task, chain.from_iterable(analyses))) as whole:
            for analysis in whole:
                count += _add(analysis, intake)
                task.progress(Progress(intake.settled, len(plan.wanted), count))
                if task.is_late():
                    break  # what is under way is given up: at least one batch was done, so repeated tries get there
                if time.monotonic() - flushed > FLUSH_EVERY_S:
                    writer.flush()
                    flushed = time.monotonic()
    task.progress(Progress(intake.settled, len(plan.wanted), count))
    return count


def _embedded_again(task: Task, chunks: Sequence[StoredChunk]) -> NDArray[np.float32]:
    from codetriever.indexing.analysis import NAME_WORTH
    from codetriever.indexing.vectors import embed, embedding_text

    name_worth = NAME_WORTH if isinstance(task.embedder, Projector) else 1
    return embed(task.embedder, [embedding_text(chunk, name_worth=name_worth) for chunk in chunks])


def _with_vectors(task: Task, analyses: Iterator[Analysis]) -> Generator[Analysis, None, None]:
    """Yield analyses with their vectors: those that a projection of terms has made already, or else the embedder's."""
    if not isinstance(task.embedder, Projector):
        from codetriever.indexing.vectors import embedded

        yield from embedded(analyses, task.embedder, batch_chunks=task.options.batch_chunks)
        return
    for analysis in analyses:
        metrics.count("chunks_embedded_total", len(analysis.blobs.names))
        yield analysis


def _add(analysis: Analysis, intake: Intake) -> int:
    """Hand one analysis to the store, and return how many chunks it has."""
    blobs = analysis.blobs
    for step, seconds in analysis.seconds.items():
        metrics.count(f"{step}_s_total", seconds)
    metrics.count("blobs_analysed_total", len(blobs.languages))
    intake.take(blobs, analysis.failures)
    return len(blobs.names)
