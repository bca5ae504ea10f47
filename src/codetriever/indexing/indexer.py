"""How does the index of a checkout become what the files are now?"""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever import metrics
from codetriever.errors import ConfirmationNeeded, StoreLocked, ViewNotFound
from codetriever.indexing.analysis import Projector, analyse
from codetriever.indexing.intake import Intake
from codetriever.indexing.memory import Gauge
from codetriever.indexing.plan import make_plan
from codetriever.indexing.pool import Pool, worker_count
from codetriever.indexing.rows import Rows, skipped_rows
from codetriever.indexing.streaming import BATCH_CHUNKS, BATCH_FILES, Bound, batches, blob_bytes, in_flight
from codetriever.indexing.vectors import embed, with_vectors
from codetriever.indexing.worker import Setup
from codetriever.lexical.terms import count_terms
from codetriever.types import IndexReport, Progress, ViewKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codetriever.corpus.git import Checkout
    from codetriever.embedding.embedder import Embedder
    from codetriever.indexing.analysis import Analysis, RawBlob
    from codetriever.indexing.plan import Plan
    from codetriever.store.store import Store, Writer
    from codetriever.types import FileTable, Skip, ViewInfo

POOL_FILES = 200
POOL_BYTES = 4 << 20  # below both, starting parser processes takes longer than parsing here
MANY_FILES = 100_000  # a first index of more is confirmed first: somebody may have meant another folder
BYTES_IN_FLIGHT = 16 << 20
ANALYSER = "codetriever.indexing.analysis:analyse"
FILE_LIMIT_S = 10.0  # what one file may take to analyse, and more by its size
SLOWEST_BYTES_PER_S = 100_000.0
FLUSH_EVERY_S = 20.0  # what a kill can cost


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """How to index. Sizes in bytes; `workers` 0 is as many as cores and memory allow."""

    memory_bytes: int = 512 << 20
    workers: int = 0
    max_file_bytes: int = 2 << 20
    batch_files: int = BATCH_FILES
    batch_chunks: int = BATCH_CHUNKS
    hidden: bool = False
    no_ignore: bool = False
    lock_wait_s: float = 30.0


@dataclass(frozen=True, slots=True)
class _Current:
    """The view's generation before the refresh."""

    files: FileTable
    info: ViewInfo
    listing: bytes


@dataclass(frozen=True, slots=True)
class _Done:
    """What a refresh did."""

    read: int
    analysed_blobs: int
    embedded_chunks: int
    removed: int
    skipped: Sequence[Skip]


@dataclass(frozen=True, slots=True)
class _Task:
    """One call of `refresh`."""

    checkout: Checkout
    store: Store
    embedder: Embedder
    options: IndexOptions
    progress: Callable[[Progress], None]
    confirm: Callable[[str], bool]
    started: float
    deadline: float

    @property
    def key(self) -> ViewKey:
        return ViewKey(str(self.checkout.root), self.checkout.branch)

    @property
    def has_deadline(self) -> bool:
        return self.deadline < math.inf

    def is_late(self) -> bool:
        return time.monotonic() > self.deadline


def refresh(
    checkout: Checkout,
    store: Store,
    embedder: Embedder,
    *,
    options: IndexOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
    deadline_s: float | None = None,
    confirm: Callable[[str], bool] | None = None,
) -> IndexReport:
    """Bring the checkout's view up to date and say what was done.

    `progress` is called in the calling thread. `confirm` is asked, with the reason, before the first index of a home or root folder or of
    very many files; when it is missing or says no, `ConfirmationNeeded` is raised.
    With a deadline the work stops when it is over: the last generation stays, `pending` says how many files wait, and what was
    analysed is kept for the next time. The same holds for Ctrl-C, which is raised again. Raises `ConfirmationNeeded`, `StoreLocked`
    (without a deadline), `EmbedderFailed` and the store's errors.
    """
    started = time.monotonic()
    deadline = started + deadline_s if deadline_s is not None else math.inf
    task = _Task(checkout, store, embedder, options or IndexOptions(), progress or _ignore, confirm or _refuse, started, deadline)
    with metrics.timed("refresh_ms"):
        current = _current(task)
        plan = _plan(task, current.files, current.listing) if current is not None else None
        if current is not None and plan is not None and not _must_write(task, plan, current):
            return _report(task, plan, current.info)
        return _write(task, plan, current)


