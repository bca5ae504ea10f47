"""Who analyses: this process, parser processes, or both?

Little work is done here, and shared with a parser process as soon as one is up. Much of it is left to them altogether: a file that
crashes its parser takes one of them with it, and no more than that file is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from codetriever.indexing.attempt import ended_badly, marked
from codetriever.indexing.messages import Projector, load_analyser
from codetriever.indexing.streaming import Bound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from codetriever.indexing.indexer import Task
    from codetriever.indexing.messages import Analysis, RawBlob
    from codetriever.indexing.plan import Plan
    from codetriever.indexing.pool import Pool

POOL_WORTH_S = 1.0
"""Less work than this is shared by this process and others. That is a process less to start, 0.12 s of processor time and as much again to
find out anew what words mean: 8 to 15 % of all that repositories of 0.5 to 1 s take, on two cores."""

HELP_WORTH_S = 0.2  # less work than this is done here before another process is up
FILE_S, BYTES_PER_S = 0.0005, 5_000_000  # what files cost on the machines this was measured on, give or take half
BYTES_IN_FLIGHT = 16 << 20
BATCHES_IN_FLIGHT = 12  # per worker: about a second of work, for as long as the store writes a segment
SHARED_BATCHES = 2  # that a process which shares the work has at once: one at hand and the next
ANALYSER = "codetriever.indexing.analysis:analyse"
FILE_LIMIT_S = 10.0  # what one file may take to analyse, and more by its size
SLOWEST_BYTES_PER_S = 100_000.0
LEAST_WORKER_LIMIT_BYTES = 512 << 20  # what one process may allocate; it takes a fifth of that
LIMIT_BYTES_PER_FILE_BYTE = 16  # for files that a raised `max_file_bytes` lets in: text, copies of it, and what is kept of it

Submit = Callable[[list["RawBlob"]], "Future[list[Analysis]]"]


class Parsers:
    """The parser processes of one refresh. None is started before there is something to do for it."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._pool: Pool | None = None
        self._up: list[Future[list[Analysis]]] = []  # done when a process is ready
        self._given: list[Future[list[Analysis]]] = []  # to processes that share the work

    def __enter__(self) -> Parsers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def begin(self) -> None:
        """Start a process ahead of the plan, where another core can do that meanwhile: there will be work."""
        if self._size > 1:
            self._start(1)

    @contextmanager
    def at_work(self, plan: Plan) -> Iterator[tuple[Submit, Bound]]:
        """Give what analyses a batch, and how much may be in flight."""
        work_s = len(plan.wanted) * FILE_S + plan.wanted_bytes / BYTES_PER_S
        is_suspect = self._task.options.isolate or ended_badly(self._task.store.folder)
        with marked(self._task.store.folder):
            if work_s < min(HELP_WORTH_S, POOL_WORTH_S) and not is_suspect:
                self._close()
                yield self._do_here, Bound(1, BYTES_IN_FLIGHT)
            else:
                yield self._submit(work_s, is_suspect=is_suspect), Bound(BATCHES_IN_FLIGHT * max(self._size, 1), BYTES_IN_FLIGHT)
        self._close()

    def _submit(self, work_s: float, *, is_suspect: bool) -> Submit:
        """Return what analyses a batch when there is so much work that processes are worth their start, or a file may end this one."""
        if self._size and (work_s >= POOL_WORTH_S or is_suspect):
            return self._own_pool(self._size if work_s >= POOL_WORTH_S else 1).submit
        if self._size > 1:
            self._start(min(self._size - 1, int(work_s / HELP_WORTH_S)))
        return self._share

    @cached_property
    def _size(self) -> int:
        """How many processes there may be; none where there can be none."""
        from codetriever.indexing.pool import worker_count  # what little work does not need

        return self._task.options.workers or worker_count(self._task.options.memory_bytes)

    def _start(self, count: int) -> None:
        """Have so many processes started, those that were started before included."""
        pool = self._own_pool(count)
        self._up += [pool.submit([]) for _ in range(count - len(self._up))]

    def _own_pool(self, size: int) -> Pool:
        """Return the pool, for so many processes."""
        from codetriever.indexing.pool import Pool, worker_share
        from codetriever.indexing.worker import Setup

        if self._pool is None:
            options = self._task.options
            limit_bytes = max(options.memory_bytes, LEAST_WORKER_LIMIT_BYTES, LIMIT_BYTES_PER_FILE_BYTE * options.max_file_bytes)
            setup = Setup(ANALYSER, self._projector, FILE_LIMIT_S, SLOWEST_BYTES_PER_S, limit_bytes)
            self._pool = Pool(size, setup, worker_bytes=worker_share(options.memory_bytes, self._size))
        self._pool.allow(size)
        return self._pool

    @property
    def _projector(self) -> Projector | None:
        return self._task.embedder if isinstance(self._task.embedder, Projector) else None

    def _share(self, batch: list[RawBlob]) -> Future[list[Analysis]]:
        """Give a batch to the processes that are up, or analyse it here when they have enough to do."""
        self._given = [future for future in self._given if not future.done()]
        if self._pool is None or len(self._given) >= SHARED_BATCHES * sum(future.done() for future in self._up):
            return self._do_here(batch)
        self._given.append(self._pool.submit(batch))
        return self._given[-1]

    def _do_here(self, batch: list[RawBlob]) -> Future[list[Analysis]]:
        future: Future[list[Analysis]] = Future()
        future.set_result([load_analyser(ANALYSER)(batch, self._projector)])
        return future

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.close()
        self._pool = None
