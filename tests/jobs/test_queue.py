"""The queue: whose turn it is, what joins what, and what nobody may do to a job."""

from __future__ import annotations

import threading
import time
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

psycopg = pytest.importorskip("psycopg")

from codetriever.store.job import TRANSITIONS, Job, JobState  # noqa: E402 - after the skip
from codetriever.store.postgres import jobs  # noqa: E402
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, all_or_nothing, transaction  # noqa: E402
from codetriever.store.postgres.jobs import Ending, Taken  # noqa: E402
from codetriever.store.postgres.queries import query  # noqa: E402
from codetriever.types import Skip, SkipReason  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    Submit = Callable[..., UUID]


def find(database: Database, job: UUID | str, tenant: UUID = DEFAULT_TENANT) -> Job:
    found = jobs.find_job(database, tenant, UUID(str(job)))
    assert found is not None
    return found


def take(database: Database, worker: str = "w") -> Taken:
    taken = jobs.take(database, worker)
    assert taken is not None
    return taken


def test_a_job_is_taken_beats_and_ends(database: Database, submit: Submit) -> None:
    number = submit(correlation_id=(correlation := uuid4()))
    waiting = find(database, number)
    assert (waiting.state, waiting.repository, waiting.branch, waiting.source) == (JobState.PENDING, "one", "main", "git")
    assert waiting.correlation_id == str(correlation)
    assert abs(waiting.submitted_at - time.time()) < 60
    taken = take(database)
    assert (taken.tenant, taken.job.id, taken.job.state) == (DEFAULT_TENANT, str(number), JobState.RUNNING)
    assert jobs.take(database, "other") is None
    assert jobs.beat(database, taken, files_done=25, files_total=100, chunks=70) is False
    running = find(database, number)
    assert (running.percent, running.chunks, running.worker) == (25.0, 70, "w")
    assert running.eta_s is not None
    failures = [Skip(f"bad\udcff{n}.py", SkipReason.UNPARSABLE, "a\0b") for n in range(200)]
    ending = Ending(files_done=100, files_total=100, generation=3, head="abc", failures=failures)
    assert jobs.end(database, taken, JobState.COMPLETED, ending)
    done = find(database, number)
    assert (done.state, done.result, done.percent, done.generation, done.head) == ("completed", "completed with errors", 100.0, 3, "abc")
    assert (done.failed_files, len(done.failures), done.failures[0].reason) == (200, jobs.MOST_FAILURES, SkipReason.UNPARSABLE)
    assert not jobs.end(database, taken, JobState.FAILED, Ending()), "it has ended"


def set_state(connection: Any, state: str) -> None:
    connection.execute("UPDATE indexing_jobs SET state = %s", (state,))


@pytest.mark.parametrize(("before", "after"), [pair for pair in product(JobState, JobState) if pair[0] != pair[1]])
def test_the_database_knows_the_same_transitions(database: Database, submit: Submit, before: JobState, after: JobState) -> None:
    submit()
    ways = {JobState.PENDING: (), JobState.RUNNING: (JobState.RUNNING,)}
    with database.connection("write") as connection:
        for state in ways.get(before, (JobState.RUNNING, before)):
            with transaction(connection, DEFAULT_TENANT):
                set_state(connection, state)
        if after in TRANSITIONS[before]:
            with transaction(connection, DEFAULT_TENANT):
                set_state(connection, after)
        else:
            with (
                pytest.raises(psycopg.errors.CheckViolation, match=f"is {before} cannot become {after}"),
                transaction(connection, DEFAULT_TENANT),
            ):
                set_state(connection, after)


def test_what_is_submitted_meanwhile_joins_what_waits(database: Database, submit: Submit) -> None:
    first = submit()
    assert submit(priority="high", place="https://example.org/moved") == first
    assert submit("side") != first
    assert submit(repository="two") != first
    joined = find(database, first)
    assert (joined.submissions, joined.priority, joined.place) == (2, "high", "https://example.org/moved")
    running = take(database)
    assert running.job.id == str(first)
    second = submit()
    assert second != first
    assert submit() == second


