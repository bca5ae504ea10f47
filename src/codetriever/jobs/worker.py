"""Who does the work? One job after the other, whichever tenant's turn it is.

A worker takes a job, beats for it while it indexes, and records how it ended. It goes on when the database comes back, gives its job back
when it is to stop, and takes care of the jobs of workers that died. Any number of workers may run, on any number of hosts.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from typing import TYPE_CHECKING, Any, TypeVar

from codetriever.errors import DatabaseUnavailable, DiskFull
from codetriever.jobs.outcome import Outcome, of_death, of_error, of_reports
from codetriever.jobs.pulse import JobCancelled, JobLost, Pulse
from codetriever.jobs.scratch import scratch_folder, sweep_scratch
from codetriever.jobs.sources import Workplace, index_job
from codetriever.models import embedder_for
from codetriever.store.job import JobState
from codetriever.store.postgres import jobs
from codetriever.store.postgres.database import Database

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from codetriever.config import Settings
    from codetriever.store.postgres.jobs import Taken

    Tell = Callable[..., None]

POLL_S = 5.0  # jobs whose time has come are not announced
_PURGE_EVERY_S = 3600.0
_UPLOADS_KEPT_S = 86400.0
_FIRST_REST_S, _LONGEST_REST_S = 0.2, 15.0
_POOL_WAIT_S = 5.0
_AWAY = (DatabaseUnavailable, DiskFull)  # a database without room for a job's state is waited for as one that is away

_Result = TypeVar("_Result")


def work(settings: Settings, *, stop: threading.Event, tell: Tell, once: bool = False) -> None:
    """Do jobs until `stop` is set or, with `once`, until none is due.

    `tell` is called with an event's name and facts. Raises `DatabaseUnsuitable`, `ModelUnavailable` and what else keeps any job from being
    done; with `once` also `DatabaseUnavailable`.
    """
    embedder = embedder_for(settings)
    with Database(settings.database_url, wait_s=_POOL_WAIT_S) as database:
        worker = Worker(Workplace(database, settings, embedder), stop=stop, tell=tell)
        tell("started", worker=worker.name, scratch_folders_deleted=sweep_scratch())
        worker.run(once=once)
        tell("ended", worker=worker.name)


class Worker:
    """One worker; its name is in the jobs that it does."""

    def __init__(self, place: Workplace, *, stop: threading.Event, tell: Tell) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._place = place
        self._database = place.database
        self._stop = stop
        self._tell = tell
        self._silence_s = place.settings.job_silence_s
        self._waker = jobs.Waker(place.settings.database_url)
        self._tidied = self._purged = float("-inf")
        self._rest_s = 0.0

    def run(self, *, once: bool) -> None:
        """Do jobs until there is nothing to do, with `once`, or until the worker is to stop."""
        try:
            while not self._stop.is_set():
                try:
                    is_done = self._turn(once=once)
                except _AWAY as error:
                    if once:
                        raise
                    self._rest(error)
                    continue
                self._rest_s = 0.0
                if is_done:
                    return
        finally:
            self._waker.close()

    def _turn(self, *, once: bool) -> bool:
        """Look after what others left, and do a job or wait for one; True when there is none and nothing to wait for."""
        self._database.check()
        self._waker.listen()
        self._tidy()
        taken = jobs.take(self._database, self.name)
        if taken is not None:
            self._do(taken)
        elif once:
            return True
        else:
            self._waker.wait(min(POLL_S, self._silence_s / 3), self._stop)
        return False

    def _rest(self, error: DatabaseUnavailable | DiskFull) -> None:
        self._rest_s = min(max(2 * self._rest_s, _FIRST_REST_S), _LONGEST_REST_S)
        self._tell("database_unavailable", error=error.message, retry_after_s=self._rest_s)
        self._stop.wait(self._rest_s)
        self._database.close()  # its pools would go on trying less and less often; it opens again

    def _do(self, taken: Taken) -> None:
        """Do a job and record how it ended."""
        job = taken.job
        started = time.monotonic()
        self._tell("job_started", job=job.id, repository=job.repository, branch=job.branch, correlation_id=job.correlation_id)
        with Pulse(self._database, taken, self._stop, silence_s=self._silence_s) as pulse:
            outcome = self._outcome(taken, pulse)
            if outcome is None:
                self._tell("job_lost", job=job.id)
                return
            joined = self._persistently(lambda: self._record(taken, outcome))
        facts = {"joined_job": joined} if joined else {"error": outcome.ending.error} if outcome.ending.error else {}
        result = JobState.CANCELLED if joined else outcome.state
        self._tell(
            "job_ended", job=job.id, state=result.value, files=pulse.progress.files_done, seconds=time.monotonic() - started, **facts
        )

    def _outcome(self, taken: Taken, pulse: Pulse) -> Outcome | None:
        """Run a job; None when it is another worker's by now."""
        retry_s = self._place.settings.job_retry_s
        try:
            with scratch_folder() as folder:
                done = index_job(self._place, taken, pulse, folder)
            return of_reports(taken.job, done.reports, pulse.progress, head=done.head, retry_s=retry_s)
        except JobLost:
            return None
        except JobCancelled:
            return Outcome(JobState.CANCELLED, jobs.Ending())
        except KeyboardInterrupt:
            self._tell("job_given_back", job=taken.job.id)
            return Outcome(JobState.PENDING, jobs.Ending())
        except Exception as error:
            return of_error(taken.job, error, pulse.progress, retry_s=retry_s)

    def _record(self, taken: Taken, outcome: Outcome) -> Any:
        """Write down how a run ended; return the job that does the work instead, if one does."""
        if outcome.state is JobState.PENDING:
            return jobs.requeue(self._database, taken, outcome.delay_s, outcome.ending)
        jobs.end(self._database, taken, outcome.state, outcome.ending)
        return None

    def _persistently(self, write: Callable[[], _Result]) -> _Result | None:
        """Write however long the database is away or full; a worker that is to stop leaves it to those who notice its silence."""
        rest_s = _FIRST_REST_S
        while True:
            try:
                return write()
            except _AWAY as error:
                self._tell("database_unavailable", error=error.message, retry_after_s=rest_s)
                if self._stop.is_set() and rest_s > 1.0:
                    return None
                time.sleep(rest_s)
                self._database.close()
                rest_s = min(2 * rest_s, _LONGEST_REST_S)

    def _tidy(self) -> None:
        """See whether workers died, and now and then forget what ended long ago."""
        now = time.monotonic()
        if now - self._tidied > self._silence_s / 3:
            self._tidied = now
            for taken in jobs.dead(self._database, silent_s=self._silence_s):
                outcome = of_death(taken.job)
                self._record(taken, outcome)
                self._tell("worker_died", job=taken.job.id, worker=taken.worker, state=outcome.state.value)
        if now - self._purged > _PURGE_EVERY_S:
            self._purged = now
            keep_s = self._place.settings.job_keep_days * 86400.0
            for tenant in jobs.all_tenants(self._database):
                jobs.purge(self._database, tenant, older_s=keep_s, uploads_older_s=_UPLOADS_KEPT_S)
