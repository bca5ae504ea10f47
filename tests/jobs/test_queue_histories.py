"""Whatever is submitted, taken, given back and done in whatever order, a branch ends as if everything had been done at once and in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("psycopg")

from codetriever.store.job import JobState
from codetriever.store.postgres import jobs
from codetriever.store.postgres.database import DEFAULT_TENANT, Database
from codetriever.store.postgres.jobs import Ending, Taken, Wanted

if TYPE_CHECKING:
    from uuid import UUID

Files = dict[bytes, bytes]
CONTENTS = st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), st.one_of(st.none(), st.sampled_from([b"1", b"2", b"3"])), min_size=1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("address"), st.integers(0, 99)),
        st.tuples(st.just("changes"), CONTENTS),
        st.tuples(st.just("all"), CONTENTS),
        *(st.just((kind, None)) for kind in ("take", "take", "give back", "give back", "end")),
    ),
    min_size=4,
    max_size=16,
)


def changed(files: Files, contents: dict[bytes, bytes | None]) -> Files:
    return {path: data for path, data in (files | contents).items() if data is not None}


def submit(database: Database, kind: str, what: object, files: Files) -> Files:
    """Submit a step, and return the files as they are when everything so far was done."""
    if kind == "address":
        jobs.submit(database, DEFAULT_TENANT, Wanted("one", "main", "git", f"https://example.org/{what}"))
        return {b"address": str(what).encode()}
    assert isinstance(what, dict)
    upload = jobs.upload(database, DEFAULT_TENANT, what, replaces=kind == "all")
    jobs.submit(database, DEFAULT_TENANT, Wanted("one", "main", "contents", upload=upload, is_whole=kind == "all"))
    return changed({} if kind == "all" else files, what)


def done(database: Database, taken: Taken, files: Files) -> Files:
    """Do a job as a worker does, and return the branch's files."""
    if taken.job.source == "git":
        files = {b"address": taken.job.place.rpartition("/")[2].encode()}
    if jobs.contents_state(database, taken)[1]:
        files = {}
    newest: dict[bytes, bytes | None] = {}
    for path, data in jobs.iter_contents(database, taken):
        newest.setdefault(path, data)
    assert jobs.end(database, taken, JobState.COMPLETED, Ending())
    return changed(files, newest)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_nothing_is_lost_and_the_order_holds(database: Database, steps: list[tuple[str, object]]) -> None:
    expected: Files = {}
    indexed: Files = {}
    taken: Taken | None = None
    given_back: list[UUID | None] = []
    for kind, what in steps:
        if kind == "take":
            taken = taken or jobs.take(database, "w")
        elif kind == "give back" and taken is not None:
            given_back.append(jobs.requeue(database, taken, 0, Ending()))
            taken = None
        elif kind == "end" and taken is not None:
            indexed, taken = done(database, taken, indexed), None
        elif kind in ("address", "changes", "all"):
            expected = submit(database, kind, what, expected)
    while (taken := taken or jobs.take(database, "w")) is not None:
        indexed, taken = done(database, taken, indexed), None
    assert indexed == expected
    with database.reading(DEFAULT_TENANT) as connection:
        assert connection.execute("SELECT count(*) FROM job_files").fetchone() == (0,)
        states = connection.execute("SELECT DISTINCT state FROM indexing_jobs").fetchall()
        joined = connection.execute("SELECT count(*) FROM indexing_jobs WHERE joined_job IS NOT NULL").fetchone()
    assert {state for (state,) in states} <= {"completed", "cancelled"}
    assert joined is not None
    assert joined[0] >= sum(one is not None for one in given_back)