def test_one_of_a_branch_runs_while_one_waits(database: Database, submit: Submit) -> None:
    first, second = submit(), None
    taken = take(database)
    second = submit()
    assert jobs.take(database, "other") is None, "its branch is being indexed"
    jobs.end(database, taken, JobState.COMPLETED, Ending())
    assert take(database, "other").job.id == str(second) != str(first)


def test_submitted_at_once_by_many_there_is_one_job(database: Database, submit: Submit) -> None:
    found: list[UUID] = []
    threads = [threading.Thread(target=lambda: found.extend(submit() for _ in range(10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert find(database, found[0]).submissions == 80


def test_taken_at_once_by_many_each_job_has_one_worker(database: Database, submit: Submit) -> None:
    numbers = {str(submit(f"branch {n}")) for n in range(40)}
    found: list[str] = []

    def run(worker: str) -> None:
        while (taken := jobs.take(database, worker)) is not None:
            found.append(taken.job.id)

    threads = [threading.Thread(target=run, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(numbers)


def test_priority_then_shares_then_age(database: Database, submit: Submit, new_tenant: Callable[[], UUID]) -> None:
    other = new_tenant()
    ours = [str(submit(f"a{n}")) for n in range(3)]
    theirs = [str(submit(f"b{n}", tenant=other)) for n in range(2)]
    low, high = str(submit("low", priority="low")), str(submit("high", priority="high"))
    order = [take(database, f"w{n}").job.id for n in range(7)]
    assert order == [high, theirs[0], ours[0], theirs[1], ours[1], ours[2], low]


def test_taking_a_job_looks_at_few_rows_however_many_wait_or_ended(database: Database, submit: Submit) -> None:
    for count, state in ((3000, "pending"), (3000, "completed")):
        with database.connection("write") as connection, transaction(connection, DEFAULT_TENANT):
            connection.execute(
                "INSERT INTO indexing_jobs (tenant_id, job_id, repository, branch, source, correlation_id, state)"
                " SELECT %s, gen_random_uuid(), 'many', n::text, 'git', gen_random_uuid(), %s FROM generate_series(1, %s) n",
                (DEFAULT_TENANT, state, count),
            )
    with database.connection("write") as connection, all_or_nothing(connection, jobs.TAKING):
        connection.execute(jobs.BY_INDEX.encode())
        ((found,),) = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query('take_job')}", {"worker": "w"}).fetchall()
    assert found[0]["Plan"]["Shared Hit Blocks"] + found[0]["Plan"]["Shared Read Blocks"] < 300


def test_another_tenants_first_job_does_not_wait_for_a_thousand(database: Database, submit: Submit, new_tenant: Callable[[], UUID]) -> None:
    for n in range(1000):
        submit(f"branch {n}")
    busy = [take(database, f"w{n}") for n in range(3)]
    first = submit(tenant=new_tenant())
    jobs.end(database, busy[0], JobState.COMPLETED, Ending())
    assert take(database).job.id == str(first)


def test_a_tenant_sees_and_changes_its_own_jobs_alone(database: Database, submit: Submit, new_tenant: Callable[[], UUID]) -> None:
    other = new_tenant()
    ours, theirs = submit(), submit(tenant=other)
    assert ours != theirs
    assert jobs.find_job(database, other, ours) is None
    assert [job.id for job in jobs.list_jobs(database, other)] == [str(theirs)]
    jobs.cancel(database, other, ours)
    assert find(database, ours).state == JobState.PENDING
    assert jobs.count_jobs(database, other) == {"pending": 1}
    taken = take(database)
    assert not jobs.end(database, Taken(other, taken.job, taken.worker), JobState.FAILED, Ending())
    assert jobs.purge(database, other, older_s=0, uploads_older_s=0) == 0


def test_who_takes_jobs_sees_no_contents(database: Database, submit: Submit) -> None:
    submit(source="contents", place="", upload=jobs.upload(database, DEFAULT_TENANT, {b"a.py": b"x"}, replaces=False))
    with database.connection("write") as connection, all_or_nothing(connection, jobs.TAKING):
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("indexing_jobs", "job_submissions", "job_files")
        ]
    assert counts == [(1,), (0,), (0,)]


def test_contents_come_newest_first_and_end_with_those_that_replace(database: Database, submit: Submit) -> None:
    def send(files: dict[bytes, bytes | None], *, replaces: bool = False) -> UUID:
        upload = jobs.upload(database, DEFAULT_TENANT, files, replaces=replaces)
        return submit(source="contents", place="", upload=upload, is_whole=replaces)

    send({b"a": b"1", b"b": b"1"})
    send({b"a": b"2"}, replaces=True)
    number = send({b"c": b"3", b"b": None})
    many = {b"%05d" % n: b"x" * 100 for n in range(2500)}
    assert send(many) == number
    taken = take(database)
    assert jobs.contents_state(database, taken) == (True, True)
    assert list(jobs.iter_contents(database, taken)) == [*many.items(), (b"b", None), (b"c", b"3"), (b"a", b"2")]
    jobs.end(database, taken, JobState.COMPLETED, Ending())
    assert rows(database, "job_submissions") == rows(database, "job_files") == 0


def rows(database: Database, table: str) -> int:
    with database.reading(DEFAULT_TENANT) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    return int(count)


def contents(database: Database, submit: Submit, path: bytes, *, replaces: bool = False) -> UUID:
    upload = jobs.upload(database, DEFAULT_TENANT, {path: b"1"}, replaces=replaces)
    return submit(source="contents", place="", upload=upload, is_whole=replaces)


def test_changes_come_on_top_of_an_address_and_an_address_replaces_them(database: Database, submit: Submit) -> None:
    number = submit(credentials="me:secret")
    assert contents(database, submit, b"a") == number
    assert find(database, number).source == "git"
    taken = take(database)
    assert taken.credentials == "me:secret"
    assert "secret" not in repr(taken)
    assert list(jobs.iter_contents(database, taken)) == [(b"a", b"1")]
    other = contents(database, submit, b"b")
    assert submit(place="https://example.org/new") == other
    assert rows(database, "job_submissions") == 1, "those of the job that runs"
    assert contents(database, submit, b"c", replaces=True) == other
    assert (find(database, other).source, find(database, other).place) == ("contents", "")


def test_a_job_waits_again_for_another_try(database: Database, submit: Submit) -> None:
    number = submit()
    assert jobs.requeue(database, take(database), 0.3, Ending(attempts=1, error_code="clone_failed", error="no way")) is None
    waiting = find(database, number)
    assert (waiting.state, waiting.attempts, waiting.error, waiting.worker) == (JobState.PENDING, 1, "no way", "")
    assert jobs.take(database, "w") is None
    time.sleep(0.35)
    assert take(database).job.id == str(number)


def test_who_comes_meanwhile_has_the_work_when_a_job_cannot_go_on(database: Database, submit: Submit) -> None:
    first = submit(credentials="me:secret")
    contents(database, submit, b"a")
    taken = take(database)
    second = contents(database, submit, b"b")
    assert jobs.requeue(database, taken, 10, Ending(attempts=1)) == second
    ended = find(database, first)
    assert (ended.state, ended.joined_job) == (JobState.CANCELLED, str(second))
    again = take(database)
    assert (again.job.id, again.job.source, again.job.place) == (str(second), "git", "https://example.org/one")
    assert again.credentials == "me:secret"
    assert list(jobs.iter_contents(database, again)) == [(b"b", b"1"), (b"a", b"1")]


def test_a_whole_state_needs_nothing_of_what_could_not_go_on(database: Database, submit: Submit) -> None:
    submit()
    taken = take(database)
    second = contents(database, submit, b"b", replaces=True)
    assert jobs.requeue(database, taken, 0, Ending()) == second
    again = take(database)
    assert (again.job.source, list(jobs.iter_contents(database, again))) == ("contents", [(b"b", b"1")])
    third = submit(place="https://example.org/new")
    assert jobs.requeue(database, again, 0, Ending()) == third
    last = take(database)
    assert (last.job.source, last.job.place) == ("git", "https://example.org/new")
    assert list(jobs.iter_contents(database, last)) == [], "they are older than what is cloned"
    assert rows(database, "job_submissions") == 0


def test_cancelling(database: Database, submit: Submit) -> None:
    waiting = contents(database, submit, b"a")
    jobs.cancel(database, DEFAULT_TENANT, waiting)
    assert find(database, waiting).state == JobState.CANCELLED
    assert rows(database, "job_files") == 0
    running = submit()
    taken = take(database)
    jobs.cancel(database, DEFAULT_TENANT, running)
    assert find(database, running).state == JobState.RUNNING
    assert jobs.beat(database, taken, files_done=0, files_total=0, chunks=0) is True
    jobs.end(database, taken, JobState.CANCELLED, Ending())
    jobs.cancel(database, DEFAULT_TENANT, running)
    assert jobs.count_jobs(database, DEFAULT_TENANT) == {"cancelled": 2}


def test_a_job_without_a_heartbeat_is_noticed(database: Database, submit: Submit) -> None:
    submit()
    taken = take(database)
    assert jobs.dead(database, silent_s=5) == []
    time.sleep(0.2)
    assert [one.job.id for one in jobs.dead(database, silent_s=0.1)] == [taken.job.id]
    assert jobs.dead(database, silent_s=1e6) == [], "the database itself has not been there for so long"
    jobs.requeue(database, taken, 0, Ending(deaths=1))
    assert jobs.beat(database, taken, files_done=1, files_total=1, chunks=1) is None
    assert take(database, "other").job.deaths == 1


def test_ended_jobs_and_broken_uploads_are_forgotten(database: Database, submit: Submit) -> None:
    jobs.upload(database, DEFAULT_TENANT, {b"a": b"x"}, replaces=True)
    submit("waits")
    jobs.end(database, take(database), JobState.FAILED, Ending(error="bad"))
    submit("waits")
    assert jobs.purge(database, DEFAULT_TENANT, older_s=3600, uploads_older_s=3600) == 0
    assert rows(database, "job_files") == 1
    assert jobs.purge(database, DEFAULT_TENANT, older_s=0, uploads_older_s=0) == 1
    assert jobs.count_jobs(database, DEFAULT_TENANT) == {"pending": 1}
    assert rows(database, "job_files") == 0


def test_jobs_are_listed_by_state_and_repository(database: Database, submit: Submit) -> None:
    numbers = [str(submit(f"b{n}", repository=f"r{n % 2}")) for n in range(4)]
    taken = take(database).job.id
    assert [job.id for job in jobs.list_jobs(database, DEFAULT_TENANT)] == numbers[::-1]
    assert [job.id for job in jobs.list_jobs(database, DEFAULT_TENANT, limit=1, offset=1)] == [numbers[2]]
    assert [job.id for job in jobs.list_jobs(database, DEFAULT_TENANT, state="running")] == [taken]
    assert [job.id for job in jobs.list_jobs(database, DEFAULT_TENANT, repository="r1")] == [numbers[3], numbers[1]]


def test_a_worker_is_woken(database: Database, database_url: str, submit: Submit) -> None:
    waker = jobs.Waker(database_url)
    waker.listen()
    started = time.monotonic()
    waker.wait(0.2, threading.Event())
    assert time.monotonic() - started > 0.15
    timer = threading.Timer(0.2, submit)
    timer.start()
    started = time.monotonic()
    waker.wait(20, threading.Event())
    assert time.monotonic() - started < 10
    timer.join()
    stop = threading.Event()
    stop.set()
    waker.wait(20, stop)
    waker.close()
