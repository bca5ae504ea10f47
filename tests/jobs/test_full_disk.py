"""A disk without room, under a worker or under the database: the job says so and is tried again, and what was indexed stays.

The worker's disk is a small file system in a namespace of its own. The database says what PostgreSQL says when a disk is full.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.jobs.conftest import Program, until
from tests.jobs.test_worker import FILES, HTTP, do_all, names, orphans

psycopg = pytest.importorskip("psycopg")

from codetriever.store.job import JobState  # noqa: E402 - after the skip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.git_server import GitServer

    from codetriever.connection import Connection
    from codetriever.store.job import Job

# Root keeps its rights over the files of others, which the socket of a database is; nobody else needs them.
ALONE = ["unshare", "-m" if hasattr(os, "geteuid") and os.geteuid() == 0 else "-rm"]
MOUNT = 'mount -t tmpfs -o "size=$1" none "$TMPDIR" || exit 99; shift; exec "$@"'
# 750 kB, and no definitions, of which so many take long to write.
LARGE = {f"large{number}.py": f"# {number}\n" + "pass\n" * 50_000 for number in range(3)}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    tried = [*ALONE, "mount", "-t", "tmpfs", "none", str(folder)]
    if sys.platform != "linux" or not shutil.which("unshare") or subprocess.run(tried, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    return folder


def do_in_little_room(program: Program, folder: Path, room: str) -> None:
    command = [*ALONE, "sh", "-c", MOUNT, "sh", room, sys.executable, "-m", "codetriever", "worker", "--once"]
    environment = program.environment | HTTP | {"TMPDIR": str(folder), "CODETRIEVER_STORE": str(folder / "store")}
    done = subprocess.run(command, env=environment, cwd=program.home, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr


def try_until_failed(connection: Connection, program: Program, folder: Path, job: Job) -> Job:
    """A worker that ends when nothing is due is started for each try."""
    for attempt in range(1, 20):
        do_in_little_room(program, folder, "500k")
        tried = connection.jobs.get(job.id)
        assert (tried.error_code, "no room left" in tried.error, "Free some space" in tried.error) == ("disk_full", True, True), (
            attempt,
            tried,
        )
        if tried.state is JobState.FAILED:
            return tried
        assert tried.state is JobState.PENDING
        time.sleep(max(tried.due_at - time.time(), 0) + 0.01)
    raise AssertionError("it never failed")


def test_contents_that_find_no_room_on_the_workers_disk(connection: Connection, program: Program, small: Path) -> None:
    connection.jobs.submit("one", files=FILES, branch="main")
    do_all(program)
    job = connection.jobs.submit("one", files=LARGE, branch="main")
    failed = try_until_failed(connection, program, small, job)
    assert (failed.attempts, failed.deaths) == (4, 0)
    assert names(connection, "one", "main") == set(FILES), "the last index answers"
    again = connection.jobs.submit("one", files=LARGE, branch="main")
    do_in_little_room(program, small, "500k")
    assert connection.jobs.get(again.id).state is JobState.PENDING
    do_in_little_room(program, small, "50m")
    assert connection.jobs.wait(again.id, timeout_s=30).result == "completed"
    assert names(connection, "one", "main") == {*FILES, *LARGE}
    assert orphans(connection) == 0


def test_a_clone_that_finds_no_room_on_the_workers_disk(connection: Connection, program: Program, server: GitServer, small: Path) -> None:
    server.commit("one", LARGE)
    job = connection.jobs.submit("one", url=f"{server.url}/one", branch="main")
    try_until_failed(connection, program, small, job)
    again = connection.jobs.submit("one", url=f"{server.url}/one", branch="main")
    do_in_little_room(program, small, "50m")
    assert connection.jobs.wait(again.id, timeout_s=30).result == "completed"
    assert names(connection, "one", "main") == set(LARGE)


@contextmanager
def full(url: str, *tables: str) -> Iterator[None]:
    """Have the database say that it has no room for these tables' rows."""
    refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE disk_full USING MESSAGE = 'No space left'; END$$"
    with psycopg.connect(url, autocommit=True) as direct:
        direct.execute(refuse)
        for table in tables:
            direct.execute(f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION refuse()")
        try:
            yield
        finally:
            direct.execute("DROP FUNCTION refuse CASCADE")


def test_a_database_without_room_for_an_index(connection: Connection, program: Program, database_url: str) -> None:
    connection.jobs.submit("one", files=FILES, branch="main")
    do_all(program)
    job = connection.jobs.submit("one", files={"src/new.py": "new = 1\n"}, branch="main")
    with full(database_url, "blobs"):
        do_all(program)
        tried = connection.jobs.get(job.id)
    assert (tried.state, tried.error_code, tried.attempts) == (JobState.PENDING, "disk_full", 1)
    assert "Free some space where the database is" in tried.error
    assert names(connection, "one", "main") == set(FILES)
    with program_ended(program.worker()):
        assert connection.jobs.wait(job.id, timeout_s=30).result == "completed"
    assert names(connection, "one", "main") == {*FILES, "src/new.py"}
    assert orphans(connection) == 0


def test_a_database_without_room_for_a_jobs_state_is_waited_for(
    connection: Connection, program: Program, server: GitServer, database_url: str
) -> None:
    """Neither the heartbeat nor the worker ends, so nobody takes the worker for dead once there is room again."""
    server.commit("one", FILES)
    server.delay_s = 1.0
    job = connection.jobs.submit("one", url=f"{server.url}/one", branch="main")
    with program_ended(program.worker(CODETRIEVER_JOB_SILENCE_S="30", **HTTP)) as worker:
        until(worker, "job_started")
        with full(database_url, "indexing_jobs"):
            told = until(worker, "database_unavailable")
            assert "no room left" in told
        done = connection.jobs.wait(job.id, timeout_s=60)
    assert (done.result, done.deaths, done.attempts) == ("completed", 0, 0)


@contextmanager
def program_ended(worker: Any) -> Iterator[Any]:
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(20)
