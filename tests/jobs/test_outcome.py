"""What becomes of a job when a run of it ends, and what a worker leaves on disk."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("psycopg")

from codetriever.errors import (
    CloneFailed,
    CodetrieverError,
    DatabaseUnavailable,
    DiskFull,
    EmbedderFailed,
    ModelUnavailable,
    PathNotFound,
    SourceRefused,
    StoreLocked,
)
from codetriever.jobs import scratch
from codetriever.jobs.outcome import TRIES, of_death, of_error, of_reports
from codetriever.store.job import Job, JobState
from codetriever.types import IndexReport, Progress, Skip, SkipReason

if TYPE_CHECKING:
    from pathlib import Path

NOW = time.time()
JOB = Job(
    "1", "one", "main", JobState.RUNNING, "git", "https://example.org/one", "normal", 1, "2", False, NOW, NOW, NOW, 0.0, NOW + 10, 0, 0,
    "host:1", 25, 100, 40, 0, "", 0, (), "", "", "",
)  # fmt: skip
DONE = Progress(25, 100, 40)
BAD = Skip("bad.py", SkipReason.UNPARSABLE, "crashed")


def test_a_job_says_how_far_it_is() -> None:
    assert (JOB.percent, JOB.eta_s, JOB.result) == (25.0, 30.0, "running")
    assert replace(JOB, files_done=0).eta_s is None
    assert replace(JOB, files_total=0).percent == 0.0
    done = replace(JOB, state=JobState.COMPLETED, failed_files=1)
    assert (done.percent, done.eta_s, done.result) == (100.0, None, "completed with errors")
    assert [state for state in JobState if state.is_end] == ["completed", "failed", "cancelled"]


@pytest.mark.parametrize("kind", [CloneFailed, DatabaseUnavailable, DiskFull, EmbedderFailed])
def test_what_may_pass_is_tried_again_ever_later(kind: type[CodetrieverError]) -> None:
    delays = []
    for attempts in range(TRIES - 1):
        outcome = of_error(replace(JOB, attempts=attempts), kind("no", hint="later"), DONE, retry_s=10)
        assert (outcome.state, outcome.ending.attempts, outcome.ending.error) == (JobState.PENDING, 1, "no later")
        delays.append(outcome.delay_s)
    assert 8 <= delays[0] <= 12 < delays[1] < delays[2] <= 432
    assert of_error(replace(JOB, attempts=TRIES - 1), kind("no"), DONE, retry_s=10).state is JobState.FAILED


@pytest.mark.parametrize("error", [SourceRefused("no"), PathNotFound("no"), ModelUnavailable("no"), RuntimeError("no"), KeyError("x")])
def test_what_will_not_pass_fails_at_once(error: Exception) -> None:
    outcome = of_error(JOB, error, DONE, retry_s=10)
    assert (outcome.state, outcome.ending.files_done) == (JobState.FAILED, 25)
    assert outcome.ending.error_code == getattr(error, "code", "error")
    assert outcome.ending.error


def test_a_repository_that_somebody_writes_is_waited_for() -> None:
    outcome = of_error(replace(JOB, attempts=3), StoreLocked("busy"), DONE, retry_s=10)
    assert (outcome.state, outcome.ending.attempts, outcome.delay_s <= 5) == (JobState.PENDING, 0, True)
    assert of_error(replace(JOB, submitted_at=NOW - 86400), StoreLocked("busy"), DONE, retry_s=10).state is JobState.FAILED


def test_files_that_fail_are_tried_again_and_then_told() -> None:
    good, bad = IndexReport(1, 2, 3, 4, embedded_chunks=5), IndexReport(2, 2, 3, 4, embedded_chunks=6, skips=(BAD,))
    done = of_reports(JOB, [good, good], DONE, head="abc", retry_s=10)
    assert (done.state, done.ending.chunks, done.ending.generation, done.ending.head) == (JobState.COMPLETED, 10, 1, "abc")
    again = of_reports(JOB, [good, bad], DONE, head="", retry_s=10)
    assert (again.state, again.ending.failures, again.ending.attempts, again.delay_s > 0) == (JobState.PENDING, (BAD,), 1, True)
    old = [replace(BAD, detail=detail) for detail in ("", "as before")]
    known = of_reports(JOB, [replace(bad, skips=tuple(old))], DONE, head="", retry_s=10)
    assert (known.state, known.ending.attempts, len(known.ending.failures)) == (JobState.COMPLETED, 0, 2), "an earlier job tried them"
    last = of_reports(replace(JOB, attempts=TRIES - 1), [bad], DONE, head="", retry_s=10)
    assert (last.state, last.ending.failures) == (JobState.COMPLETED, (BAD,))


def test_a_dead_workers_job_is_done_once_more() -> None:
    assert (of_death(JOB).state, of_death(JOB).delay_s) == (JobState.PENDING, 0.0)
    assert of_death(replace(JOB, deaths=1)).state is JobState.FAILED
    assert of_death(replace(JOB, deaths=1, cancel_requested=True)).state is JobState.CANCELLED


def test_what_a_dead_worker_left_is_deleted_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch.scratch_folder() as living:
        dead, young, other = (tmp_path / f"{prefix}x" for prefix in (scratch.PREFIX, f"{scratch.PREFIX}young", "other-"))
        for folder in (dead, young, other):
            folder.mkdir()
        (dead / "lock").touch()
        (dead / "clone").mkdir()
        assert scratch.sweep_scratch() == 1
        assert (living.exists(), dead.exists(), young.exists(), other.exists()) == (True, False, True, True)
        os.utime(young, (NOW - 3600, NOW - 3600))
        assert scratch.sweep_scratch() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other-x"]
