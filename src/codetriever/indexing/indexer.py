"""How does the index of a checkout become what the files are now?"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever import metrics
from codetriever.errors import ConfirmationNeeded, DiskFailed, DiskFull, StoreLocked, StoreNotWritable, ViewNotFound
from codetriever.indexing.plan import make_plan
from codetriever.indexing.rows import skipped_rows
from codetriever.lexical.terms import count_terms
from codetriever.types import IndexReport, Progress, ViewKey
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetriever.corpus.git import Checkout
    from codetriever.embedding.embedder import Embedder
    from codetriever.indexing.filling import Filled
    from codetriever.indexing.parsers import Parsers
    from codetriever.indexing.plan import Plan
    from codetriever.store.store import Store, Writer
    from codetriever.types import FileTable, Skip, ViewInfo

MANY_FILES = 100_000  # a first index of more is confirmed first: somebody may have meant another folder


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """How to index. Sizes in bytes; `workers` 0 is as many as cores and memory allow.

    `isolate` parses in processes of their own however little there is, and `retry_failures` tries files again that could not be read or
    analysed and have not changed since.
    """

    memory_bytes: int = 512 << 20
    workers: int = 0
    max_file_bytes: int = 2 << 20
    batch_files: int = 10
    batch_chunks: int = 100
    hidden: bool = False
    no_ignore: bool = False
    lock_wait_s: float = 30.0
    isolate: bool = False
    retry_failures: bool = False


@dataclass(frozen=True, slots=True)
class _Current:
    """The view's generation before the refresh."""

    files: FileTable
    info: ViewInfo
    listing: bytes


@dataclass(frozen=True, slots=True)
class Task:
    """One call of `refresh`."""

    checkout: Checkout
    store: Store
    embedder: Embedder
    options: IndexOptions
    progress: Callable[[Progress], None]
    confirm: Callable[[str], bool]
    planner: Callable[[FileTable | None], Plan] | None
    started: float
    deadline: float

    @property
    def key(self) -> ViewKey:
        """The view that is refreshed."""
        return ViewKey(str(self.checkout.root), self.checkout.branch)

    @property
    def has_deadline(self) -> bool:
        """Say whether the work may have to stop before it is done."""
        return self.deadline < math.inf

    def is_late(self) -> bool:
        """Say whether the deadline has passed."""
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
    planner: Callable[[FileTable | None], Plan] | None = None,
) -> IndexReport:
    """Bring the checkout's view up to date and say what was done.

    `progress` is called in the calling thread. `confirm` is asked, with the reason, before the first index of a home or root folder or of
    very many files; when it is missing or says no, `ConfirmationNeeded` is raised. `planner` says what is to be done, of the view's own
    list, instead of a look at all files of the checkout.
    With a deadline the work stops when it is over: the last generation stays, `pending` says how many files wait, and what was
    analysed is kept for the next time. So does a store that is locked, full or not writable: `note` says which. Without a deadline these
    are raised. Ctrl-C keeps what was analysed as well, and is raised again. Raises `ConfirmationNeeded`, `EmbedderFailed`, `StoreDamaged`.
    """
    started = time.monotonic()
    deadline = started + deadline_s if deadline_s is not None else math.inf
    task = Task(checkout, store, embedder, options or IndexOptions(), progress or _ignore, confirm or _refuse, planner, started, deadline)
    with metrics.timed("refresh_ms"):
        current = _current(task)
        plan = _plan(task, current.files, current.listing) if current is not None else None
        if current is not None and plan is not None and not _must_write(task, plan, current):
            return _report(task, plan, current.info)
        return _write(task, plan, current)


def _current(task: Task) -> _Current | None:
    """Return the view's current generation, None when it does not exist."""
    try:
        with task.store.snapshot(task.key) as snapshot:
            return _Current(snapshot.files, snapshot.info, snapshot.listing)
    except ViewNotFound:
        return None


def _plan(task: Task, previous: FileTable | None, listing: bytes) -> Plan:
    if task.planner is not None:
        return task.planner(previous)
    options = task.options
    return make_plan(
        task.checkout,
        previous,
        listing,
        hidden=options.hidden,
        no_ignore=options.no_ignore,
        max_file_bytes=options.max_file_bytes,
        retry_failures=options.retry_failures,
    )


