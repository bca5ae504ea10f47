"""What becomes of a job when a run of it ends?"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codetriever.errors import (
    CloneFailed,
    CodetrieverError,
    DatabaseUnavailable,
    DiskFailed,
    DiskFull,
    EmbedderFailed,
    StoreLocked,
)
from codetriever.indexing.intake import AS_BEFORE
from codetriever.store.job import JobState
from codetriever.store.postgres.jobs import Ending
from codetriever.system import is_disk_full

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.store.job import Job
    from codetriever.types import IndexReport, Progress

TRIES: Final = 4  # of a job that fails for a reason that may pass, and of files that could not be read or analysed
DEATHS: Final = 2  # the second worker that dies of a job is the last
_PASSING: Final = (CloneFailed, DatabaseUnavailable, DiskFailed, DiskFull, EmbedderFailed)
_LONGER: Final = 6
_MAKE_ROOM: Final = "Free some space on the worker's machine, or set TMPDIR to a folder with more of it."
_LOCKED_S: Final = (1.0, 5.0)
_LOCK_PATIENCE_S: Final = 6 * 3600.0  # by then whoever writes that repository is no job of ours


@dataclass(frozen=True, slots=True)
class Outcome:
    """The next state of a job: an end, or pending with another try after `delay_s`."""

    state: JobState
    ending: Ending
    delay_s: float = 0.0


def of_reports(job: Job, reports: Sequence[IndexReport], progress: Progress, *, head: str, retry_s: float) -> Outcome:
    """Return what becomes of a job whose steps were all done: completed, or tried again while files fail that had not failed before."""
    failures = reports[-1].failures
    is_news = any(skip.detail not in ("", AS_BEFORE) for skip in failures)
    ending = Ending(
        files_done=progress.files_done,
        files_total=progress.files_total,
        chunks=sum(report.embedded_chunks for report in reports),
        generation=reports[-1].generation,
        head=head,
        failures=failures,
        attempts=int(is_news),
    )
    if is_news and job.attempts + 1 < TRIES:
        return Outcome(JobState.PENDING, ending, _delay_s(job, retry_s))
    return Outcome(JobState.COMPLETED, ending)


def of_error(job: Job, error: Exception, progress: Progress, *, retry_s: float) -> Outcome:
    """Return what becomes of a job that an error ended: tried again when the reason may pass, else failed."""
    if isinstance(error, OSError) and is_disk_full(error):
        error = DiskFull(f"There is no room left on the worker's disk: {error}.", hint=_MAKE_ROOM)
    known = error if isinstance(error, CodetrieverError) else None
    said = " ".join(filter(None, (known.message, known.hint))) if known else f"{type(error).__name__}: {error}"
    ending = Ending(
        files_done=progress.files_done,
        files_total=progress.files_total,
        chunks=progress.chunks,
        error_code=known.code if known else "error",
        error=said,
        attempts=0 if isinstance(error, StoreLocked) else 1,
    )
    if isinstance(error, StoreLocked) and time.time() < job.submitted_at + _LOCK_PATIENCE_S:
        return Outcome(JobState.PENDING, ending, random.uniform(*_LOCKED_S))
    if isinstance(error, (*_PASSING, OSError)) and job.attempts + 1 < TRIES:
        return Outcome(JobState.PENDING, ending, _delay_s(job, retry_s))
    return Outcome(JobState.FAILED, ending)


def of_death(job: Job) -> Outcome:
    """Return what becomes of a job whose worker was not heard of again: it is done once more."""
    if job.cancel_requested:
        return Outcome(JobState.CANCELLED, Ending(deaths=1))
    if job.deaths + 1 < DEATHS:
        return Outcome(JobState.PENDING, Ending(deaths=1, error_code="worker_died", error=f"Its worker {job.worker} died."))
    said = f"Two workers died while they did it, the last was {job.worker}."
    return Outcome(JobState.FAILED, Ending(deaths=1, error_code="worker_died", error=said))


def _delay_s(job: Job, retry_s: float) -> float:
    """Return the time before the next try, not quite the same for all who failed together."""
    return float(retry_s * _LONGER**job.attempts * random.uniform(0.8, 1.2))
