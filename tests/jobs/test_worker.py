"""Real worker processes: what they index, what they survive, and what a job says of it."""

from __future__ import annotations

import json
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import faulty_analyser
import psutil
import pytest
from tests.git_server import git
from tests.jobs.conftest import Program, until

pytest.importorskip("psycopg")

from codetriever.store.job import Job, JobState
from codetriever.store.postgres import jobs as queue

if TYPE_CHECKING:
    from tests.git_server import GitServer

    from codetriever.connection import Connection

FILES = {
    "src/parse.py": "def parse_input(text):\n    return text.split()\n",
    "src/render.py": "def render_tree(tree):\n    return str(tree)\n",
}
HTTP = {"CODETRIEVER_JOB_ADDRESSES": "http://"}


def do_all(program: Program, **settings: str) -> None:
    code, _, err = program("worker", "--once", **settings)
    assert code == 0, err


def names(connection: Connection, repository: str, branch: str = "") -> set[str]:
    """The paths that are indexed, asked of the database as a search would."""
    with connection.database.reading(connection.tenant) as reader:
        rows = reader.execute(
            "SELECT f.file_path FROM indexed_files f JOIN project_branches b USING (tenant_id, repository_id, branch_id)"
            " JOIN repositories r USING (tenant_id, repository_id) WHERE r.name = %s AND b.branch = %s AND f.blob_id IS NOT NULL",
            (repository, branch),
        ).fetchall()
    return {bytes(row[0]).decode() for row in rows}


def orphans(connection: Connection) -> int:
    """Blobs that no branch lists, chunks and vectors of no blob."""
    with connection.database.reading(connection.tenant) as reader:
        (count,) = reader.execute(
            "SELECT (SELECT count(*) FROM blobs b WHERE NOT EXISTS (SELECT FROM indexed_files f WHERE f.blob_id = b.blob_id"
            " AND f.repository_id = b.repository_id))"
            " + (SELECT count(*) FROM chunk_metadata c WHERE NOT EXISTS (SELECT FROM blobs b WHERE b.blob_id = c.blob_id"
            " AND b.repository_id = c.repository_id))"
            " + (SELECT count(*) FROM vectors v WHERE NOT EXISTS (SELECT FROM blobs b WHERE b.blob_id = v.blob_id"
            " AND b.repository_id = v.repository_id))"
        ).fetchone() or (-1,)
    return int(count)


def test_contents_change_a_branch(connection: Connection, program: Program) -> None:
    jobs = connection.jobs
    first = jobs.submit("one", files=FILES, branch="main")
    do_all(program)
    done = jobs.wait(first.id, timeout_s=5)
    assert (done.result, done.generation, done.files_done, done.files_total, done.error) == ("completed", 1, 2, 2, "")
    assert done.chunks > 0
    assert names(connection, "one", "main") == set(FILES)
    jobs.submit("one", files={"src/moved.py": FILES["src/parse.py"], "src/parse.py": None}, branch="main")
    moved = jobs.submit("one", files={"docs/new.md": "# New\n\nWords.\n"}, branch="main")
    do_all(program)
    done = jobs.wait(moved.id, timeout_s=5)
    assert (done.state, done.submissions, done.chunks) == (JobState.COMPLETED, 2, 1), "a rename embeds nothing"
    assert names(connection, "one", "main") == {"src/moved.py", "src/render.py", "docs/new.md"}
    again = jobs.submit("one", files={"src/render.py": FILES["src/render.py"]}, replace=True, branch="main")
    side = jobs.submit("one", files=FILES, branch="side")
    do_all(program)
    assert names(connection, "one", "main") == {"src/render.py"}
    assert names(connection, "one", "side") == set(FILES)
    assert jobs.get(again.id).chunks == 0
    assert jobs.get(side.id).chunks <= 1, "parse.py may have been swept, render.py was there"
    assert orphans(connection) == 0


def test_a_job_of_nothing_and_one_of_binaries_complete(connection: Connection, program: Program) -> None:
    nothing = connection.jobs.submit("one", files={}, branch="main")
    binaries = connection.jobs.submit("two", files={"a.bin": b"\0\1\2", "b.png": b"\x89PNG\0"}, branch="main")
    do_all(program)
    for job in (nothing, binaries):
        done = connection.jobs.get(job.id)
        assert (done.result, done.generation, done.failed_files) == ("completed", 1, 0)
    assert names(connection, "two", "main") == set()


