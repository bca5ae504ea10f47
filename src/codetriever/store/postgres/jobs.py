"""Which work waits, whose turn is it, and who is at it?

The queue is the table `indexing_jobs`. Submitting, looking and ending speak for one tenant; only taking a job and noticing dead workers
look at all tenants at once, and say so. All times are the database's, so the clocks of workers do not matter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from codetriever.store.job import PRIORITIES, Job, JobState
from codetriever.store.postgres import arrays
from codetriever.store.postgres.database import all_or_nothing, begin, in_transaction, managing_tenants, translated
from codetriever.store.postgres.pools import WRITE
from codetriever.store.postgres.queries import query
from codetriever.types import Skip, SkipReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg import Connection

    from codetriever.store.postgres.database import Database

CHANNEL = "codetriever_jobs"
MOST_FAILURES = 100  # that a job tells by name
_UPLOAD_FILES, _DOWNLOAD_FILES, _UPLOAD_BYTES = 1000, 100, 8 << 20
# A crash of the database may lose these: the job is then taken again, and a heartbeat follows.
_QUICK = "BEGIN; SET LOCAL synchronous_commit = off"
TAKING = f"{_QUICK}; SET LOCAL codetriever.runs_jobs = 'on'; SET LOCAL plan_cache_mode = force_custom_plan"
# What waits changes faster than the planner's statistics: the way by the indexes is the right one whatever these say.
BY_INDEX = (
    "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
)
# One takes at a time, or shares would not be fair; the numbers are arbitrary, and only taking uses them.
_LOCK = "SET LOCAL idle_in_transaction_session_timeout = '10s'; SELECT pg_advisory_xact_lock(7299, 1)"
_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}
_WAIT_SLICE_S = 0.5  # how long a signal may go unnoticed


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody submits. `upload` has contents that come on top of the place, or are all there is when `source` is "contents"."""

    repository: str
    branch: str
    source: str
    place: str = ""
    credentials: str = ""
    priority: str = "normal"
    correlation_id: UUID | None = None
    upload: UUID | None = None
    is_whole: bool = True  # nothing submitted before matters


@dataclass(frozen=True, slots=True)
class Taken:
    """A job in the hands of a worker."""

    tenant: UUID
    job: Job
    worker: str
    credentials: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, for the job's row."""

    files_done: int = 0
    files_total: int = 0
    chunks: int = 0
    generation: int = 0
    head: str = ""
    failures: Sequence[Skip] = ()
    error_code: str = ""
    error: str = ""
    attempts: int = 0  # to be added
    deaths: int = 0


def upload(database: Database, tenant: UUID, files: Mapping[bytes, bytes | None], *, replaces: bool) -> UUID:
    """Store contents (zstd frames, None for a file that is gone) that no job knows of yet, and return their number."""
    number = uuid4()
    scope = {"tenant": tenant, "submission": number}
    with database.connection(WRITE) as connection:
        _execute(connection, tenant, "begin_upload", scope | {"replaces": replaces})
        for group in _groups(files):
            contents = [files[path] for path in group]
            columns = {
                "paths": arrays.byteas(group),
                "contents": arrays.byteas([content or b"" for content in contents]),
                "gone": [content is None for content in contents],
            }
            _execute(connection, tenant, "upload_files", scope | columns)
    return number