def _current(task: _Task) -> _Current | None:
    """Return the view's current generation, None when it does not exist."""
    try:
        with task.store.snapshot(task.key) as snapshot:
            return _Current(snapshot.files, snapshot.info, snapshot.listing)
    except ViewNotFound:
        return None


def _plan(task: _Task, previous: FileTable | None, listing: bytes) -> Plan:
    options = task.options
    return make_plan(
        task.checkout, previous, listing, hidden=options.hidden, no_ignore=options.no_ignore, max_file_bytes=options.max_file_bytes
    )


def _confirm(task: _Task, files: int) -> None:
    """Ask before the first index of something that was perhaps not meant."""
    root = task.checkout.root
    reason = f"{root} is a home or root folder." if root in (Path.home(), Path(root.anchor)) else ""
    if files > MANY_FILES:
        reason = f"{root} has {files:,} files."
    if reason and not task.confirm(reason):
        raise ConfirmationNeeded(reason, hint="Name a smaller folder, or pass --yes to index all of it.")


def _refuse(_: str) -> bool:
    return False


def _ignore(_: Progress) -> None:
    pass


def _must_write(task: _Task, plan: Plan, current: _Current) -> bool:
    """Say whether there is something to write; what only saves time later waits for a refresh that may take its time."""
    saves_time = plan.listing_is_new or current.info.head != task.checkout.head
    return not plan.is_empty or not task.store.is_complete(task.key) or (saves_time and not task.has_deadline)


def _write(task: _Task, plan: Plan | None, current: _Current | None) -> IndexReport:
    """Take the writer's lock, do what the plan says, and switch."""
    wait_s = min(task.options.lock_wait_s, max(0.0, task.deadline - time.monotonic()))
    try:
        with task.store.writer(wait_s=wait_s) as writer:
            is_whole = current is not None and task.store.generation(task.key) == current.info.generation
            if plan is None or not is_whole or not task.store.is_complete(task.key):
                previous = writer.previous(task.key)
                plan = _plan(task, previous, writer.listing(task.key))
                if previous is None:
                    _confirm(task, len(plan.listing.paths))
            return _fill(task, plan, writer, current.info if current is not None else None)
    except StoreLocked:
        if not task.has_deadline or plan is None or current is None:
            raise
        return _report(task, plan, current.info, pending=len(plan.wanted), note="Another process is indexing.")


def _fill(task: _Task, plan: Plan, writer: Writer, info: ViewInfo | None) -> IndexReport:
    """Bring the store up to date with the plan, and switch unless the deadline passed before that."""
    rows = Rows(plan.listing.paths, plan.previous, plan.kept)
    for row in plan.vanished:
        rows.drop(row)
    intake = Intake(task.checkout.root, rows, writer, max_file_bytes=task.options.max_file_bytes, stats=plan.stats)
    try:
        embedded = _take_in(task, plan, writer, intake)
    except KeyboardInterrupt:
        if intake.is_whole:
            writer.flush()
        raise
    if intake.settled < len(plan.wanted):
        writer.flush()
        done = _Done(intake.read, intake.analysed, embedded, 0, rows.skipped())
        return _report(task, plan, info, done, pending=len(plan.wanted) - intake.settled)
    embedded += writer.embed_missing(lambda texts: embed(task.embedder, texts))
    table = rows.table()
    with metrics.timed("store_switch_ms"):
        info = writer.switch(
            task.key,
            table,
            head=task.checkout.head,
            path_terms=count_terms,
            listing=plan.listing.to_bytes(),
        )
    return _report(task, plan, info, _Done(intake.read, intake.analysed, embedded, plan.removed, rows.skipped()))


