"""Who does the work on several cores? Parser processes, started one by one as batches wait, replaced when they die.

Tree-sitter keeps the interpreter lock, so threads do not help. The processes are our own rather than `multiprocessing`'s, which runs the
caller's main module again in each child: that needs a main guard in every script and fails in an interactive session.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever import metrics
from codetriever.indexing.messages import RawBlob
from codetriever.indexing.worker import Finished, Setup, read_frame, write_frame
from codetriever.system import TIMED_OUT_EXIT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from codetriever.indexing.messages import Analysis

WORKER_BYTES = 110 << 20  # what a worker grows to: interpreter, numpy, the larger grammars, the model's table, one batch
START_LIMIT_S = 60.0
MAIN_BYTES = 200 << 20  # what the process that reads and writes needs beside them

Task = tuple[list[RawBlob], "Future[list[Analysis]]"]


class WorkerUnavailable(Exception):
    """No parser process can be started here."""


def worker_count(memory_bytes: int, *, cores: int | None = None) -> int:
    """Return how many parser processes the machine's cores and this much memory allow: at least one; none in a frozen program."""
    if getattr(sys, "frozen", False) or not sys.executable:
        return 0
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, (memory_bytes - MAIN_BYTES) // WORKER_BYTES))


def worker_share(memory_bytes: int, size: int) -> int:
    """Return what each of so many parser processes may grow to, in bytes."""
    return max(WORKER_BYTES, (memory_bytes - MAIN_BYTES) // size)


class Worker:
    """One parser process and the pipes to it."""

    def __init__(self, setup: Setup) -> None:
        """Start the process, which has to be waited for; raises `WorkerUnavailable`."""
        command = [sys.executable, "-P", "-S", "-c", _bootstrap()]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for the parent alone
            )
        except OSError as error:
            raise WorkerUnavailable(f"cannot start {sys.executable}") from error
        self._setup = setup
        self.resident_bytes = 0

    def wait(self) -> None:
        """Wait until the process is ready; raises `WorkerUnavailable`."""
        limit = threading.Timer(START_LIMIT_S, self._process.kill)  # a program that embeds Python may be no interpreter at all
        limit.start()
        try:
            write_frame(self._input, self._setup)
            read_frame(self._output)
        except (OSError, EOFError, ValueError) as error:
            raise WorkerUnavailable(f"{sys.executable} did not come up: {self.close()}") from error
        finally:
            limit.cancel()

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def analyse(self, blobs: Sequence[RawBlob]) -> Analysis | None:
        """Return the batch's analysis, or None when the process died."""
        try:
            write_frame(self._input, blobs)
            finished: Finished = read_frame(self._output)
        except (OSError, EOFError, ValueError):  # ValueError: `close` was called meanwhile
            return None
        self.resident_bytes = finished.resident_bytes
        return finished.analysis

    def close(self) -> str:
        """End the process at once and say how it ended. It may be called twice, and from another thread than `analyse`."""
        self._process.kill()
        code = self._process.wait()
        with suppress(OSError):  # what was not sent yet
            self._input.close()
        self._output.close()
        return "it took too long" if code == TIMED_OUT_EXIT else f"the parser process died, code {code}"


class Pool:
    """Up to `size` parser processes. Results come as futures; the caller bounds how many it asks for.

    A process that has come to take more than `worker_bytes` is replaced by a new one between two batches.
    """

    def __init__(self, size: int, setup: Setup, *, worker_bytes: int = WORKER_BYTES) -> None:
        self._size = size
        self._setup = setup
        self._worker_bytes = worker_bytes
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._workers: dict[int, Worker] = {}
        self._closed = False
        self._is_local = False  # no process could be started: the threads do the work

    def allow(self, size: int) -> None:
        """Let there be up to so many processes from now on."""
        self._size = size

    def submit(self, blobs: list[RawBlob]) -> Future[list[Analysis]]:
        """Have a batch analysed: usually one analysis, several when a blob had to be told apart from the others.

        An empty batch is done when a process is up.
        """
        future: Future[list[Analysis]] = Future()
        self._tasks.put((blobs, future))
        if len(self._threads) < self._size:
            thread = threading.Thread(target=self._work, name=f"codetriever-parser-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that are alive now."""
        return [worker.pid for worker in list(self._workers.values())]

    def close(self) -> None:
        """End every process; batches that were not done are cancelled."""
        self._closed = True
        for _ in self._threads:
            self._tasks.put(None)
        for worker in list(self._workers.values()):
            worker.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        """Serve batches in this thread, with a process of its own, until the pool closes."""
        seat = threading.get_ident()
        while (task := self._tasks.get()) is not None:
            blobs, future = task
            if self._closed or not future.set_running_or_notify_cancel():
                future.cancel()
                continue
            try:
                future.set_result(self._analyse(seat, blobs))
            except BaseException as error:
                future.set_exception(error)
        self._retire(seat)

    def _analyse(self, seat: int, blobs: list[RawBlob]) -> list[Analysis]:
        """Analyse a batch in the seat's process. A blob with which the process dies twice is given up; the others are not.

        Which blob it was at is not known, as telling that takes some 50 microseconds for each: all of the batch are tried again, one by
        one. The first death may have been an accident from outside, such as the system running out of memory.
        """
        done: list[Analysis] = []
        waiting = [(blobs, False)]
        while waiting:
            batch, is_retry = waiting.pop()
            analysis = self._attempt(seat, batch)
            if analysis is not None:
                done.append(analysis)
                continue
            how = self._retire(seat)
            metrics.count("workers_lost_total", 0 if self._closed else 1)
            if is_retry:
                from codetriever.indexing.analysis import failed

                done.append(failed(batch[0], how))
            else:
                waiting += [([blob], True) for blob in batch]
        return done

    def _attempt(self, seat: int, blobs: list[RawBlob]) -> Analysis | None:
        if self._closed:
            raise WorkerUnavailable("the pool is closed")
        worker = self._workers.get(seat) or self._new_worker(seat)
        if worker is None:
            from codetriever.indexing.analysis import analyse  # as good, only slower and not shielded from a crash

            return analyse(blobs, self._setup.projector)
        analysis = worker.analyse(blobs)
        if analysis is not None and worker.resident_bytes > self._worker_bytes:
            self._retire(seat)
        return analysis

    def _new_worker(self, seat: int) -> Worker | None:
        """Return a process that is ready, or None where there can be none."""
        if self._is_local:
            return None
        try:
            worker = self._workers[seat] = Worker(self._setup)  # known before it is ready, so that `close` need not wait for that
            if self._closed:
                worker.close()
            worker.wait()
        except WorkerUnavailable:
            self._workers.pop(seat, None)
            if self._closed:
                raise
            self._is_local = True
            return None
        return worker

    def _retire(self, seat: int) -> str:
        worker = self._workers.pop(seat, None)
        return worker.close() if worker is not None else ""


def _bootstrap() -> str:
    """Return the child's program. It imports from where the parent does, but never from the working directory, which may be hostile.

    So it can do without `site`, which would take a quarter of the bare interpreter's start to find those places again.
    """
    here = str(Path(__file__).parents[2])
    path = [entry for entry in sys.path if entry and Path(entry).is_absolute()]
    return f"import sys; sys.path[:] = {[*path, here]!r}; from codetriever.indexing.worker import main; main()"


def _environment() -> dict[str, str]:
    """One thread of linear algebra per process: there are as many processes as cores."""
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
