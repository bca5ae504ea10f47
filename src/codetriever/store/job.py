"""What is a job, which states has it, and how does it get from one to another?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetriever.types import Skip


class JobState(StrEnum):
    """Where a job is. The last three are ends."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """True when nothing more will happen to the job."""
        return not TRANSITIONS[self]


# The database holds the same table in a trigger (migrations/0002_jobs.sql), so that no statement gets around it; a test compares them.
TRANSITIONS: Final[Mapping[JobState, tuple[JobState, ...]]] = {
    JobState.PENDING: (JobState.RUNNING, JobState.CANCELLED),
    JobState.RUNNING: (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.PENDING),
    JobState.COMPLETED: (),
    JobState.FAILED: (),
    JobState.CANCELLED: (),
}
PRIORITIES: Final = {"low": -1, "normal": 0, "high": 1}
SOURCES: Final = ("contents", "git", "folder")


@dataclass(frozen=True, slots=True)
class Job:
    """The work on one branch of a repository. Times are seconds since the epoch, 0 for what has not happened.

    `source` is what its list of files is made from; contents that were sent meanwhile come on top. A job that could not go on while
    another of its branch waited is cancelled, and `joined_job` does its work. `failures` are the first of the `failed_files`.
    """

    id: str
    repository: str
    branch: str
    state: JobState
    source: str
    place: str  # the address or folder
    priority: str
    submissions: int  # how many asked for this work
    correlation_id: str
    cancel_requested: bool
    submitted_at: float
    due_at: float  # not taken before
    started_at: float  # of the last run
    finished_at: float
    heartbeat_at: float
    attempts: int  # runs that ended without being done
    deaths: int  # runs whose worker was not heard of again
    worker: str
    files_done: int
    files_total: int
    chunks: int  # embedded by the last run
    generation: int
    head: str  # commit that was indexed
    failed_files: int
    failures: tuple[Skip, ...]
    error_code: str
    error: str
    joined_job: str

    @property
    def percent(self) -> float:
        """How much of the files is done, 0..100."""
        if self.state is JobState.COMPLETED:
            return 100.0
        return 100.0 * self.files_done / self.files_total if self.files_total else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds until the files are done, from what those before took; None while nothing tells."""
        if self.state is not JobState.RUNNING or not self.files_done:
            return None
        return (self.heartbeat_at - self.started_at) / self.files_done * (self.files_total - self.files_done)

    @property
    def result(self) -> str:
        """The state, and whether a completed job left files out that should have been read."""
        return "completed with errors" if self.state is JobState.COMPLETED and self.failed_files else self.state.value
