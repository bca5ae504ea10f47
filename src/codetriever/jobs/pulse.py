"""Is somebody at this job? A thread says so again and again, tells how far it is, and hears when it is to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from codetriever.errors import DatabaseUnavailable, DiskFull
from codetriever.store.postgres.jobs import beat
from codetriever.types import Progress

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.jobs import Taken

BEATS_PER_SILENCE = 15  # so many may be lost before a worker counts as dead


class JobCancelled(Exception):
    """Somebody cancelled the job."""


class JobLost(Exception):
    """The job is another worker's by now: this one was taken for dead."""


class Pulse:
    """Beats for one job as long as the block runs."""

    def __init__(self, database: Database, taken: Taken, stop: threading.Event, *, silence_s: float) -> None:
        """`stop` is set when the worker is to end; `silence_s` is how long it may be silent without counting as dead."""
        self._database = database
        self._taken = taken
        self._stop = stop
        self._every_s = silence_s / BEATS_PER_SILENCE
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._earlier = Progress(0, 0, 0)
        self.progress = Progress(0, 0, 0)
        self.is_cancelled = taken.job.cancel_requested
        self.is_lost = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def next_step(self) -> None:
        """Count what follows on top of what was done."""
        self._earlier = self.progress

    def note(self, progress: Progress) -> None:
        """Take note of the progress of the step, and end it as `check` does."""
        before = self._earlier
        self.progress = Progress(
            before.files_done + progress.files_done, before.files_total + progress.files_total, before.chunks + progress.chunks
        )
        self.check()

    def check(self) -> None:
        """Raise `JobLost`, `JobCancelled`, or, when the worker is to end, `KeyboardInterrupt`: then what was analysed is kept."""
        if self.is_lost:
            raise JobLost
        if self.is_cancelled:
            raise JobCancelled
        if self._stop.is_set():
            raise KeyboardInterrupt

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            now = self.progress
            try:
                answer = beat(self._database, self._taken, files_done=now.files_done, files_total=now.files_total, chunks=now.chunks)
            except (DatabaseUnavailable, DiskFull):
                continue  # it may be back, or have room, for the next one
            self.is_lost = self.is_lost or answer is None
            self.is_cancelled = self.is_cancelled or answer is True