def _confirm_place(task: Task) -> bool:
    """Ask before the first index of a home or root folder, the listing of which alone can take minutes; say whether it is one."""
    root = task.checkout.root
    is_wide = root in (Path.home(), Path(root.anchor))
    if is_wide:
        _confirm(task, f"{root} is a home or root folder.")
    return is_wide


def _confirm(task: Task, reason: str) -> None:
    if not task.confirm(reason):
        raise ConfirmationNeeded(reason, hint="Name a smaller folder, or pass --yes to index all of it.")


def _refuse(_: str) -> bool:
    return False


def _ignore(_: Progress) -> None:
    pass


def _must_write(task: Task, plan: Plan, current: _Current) -> bool:
    """Say whether there is something to write; what only saves time later waits for a refresh that may take its time."""
    saves_time = plan.listing_is_new or current.info.head != task.checkout.head
    return not plan.is_empty or not task.store.is_complete(task.key) or (saves_time and not task.has_deadline)


def _write(task: Task, plan: Plan | None, current: _Current | None) -> IndexReport:
    """Take the writer's lock, do what the plan says, and switch."""
    from codetriever.indexing.parsers import Parsers

    wait_s = min(task.options.lock_wait_s, max(0.0, task.deadline - time.monotonic()))
    try:
        with task.store.writer(wait_s=wait_s) as writer, Parsers(task) as parsers:
            is_whole = current is not None and task.store.generation(task.key) == current.info.generation
            if plan is None or not is_whole or not task.store.is_complete(task.key):
                has_own = task.planner is None or task.store.generation(task.key) > 0
                previous = writer.previous(task.key) if has_own else None
                is_confirmed = previous is not None or _confirm_place(task)
                if previous is None and task.planner is None:
                    parsers.begin()
                plan = _plan(task, previous, writer.listing(task.key))
                if not is_confirmed and len(plan.listing.paths) > MANY_FILES:
                    _confirm(task, f"{task.checkout.root} has {len(plan.listing.paths):,} files.")
            return _fill_and_switch(task, plan, writer, parsers, current.info if current is not None else None)
    except (StoreLocked, StoreNotWritable, DiskFull, DiskFailed) as error:
        if not task.has_deadline or plan is None or current is None:
            raise
        return _report(task, plan, current.info, pending=max(len(plan.wanted), plan.removed), note=error.message)


def _fill_and_switch(task: Task, plan: Plan, writer: Writer, parsers: Parsers, info: ViewInfo | None) -> IndexReport:
    """Bring the store up to date with the plan, and switch unless the deadline passed before that."""
    from codetriever.indexing.filling import fill  # all that an unchanged tree does not need

    filled = fill(plan, writer, task, parsers)
    if filled.table is None:
        return _report(task, plan, info, filled, pending=filled.pending)
    with metrics.timed("store_switch_ms"):
        info = writer.switch(task.key, filled.table, head=task.checkout.head, path_terms=count_terms, listing=plan.listing.to_bytes())
    if task.store.folder is not None:
        metrics.keep(task.store.folder / metrics.KEPT_FILE)
    return _report(task, plan, info, filled)


def _report(
    task: Task, plan: Plan, info: ViewInfo | None, filled: Filled | None = None, *, pending: int = 0, note: str = ""
) -> IndexReport:
    is_switched = filled is not None and filled.table is not None
    skips = (*plan.listing.skips, *(filled.skips if filled else skipped_rows(plan.previous)))
    return IndexReport(
        generation=info.generation if info else 0,
        files=info.files if info else 0,
        chunks=info.chunks if info else 0,
        text_bytes=info.text_bytes if info else 0,
        read=filled.read if filled else 0,
        analysed_blobs=filled.analysed_blobs if filled else 0,
        embedded_chunks=filled.embedded_chunks if filled else 0,
        removed=plan.removed if is_switched else 0,
        skips=skips,
        pending=pending,
        took_s=time.monotonic() - task.started,
        note=" ".join(filter(None, (plan.listing.note, note, _why_empty(task, skips) if info and not info.chunks and not pending else ""))),
        metrics=metrics.snapshot(),
    )


def _why_empty(task: Task, skips: Sequence[Skip]) -> str:
    from codetriever.corpus.explain import explain_empty

    options = task.options
    return explain_empty(task.checkout, skips, hidden=options.hidden, no_ignore=options.no_ignore, max_bytes=options.max_file_bytes)