def test_an_address_is_cloned(connection: Connection, program: Program, server: GitServer) -> None:
    head = server.commit("one", FILES)
    job = connection.jobs.submit(url=f"{server.url}/one")
    name = f"127.0.0.1:{server.server_port}/one"
    do_all(program, **HTTP)
    done = connection.jobs.get(job.id)
    assert (done.result, done.repository, done.head, done.files_total) == ("completed", name, head, 2), done.error
    assert names(connection, name, "main") == set(FILES)
    server.commit("one", {"src/parse.py": None, "src/other.py": FILES["src/parse.py"]})
    again = connection.jobs.submit(url=f"{server.url}/one", branch="main")
    changes = connection.jobs.submit(name, files={"src/draft.py": "draft = 1\n", "src/render.py": None}, branch="main")
    assert changes.id == again.id
    do_all(program, **HTTP)
    assert names(connection, name, "main") == {"src/other.py", "src/draft.py"}
    assert connection.jobs.get(again.id).chunks == 1
    assert list(program.home.glob("codetriever-job-*")) == []


def test_an_unchanged_clone_is_no_new_generation(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES | {"a.png": "\0", "b.md": "# B\n", "zz/c.json": "{}\n", "zz/d.bin": "\0"})
    for _ in range(2):
        job = connection.jobs.submit(url=f"{server.url}/one", branch="main")
        do_all(program, **HTTP)
        done = connection.jobs.get(job.id)
        assert (done.result, done.generation) == ("completed", 1)
    assert done.chunks == 0


def test_a_password_is_used_told_nobody_and_forgotten(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES)
    server.password = "Basic bWU6czNjcmV0"
    job = connection.jobs.submit(url=f"http://me:s3cret@127.0.0.1:{server.server_port}/one")
    assert "s3cret" not in repr(job)
    code, out, err = program("worker", "--once", "-v", **HTTP)
    assert (code, "s3cret" in out + err) == (0, False)
    assert connection.jobs.get(job.id).result == "completed"
    with connection.database.reading(connection.tenant) as reader:
        assert reader.execute("SELECT DISTINCT credentials FROM indexing_jobs").fetchall() == [("",)]


