"""What can be submitted, and what is said of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

pytest.importorskip("psycopg")

from codetriever.errors import InvalidArguments, JobNotFound, SourceRefused
from codetriever.store.job import JobState
from codetriever.store.postgres import jobs as queue
from codetriever.store.postgres.jobs import Ending

if TYPE_CHECKING:
    from codetriever.connection import Connection


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"url": "https://a/b", "folder": "/a"}, {"files": {}}, {"repository": "a", "files": {"../a": ""}}, {"folder": "relative"},
        {"repository": "a\nb", "files": {}}, {"repository": "a" * 1001, "files": {}}, {"folder": "/", "branch": "main"},
        {"url": "https://a/b", "branch": "a..b"}, {"url": "https://a/b", "branch": "-x"}, {"folder": "/a", "priority": "urgent"},
        {"folder": "/a\0b"}, {"repository": "a", "files": {"a": ""}, "branch": "a b"},
    ],
)  # fmt: skip
def test_what_says_nothing_or_too_much_is_refused(connection: Connection, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments):
        connection.jobs.submit(**wrong)
    assert connection.jobs.counts() == {}


def test_addresses_that_nobody_allowed_are_refused(connection: Connection) -> None:
    for url in ("file:///etc", "ssh://git@a/b", "https://a/b"):
        with pytest.raises(SourceRefused):
            connection.jobs.submit(url=url)


def test_repositories_are_named_after_where_they_are(connection: Connection) -> None:
    jobs = connection.jobs
    assert jobs.submit(url="http://me:secret@example.org/owner/name.git/").repository == "example.org/owner/name"
    assert jobs.submit(folder="/srv/shop").repository == "local/shop"
    assert jobs.submit("called", folder="/srv/shop").repository == "called"
    place = jobs.list(repository="example.org/owner/name")[0].place
    assert place == "http://example.org/owner/name.git/"


def test_a_job_is_found_by_its_number_alone(connection: Connection) -> None:
    correlation = str(uuid4())
    job = connection.jobs.submit("one", files={"a.py": "a"}, correlation_id=correlation)
    assert connection.jobs.get(job.id) == job
    assert job.correlation_id == correlation
    for number in ("", "nonsense", str(uuid4())):
        with pytest.raises(JobNotFound):
            connection.jobs.get(number)
        with pytest.raises(JobNotFound):
            connection.jobs.cancel(number)


def test_lists_have_pages_and_limits(connection: Connection) -> None:
    for number in range(5):
        connection.jobs.submit(f"r{number}", files={})
    assert [job.repository for job in connection.jobs.list(limit=2, offset=1)] == ["r3", "r2"]
    for wrong in ({"limit": 0}, {"limit": 1001}, {"offset": -1}, {"state": "sleeping"}):
        with pytest.raises(InvalidArguments):
            connection.jobs.list(**wrong)  # type: ignore[arg-type]


def test_waiting_follows_a_job_that_was_left_to_another(connection: Connection) -> None:
    jobs, database = connection.jobs, connection.database
    first = jobs.submit("one", files={"a.py": "a"})
    assert jobs.wait(first.id, timeout_s=0.2).state is JobState.PENDING
    taken = queue.take(database, "w")
    assert taken is not None
    second = jobs.submit("one", files={"b.py": "b"})
    seen: list[str] = []
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(jobs.wait(first.id, progress=lambda job: seen.append(job.state)).id))
    waiting.start()
    queue.requeue(database, taken, 5, Ending())
    again = queue.take(database, "w")
    assert again is not None
    queue.end(database, again, JobState.COMPLETED, Ending())
    waiting.join()
    assert found == [second.id]
    assert (seen[0], seen[-1]) in {("running", "completed"), ("cancelled", "completed")}


def test_purging_forgets_what_ended(connection: Connection) -> None:
    job = connection.jobs.submit("one", files={})
    connection.jobs.cancel(job.id)
    assert connection.jobs.purge() == 0
    assert connection.jobs.purge(older_s=0) == 1
    assert connection.jobs.counts() == {}