def _take_in(task: _Task, plan: Plan, writer: Writer, intake: Intake) -> int:
    """Run the stages until every wanted file is settled or the deadline has passed; return how many chunks were embedded."""
    options = task.options
    gauge = Gauge(options.memory_bytes)
    embedded = 0
    flushed = time.monotonic()
    with _analyst(task, plan) as (submit, bound):
        found = batches(intake.new_blobs(plan.wanted, task.is_late), files=options.batch_files, chunks=options.batch_chunks)
        analyses = in_flight(found, submit, bound, size=lambda batch: sum(map(blob_bytes, batch)), must_drain=gauge.is_near_limit)
        with closing(analyses):
            for analysis in chain.from_iterable(analyses):
                embedded += _add(task, analysis, intake)
                task.progress(Progress(intake.settled, len(plan.wanted), embedded))
                if time.monotonic() - flushed > FLUSH_EVERY_S:
                    writer.flush()
                    flushed = time.monotonic()
    gauge.is_near_limit()
    task.progress(Progress(intake.settled, len(plan.wanted), embedded))
    return embedded


def _add(task: _Task, analysis: Analysis, intake: Intake) -> int:
    """Hand one analysis to the store, embedded if it is not yet, and return how many chunks it has."""
    blobs = analysis.blobs
    if not isinstance(task.embedder, Projector):
        blobs = with_vectors(blobs, task.embedder, batch_chunks=task.options.batch_chunks)
    else:
        metrics.count("chunks_embedded_total", len(blobs.names))
    for step, seconds in analysis.seconds.items():
        metrics.count(f"{step}_s_total", seconds)
    metrics.count("blobs_analysed_total", len(blobs.languages))
    intake.take(blobs, analysis.failures)
    return len(blobs.names)


@contextmanager
def _analyst(task: _Task, plan: Plan) -> Iterator[tuple[Callable[[list[RawBlob]], Future[list[Analysis]]], Bound]]:
    """Give what analyses a batch, processes for much work and this one for little, and how much may be in flight."""
    options = task.options
    projector = task.embedder if isinstance(task.embedder, Projector) else None
    size = options.workers or worker_count(options.memory_bytes)
    is_little = len(plan.wanted) < POOL_FILES and plan.wanted_bytes < POOL_BYTES
    if is_little or not size:
        yield lambda batch: _finished([analyse(batch, projector)]), Bound(1, BYTES_IN_FLIGHT)
        return
    setup = Setup(ANALYSER, projector, FILE_LIMIT_S, SLOWEST_BYTES_PER_S)
    with Pool(size, setup) as pool:
        yield pool.submit, Bound(2 * size + 1, BYTES_IN_FLIGHT)


def _finished(analyses: list[Analysis]) -> Future[list[Analysis]]:
    future: Future[list[Analysis]] = Future()
    future.set_result(analyses)
    return future


def _report(task: _Task, plan: Plan, info: ViewInfo | None, done: _Done | None = None, *, pending: int = 0, note: str = "") -> IndexReport:
    done = done or _Done(0, 0, 0, 0, skipped_rows(plan.previous))
    return IndexReport(
        generation=info.generation if info else 0,
        files=info.files if info else 0,
        chunks=info.chunks if info else 0,
        text_bytes=info.text_bytes if info else 0,
        read=done.read,
        analysed_blobs=done.analysed_blobs,
        embedded_chunks=done.embedded_chunks,
        removed=done.removed,
        skips=(*plan.listing.skips, *done.skipped),
        pending=pending,
        took_s=time.monotonic() - task.started,
        note=" ".join(filter(None, (plan.listing.note, note))),
        metrics=metrics.snapshot(),
    )