def _groups(files: Mapping[bytes, bytes | None]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for path, content in files.items():
        group.append(path)
        size += len(path) + len(content or b"")
        if len(group) >= _UPLOAD_FILES or size >= _UPLOAD_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def submit(database: Database, tenant: UUID, wanted: Wanted) -> UUID:
    """Let the work wait, or join what waits for its branch already, wake a worker, and return the job's number."""
    new = uuid4()
    values = {
        "tenant": tenant, "job": new, "name": wanted.repository, "branch": wanted.branch, "source": wanted.source, "place": wanted.place,
        "credentials": wanted.credentials, "priority": PRIORITIES[wanted.priority], "correlation": wanted.correlation_id or new,
        "is_whole": wanted.is_whole,
    }  # fmt: skip
    with database.connection(WRITE) as connection:

        def work() -> UUID:
            job: UUID = connection.execute(query("submit_job"), values).fetchall()[0][0]
            scope = {"tenant": tenant, "job": job, "submission": wanted.upload}
            if job != new and wanted.is_whole:
                connection.execute(query("drop_contents"), scope)
            if wanted.upload is not None:
                connection.execute(query("join_contents"), scope)
            connection.execute(f"NOTIFY {CHANNEL}".encode())
            return job

        return in_transaction(connection, tenant, work)


def find_job(database: Database, tenant: UUID, job: UUID) -> Job | None:
    """Return a job of the tenant."""
    with database.reading(tenant, database.current) as connection:
        row = connection.execute(query("find_job"), {"tenant": tenant, "job": job}).fetchone()
    return None if row is None else _job(row)


def list_jobs(database: Database, tenant: UUID, *, state: str = "", repository: str = "", limit: int = 100, offset: int = 0) -> list[Job]:
    """Return jobs of the tenant, the newest first."""
    values = {"tenant": tenant, "state": state, "name": repository, "limit": limit, "offset": offset}
    with database.reading(tenant, database.current) as connection:
        return [_job(row) for row in connection.execute(query("list_jobs"), values).fetchall()]


def count_jobs(database: Database, tenant: UUID) -> dict[str, int]:
    """Return how many jobs of the tenant are in each state."""
    with database.reading(tenant, database.current) as connection:
        return dict(connection.execute(query("count_jobs"), {"tenant": tenant}).fetchall())


def cancel(database: Database, tenant: UUID, job: UUID) -> None:
    """End a job that waits, and ask one that runs to end; one that ended stays as it is."""
    values = {"tenant": tenant, "job": job}
    with database.connection(WRITE) as connection:

        def work() -> None:
            if connection.execute(query("cancel_job"), values).fetchone() == (JobState.CANCELLED,):
                connection.execute(query("drop_contents"), values)

        in_transaction(connection, tenant, work)


def purge(database: Database, tenant: UUID, *, older_s: float, uploads_older_s: float) -> int:
    """Forget jobs that ended so long ago, and uploads that never became part of one; return how many jobs went."""
    with database.connection(WRITE) as connection:
        _execute(connection, tenant, "purge_uploads", {"tenant": tenant, "older_s": uploads_older_s})
        return _execute(connection, tenant, "purge_jobs", {"tenant": tenant, "older_s": older_s})


def all_tenants(database: Database) -> list[UUID]:
    """Return the numbers of all tenants."""
    with database.connection(WRITE) as connection, managing_tenants(connection):
        return [UUID(row[0]) for row in connection.execute(query("list_tenants")).fetchall()]


def iter_contents(database: Database, taken: Taken) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield what was sent with a job as (path, zstd frame or None), what was sent last first, down to the last that replaced all."""
    scope = {"tenant": taken.tenant, "job": taken.job.id, "limit": _DOWNLOAD_FILES}
    with database.reading(taken.tenant, WRITE) as connection:
        for submission, replaces in connection.execute(query("job_submissions"), scope).fetchall():
            after: bytes = b""
            while rows := connection.execute(query("job_files"), scope | {"submission": submission, "after_path": after}).fetchall():
                yield from rows
                after = rows[-1][0]
            if replaces:
                return


def contents_state(database: Database, taken: Taken) -> tuple[bool, bool]:
    """Say whether contents were sent with a job, and whether they are all the files there are."""
    with database.reading(taken.tenant, WRITE) as connection:
        rows = connection.execute(query("job_submissions"), {"tenant": taken.tenant, "job": taken.job.id}).fetchall()
    return bool(rows), any(replaces for _, replaces in rows)


def take(database: Database, worker: str) -> Taken | None:
    """Take the job whose turn it is, of whichever tenant, for this worker; None when none is due."""
    with database.connection(WRITE) as connection, all_or_nothing(connection, TAKING):
        connection.execute(f"{BY_INDEX}; {_LOCK}".encode())
        row = connection.execute(query("take_job"), {"worker": worker}).fetchone()
        if row is None:
            return None
        tenant, number, credentials = row
        found = connection.execute(query("find_job"), {"tenant": tenant, "job": number}).fetchone()
        return None if found is None else Taken(tenant, _job(found), worker, credentials)


def beat(database: Database, taken: Taken, *, files_done: int, files_total: int, chunks: int) -> bool | None:
    """Say that the job is worked on; return whether it is to be cancelled, None when it is no longer this worker's."""
    progress = {"files_done": files_done, "files_total": files_total, "chunks": chunks}
    with database.connection(WRITE) as connection:
        begin(connection, taken.tenant, _QUICK)
        try:
            row = connection.execute(query("beat_job"), _scope(taken) | progress).fetchone()
        finally:
            if not connection.closed:
                connection.execute("COMMIT")
    return None if row is None else bool(row[0])


def end(database: Database, taken: Taken, state: JobState, ending: Ending) -> bool:
    """Record how a job ended and let go of its contents; False when it is no longer this worker's."""
    values = _scope(taken) | _values(ending) | {"state": state, "joined": None}
    with database.connection(WRITE) as connection:

        def work() -> bool:
            if not connection.execute(query("end_job"), values).rowcount:
                return False
            connection.execute(query("drop_contents"), values)
            return True

        return in_transaction(connection, taken.tenant, work)


def requeue(database: Database, taken: Taken, delay_s: float, ending: Ending) -> UUID | None:
    """Let a job wait for another try; when another of its branch waits by now, hand the work over to that one and return its number.

    Nothing happens when the job is no longer this worker's.
    """
    values = _scope(taken) | _values(ending) | {"delay_s": delay_s}
    with database.connection(WRITE) as connection:

        def work() -> UUID | None:
            if connection.execute(query("requeue_job"), values).rowcount:
                return None
            row = connection.execute(query("hand_over_place"), values).fetchone()
            if row is None:
                return None
            waiting, is_whole = row
            connection.execute(query("drop_contents" if is_whole else "hand_over_contents"), values | {"waiting": waiting})
            connection.execute(query("end_job"), values | {"state": JobState.CANCELLED, "joined": waiting})
            return UUID(str(waiting))

        while True:
            try:
                return in_transaction(connection, taken.tenant, work)
            except psycopg.errors.UniqueViolation:  # another was submitted between the look and the change
                continue


def dead(database: Database, *, silent_s: float) -> list[Taken]:
    """Return the running jobs whose workers were not heard of for so long, of all tenants."""
    with database.connection(WRITE) as connection, all_or_nothing(connection, TAKING):
        rows = connection.execute(query("dead_jobs"), {"silent_s": silent_s}).fetchall()
        values = [{"tenant": tenant, "job": number} for tenant, number, _ in rows]
        found = [connection.execute(query("find_job"), one).fetchone() for one in values]
    return [Taken(tenant, _job(row), worker) for (tenant, _, worker), row in zip(rows, found, strict=True) if row is not None]


class Waker:
    """Waits for jobs to be submitted, on a connection of its own that is made again when it is lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection[Any] | None = None

    def listen(self) -> None:
        """Begin to listen, so that nothing that is submitted from now on goes unnoticed; raises `DatabaseUnavailable`."""
        if self._connection is None or self._connection.closed:
            with translated():
                self._connection = psycopg.connect(self._url, autocommit=True, application_name="codetriever worker", connect_timeout=10)
                self._connection.execute(f"LISTEN {CHANNEL}".encode())

    def wait(self, timeout_s: float, stop: Any) -> None:
        """Return when a job was submitted, the time is over, or the event `stop` is set. Raises `DatabaseUnavailable`."""
        self.listen()
        assert self._connection is not None
        deadline = time.monotonic() + timeout_s
        try:
            with translated():
                while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
                    for _ in self._connection.notifies(timeout=min(left, _WAIT_SLICE_S), stop_after=1):
                        return
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _execute(connection: Connection[Any], tenant: UUID, name: str, values: dict[str, Any]) -> int:
    return in_transaction(connection, tenant, lambda: connection.execute(query(name), values).rowcount)


def _scope(taken: Taken) -> dict[str, Any]:
    return {"tenant": taken.tenant, "job": taken.job.id, "worker": taken.worker}


def _values(ending: Ending) -> dict[str, Any]:
    listed = [
        {"path": arrays.storable(one.path), "reason": one.reason.value, "detail": arrays.storable(one.detail)}
        for one in ending.failures[:MOST_FAILURES]
    ]
    return {
        "files_done": ending.files_done, "files_total": ending.files_total, "chunks": ending.chunks, "generation": ending.generation,
        "head": ending.head, "failed_files": len(ending.failures), "failures": Jsonb(listed), "error_code": ending.error_code,
        "error": arrays.storable(ending.error), "attempts": ending.attempts, "deaths": ending.deaths,
    }  # fmt: skip


def _job(row: Sequence[Any]) -> Job:
    number, repository, branch, state, source, place, priority, submissions, correlation, is_cancelled, *times = row[:15]
    attempts, deaths, worker, done, total, chunks, generation, head, failed, failures, code, error, joined = row[15:]
    submitted, due, started, finished, heartbeat = (one or 0.0 for one in times)
    return Job(
        str(number), repository, branch, JobState(state), source, place, _PRIORITY_NAMES[priority], submissions, str(correlation),
        is_cancelled, submitted, due, started, finished, heartbeat, attempts, deaths, worker, done, total, chunks, generation, head, failed,
        tuple(Skip(one["path"], SkipReason(one["reason"]), one["detail"]) for one in failures), code, error, str(joined or ""),
    )  # fmt: skip