def test_an_allowed_folder_is_indexed_and_no_other(connection: Connection, program: Program, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    for name in ("allowed/one", "secret", "allowed/outer/inner"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.py").write_text("a = 1\n")
    (allowed / "link").symlink_to(tmp_path / "secret")
    git(allowed / "outer", "init", "-q", "-b", "main")
    good = connection.jobs.submit(folder=str(allowed / "one"))
    bad = [
        connection.jobs.submit(folder=str(folder), repository=f"bad {number}")
        for number, folder in enumerate((tmp_path / "secret", allowed / "link", allowed / ".." / "secret", allowed / "none"))
    ]
    outer = connection.jobs.submit(folder=str(allowed / "outer/inner"), repository="outer")
    do_all(program, CODETRIEVER_JOB_FOLDERS=f"{allowed / 'one'}:{allowed / 'outer/inner'}:{allowed}/none:{allowed}/link/x")
    assert connection.jobs.get(good.id).result == "completed"
    assert names(connection, "local/one") == {"a.py"}
    codes = [(job.state, job.error_code) for job in (connection.jobs.get(one.id) for one in (*bad, outer))]
    assert codes == [("failed", "source_refused")] * 3 + [("failed", "path_not_found"), ("failed", "source_refused")]
    assert "job_folders" in connection.jobs.get(outer.id).error


def test_what_may_pass_is_tried_again_and_what_will_not_is_not(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES)
    server.redirect = "http://127.0.0.1:9"
    flaky = connection.jobs.submit(url=f"{server.url}/one")
    worker = program.worker(**HTTP)
    until(worker, "job_ended")
    server.redirect = ""
    done = connection.jobs.wait(flaky.id, timeout_s=20)
    assert (done.result, done.attempts >= 1) == ("completed", True)
    lost = connection.jobs.wait(connection.jobs.submit(url=f"{server.url}/none").id, timeout_s=20)
    assert (lost.state, lost.error_code, lost.attempts) == (JobState.FAILED, "path_not_found", 1)
    server.redirect = "http://127.0.0.1:9"
    never = connection.jobs.wait(connection.jobs.submit(url=f"{server.url}/one").id, timeout_s=40)
    assert (never.state, never.error_code, never.attempts) == (JobState.FAILED, "clone_failed", 4)


DRIVER = """
import sys
sys.path.append({folder!r})
from codetriever.cli.main import main
from codetriever.indexing import parsers

parsers.ANALYSER = "faulty_analyser:analyse"
if not {alone}:
    parsers.POOL_WORTH_S = 0.0
sys.exit(main(["worker", "--once"]))
"""


def run_faulty(program: Program, *, alone: bool) -> int:
    """Run a worker whose parser dies of some files; `alone` lets it parse by itself, as it does when there is little."""
    process = program.run(["-c", DRIVER.format(folder=str(Path(faulty_analyser.__file__).parent), alone=alone)])
    process.communicate(timeout=90)
    return process.returncode


def test_failed_files_are_tried_again_and_then_told(connection: Connection, program: Program) -> None:
    job = connection.jobs.submit("one", files=FILES | {"bad.py": faulty_analyser.CRASH}, branch="main")
    for attempt in range(1, 4):
        assert run_faulty(program, alone=False) == 0
        tried = connection.jobs.get(job.id)
        assert (tried.state, tried.attempts, tried.failed_files) == (JobState.PENDING, attempt, 1)
        assert names(connection, "one", "main") == set(FILES), "what could be indexed can be searched"
        time.sleep(max(tried.due_at - time.time(), 0) + 0.01)
    assert run_faulty(program, alone=False) == 0
    done = connection.jobs.get(job.id)
    assert (done.result, done.failed_files, done.attempts) == ("completed with errors", 1, 4)
    assert [(skip.path, skip.reason.value) for skip in done.failures] == [("bad.py", "could not be analysed")]
    later = connection.jobs.submit("one", files={"good.py": "good = 1\n", "bad.py": faulty_analyser.CRASH}, branch="main")
    assert run_faulty(program, alone=False) == 0
    done = connection.jobs.get(later.id)
    assert (done.result, done.failed_files, done.attempts) == ("completed with errors", 1, 0), "tried often enough by the first job"


def test_a_file_that_kills_its_worker_is_parsed_apart_the_next_time(connection: Connection, program: Program) -> None:
    job = connection.jobs.submit("one", files=FILES | {"bad.py": faulty_analyser.CRASH}, branch="main")
    assert run_faulty(program, alone=True) == -signal.SIGSEGV
    time.sleep(1.1)
    assert run_faulty(program, alone=True) == 0
    tried = connection.jobs.get(job.id)
    assert (tried.state, tried.deaths, tried.failed_files) == (JobState.PENDING, 1, 1)
    assert names(connection, "one", "main") == set(FILES)


def test_a_worker_that_is_killed_is_noticed_and_its_work_redone(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES)
    server.delay_s = 1.0
    job = connection.jobs.submit(url=f"{server.url}/one", branch="main")
    first = program.worker(**HTTP)
    until(first, "job_started")
    kill_tree(first.pid)
    server.delay_s = 0.0
    second = program.worker(**HTTP)
    until(second, "worker_died")
    done = connection.jobs.wait(job.id, timeout_s=20)
    assert (done.result, done.deaths) == ("completed", 1)
    assert names(connection, done.repository, "main") == set(FILES)
    assert list(program.home.glob("codetriever-job-*")) == [], "what the dead one fetched is deleted"


def kill_tree(pid: int) -> None:
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it ended by itself just now
            one.kill()


def test_a_job_that_kills_two_workers_is_failed(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES)
    server.delay_s = 3.0
    job = connection.jobs.submit(url=f"{server.url}/one", branch="main")
    for _ in range(2):
        worker = program.worker(**HTTP)
        until(worker, "job_started")
        kill_tree(worker.pid)
    worker = program.worker(**HTTP)
    until(worker, "worker_died")
    done = connection.jobs.wait(job.id, timeout_s=20)
    assert (done.state, done.error_code, done.deaths) == (JobState.FAILED, "worker_died", 2)
    assert "Two workers died" in done.error


def test_told_to_end_a_worker_gives_its_job_back(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES)
    server.delay_s = 2.0
    job = connection.jobs.submit(url=f"{server.url}/one", branch="main")
    worker = program.worker(**HTTP)
    until(worker, "job_started")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    back = connection.jobs.get(job.id)
    assert (back.state, back.attempts, back.deaths, back.worker) == (JobState.PENDING, 0, 0, "")
    server.delay_s = 0.0
    do_all(program, **HTTP)
    assert connection.jobs.get(job.id).result == "completed"


def test_a_running_job_is_cancelled(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES)
    server.delay_s = 5.0
    job = connection.jobs.submit(url=f"{server.url}/one", branch="main")
    worker = program.worker(**HTTP)
    until(worker, "job_started")
    assert connection.jobs.cancel(job.id).state is JobState.RUNNING
    done = connection.jobs.wait(job.id, timeout_s=4)
    assert (done.state, done.error) == (JobState.CANCELLED, "")
    assert names(connection, done.repository, "main") == set()


def test_what_is_cancelled_while_it_waits_is_never_done(connection: Connection, program: Program) -> None:
    job = connection.jobs.submit("one", files=FILES)
    assert connection.jobs.cancel(job.id).state is JobState.CANCELLED
    do_all(program)
    assert names(connection, "one") == set()


def test_who_was_taken_for_dead_leaves_the_job_alone(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES)
    server.delay_s = 1.5
    job = connection.jobs.submit(url=f"{server.url}/one", branch="main")
    first = program.worker(**HTTP)
    until(first, "job_started")
    first.send_signal(signal.SIGSTOP)
    second = program.worker(**HTTP)
    until(second, "worker_died")
    first.send_signal(signal.SIGCONT)
    until(first, "job_lost")
    done = connection.jobs.wait(job.id, timeout_s=20)
    assert (done.result, done.deaths, done.generation) == ("completed", 1, 1)


def test_the_command_line_submits_waits_lists_and_cancels(program: Program, tmp_path: Path, server: GitServer) -> None:
    tree = tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / "src/a.py").write_text("def shown():\n    return 1\n")
    program.worker(**HTTP)
    sent = program.json("jobs", "submit", str(tree), "--contents", "--wait", "--priority", "high")
    assert (sent["exit_code"], sent["job"]["result"], sent["job"]["repository"], sent["job"]["percent"]) == (
        0,
        "completed",
        "local/tree",
        100.0,
    )
    server.commit("one", FILES)
    code, out, err = program("jobs", "submit", f"{server.url}/one", "--repository", "named", "--wait", **HTTP)
    assert (code, "completed" in out, "named" in out) == (0, True, True), err
    refused = program.json("jobs", "submit", "https://example.org/")
    assert refused["exit_code"] == 0
    missing = program.json("jobs", "submit", str(tmp_path / "nowhere"), "--wait")
    assert (missing["exit_code"], missing["job"]["error_code"]) == (2, "source_refused")
    listed = program.json("jobs", "list", "--state", "completed")
    assert [job["repository"] for job in listed["jobs"]] == ["named", "local/tree"]
    shown = program.json("jobs", "show", sent["job"]["id"])
    assert shown["job"] == sent["job"]
    assert program.json("jobs", "cancel", sent["job"]["id"])["job"]["state"] == "completed"
    unknown = program.json("jobs", "show", "nonsense")
    assert (unknown["exit_code"], unknown["error"]["code"]) == (2, "job_not_found")
    assert program.json("jobs", "purge", "--all")["purged"] >= 3


def test_several_workers_in_processes_of_their_own(connection: Connection, program: Program) -> None:
    worker = program.start("worker", "--concurrency", "2", "--json")
    for _ in range(2):
        until(worker, '"started"')  # or the first would have done everything before the second looks
    found = [connection.jobs.submit(f"r{number}", files=FILES) for number in range(6)]
    for job in found:
        assert connection.jobs.wait(job.id, timeout_s=60).result == "completed"
    assert len({connection.jobs.get(job.id).worker for job in found}) == 2
    children = psutil.Process(worker.pid).children()
    assert len(children) == 2
    children[0].kill()
    deadline = time.monotonic() + 20
    while len(set(psutil.Process(worker.pid).children()) - {children[0]}) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=20)
    assert worker.returncode == 0
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events.count("job_ended") == 6
    assert events.count("worker_process_died") == 1


