"""How do changed files get into the store?"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing, contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from codetriever import metrics
from codetriever.errors import EmbedderFailed
from codetriever.indexing.analysis import Projector, analyse
from codetriever.indexing.attempt import ended_badly, marked
from codetriever.indexing.intake import Intake
from codetriever.indexing.memory import Gauge
from codetriever.indexing.rows import Rows
from codetriever.indexing.streaming import Bound, batches, blob_bytes, in_flight
from codetriever.indexing.vectors import embed, embedded, embedding_text
from codetriever.types import Progress
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from codetriever.indexing.analysis import Analysis, RawBlob
    from codetriever.indexing.indexer import Task
    from codetriever.indexing.plan import Plan
    from codetriever.store.store import Writer
    from codetriever.types import FileTable, Skip

POOL_WORTH_S = 0.5  # less work than this is done here before parser processes have started and compiled their queries
FILE_S, BYTES_PER_S = 0.0005, 5_000_000  # what files cost on the machines this was measured on, give or take half
BYTES_IN_FLIGHT = 16 << 20
BATCHES_IN_FLIGHT = 12  # per worker: about a second of work, for as long as the store writes a segment
ANALYSER = "codetriever.indexing.analysis:analyse"
FILE_LIMIT_S = 10.0  # what one file may take to analyse, and more by its size
SLOWEST_BYTES_PER_S = 100_000.0
LEAST_WORKER_LIMIT_BYTES = 512 << 20  # what one process may allocate; it takes a fifth of that
LIMIT_BYTES_PER_FILE_BYTE = 16  # for files that a raised `max_file_bytes` lets in: text, copies of it, and what is kept of it
FLUSH_EVERY_S = 20.0  # what a kill can cost

Submit = Callable[[list["RawBlob"]], "Future[list[Analysis]]"]


@dataclass(frozen=True, slots=True)
class Filled:
    """What was done. `table` is the view's next list, None when the deadline passed before it was complete."""

    table: FileTable | None
    skips: Sequence[Skip]
    pending: int
    read: int
    analysed_blobs: int
    embedded_chunks: int


def fill(plan: Plan, writer: Writer, task: Task) -> Filled:
    """Read and analyse what the plan wants; all of it is durable afterwards, also when the deadline or Ctrl-C ended it early."""
    rows = Rows(plan.listing.paths, plan.previous, plan.kept)
    for row in plan.vanished:
        rows.drop(row)
    intake = Intake(task.checkout.root, rows, writer, max_file_bytes=task.options.max_file_bytes, stats=plan.stats)
    if not task.options.retry_failures:
        intake.expect_failures(plan.previous)
    try:
        count = _take_in(task, plan, writer, intake)
    except (KeyboardInterrupt, EmbedderFailed):
        if intake.is_whole:
            writer.flush()
        raise
    pending = len(plan.wanted) - intake.settled
    if pending:
        writer.flush()
    else:
        count += writer.embed_missing(lambda chunks: embed(task.embedder, [embedding_text(chunk) for chunk in chunks]))
    return Filled(None if pending else rows.table(), rows.skipped(), pending, intake.read, intake.analysed, count)


def _take_in(task: Task, plan: Plan, writer: Writer, intake: Intake) -> int:
    """Run the stages until every wanted file is settled or the deadline has passed; return how many chunks were embedded."""
    options = task.options
    gauge = Gauge(options.memory_bytes)
    count = 0
    flushed = time.monotonic()
    with _analyst(task, plan) as (submit, bound):
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


def _with_vectors(task: Task, analyses: Iterator[Analysis]) -> Generator[Analysis, None, None]:
    """Yield analyses with their vectors: those that a projection of terms has made already, or else the embedder's."""
    if not isinstance(task.embedder, Projector):
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


@contextmanager
def _analyst(task: Task, plan: Plan) -> Iterator[tuple[Submit, Bound]]:
    """Give what analyses a batch, processes for much work and this one for little, and how much may be in flight."""
    options = task.options
    projector = task.embedder if isinstance(task.embedder, Projector) else None
    is_little = len(plan.wanted) * FILE_S + plan.wanted_bytes / BYTES_PER_S < POOL_WORTH_S
    is_suspect = options.isolate or ended_badly(task.store.folder)
    with marked(task.store.folder):
        if is_little and not is_suspect:
            yield _in_this_process(projector)
            return
        from codetriever.indexing.pool import Pool, worker_count, worker_share
        from codetriever.indexing.worker import Setup

        size = options.workers or worker_count(options.memory_bytes)
        if not size:
            yield _in_this_process(projector)
            return
        limit_bytes = max(options.memory_bytes, LEAST_WORKER_LIMIT_BYTES, LIMIT_BYTES_PER_FILE_BYTE * options.max_file_bytes)
        setup = Setup(ANALYSER, projector, FILE_LIMIT_S, SLOWEST_BYTES_PER_S, limit_bytes)
        with Pool(1 if is_little else size, setup, worker_bytes=worker_share(options.memory_bytes, size)) as pool:
            yield pool.submit, Bound(BATCHES_IN_FLIGHT * size, BYTES_IN_FLIGHT)


def _in_this_process(projector: Projector | None) -> tuple[Submit, Bound]:
    return lambda batch: _finished([analyse(batch, projector)]), Bound(1, BYTES_IN_FLIGHT)


def _finished(analyses: list[Analysis]) -> Future[list[Analysis]]:
    future: Future[list[Analysis]] = Future()
    future.set_result(analyses)
    return future