def test_workers_end_with_a_supervisor_that_is_killed(connection: Connection, program: Program, server: GitServer) -> None:
    """They give back what they are at, as if they had been told to end."""
    server.commit("one", FILES)
    server.delay_s = 5.0
    supervisor = program.start("worker", "--concurrency", "2", **HTTP)
    job = connection.jobs.submit(url=f"{server.url}/one", branch="main")
    until(supervisor, "job_started")
    workers = psutil.Process(supervisor.pid).children(recursive=True)
    supervisor.kill()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    back = connection.jobs.get(job.id)
    assert (back.state, back.deaths, back.worker) == (JobState.PENDING, 0, "")


def test_a_worker_without_a_database_or_with_a_strange_one_says_so(program: Program) -> None:
    assert program("worker", "--once", CODETRIEVER_DATABASE_URL="")[0] == 2
    code, _, err = program("worker", "--once", CODETRIEVER_DATABASE_URL="host=/nowhere")
    assert (code, "cannot be reached" in err) == (2, True)
    assert program("worker", "--concurrency", "0")[0] == 2
    assert program("worker", "--concurrency", "2", "--model", "static:/nowhere")[0] == 2


def settled(connection: Connection) -> list[Job]:
    return [job for job in connection.jobs.list() if not job.state.is_end]


def test_two_tenants_have_jobs_of_the_same_branch(connection: Connection, program: Program) -> None:
    connection.tenants.create("other")
    other = connection.as_tenant("other")
    ours, theirs = connection.jobs.submit("one", files=FILES), other.jobs.submit("one", files={"their.py": "theirs = 1\n"})
    do_all(program)
    assert (names(connection, "one"), names(other, "one")) == (set(FILES), {"their.py"})
    assert [job.id for job in connection.jobs.list()] == [ours.id]
    assert [job.id for job in other.jobs.list()] == [theirs.id]
    assert queue.count_jobs(connection.database, other.tenant) == {"completed": 1}
    assert settled(connection) == []
