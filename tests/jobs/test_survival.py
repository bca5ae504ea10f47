"""kill -9 of workers and of PostgreSQL at any moment of a job: nothing is lost, nothing is there twice, and every job ends."""

from __future__ import annotations

import hashlib
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.database import MISSING
from tests.git_server import GitServer, git, served
from tests.jobs.conftest import Program, until
from tests.jobs.test_worker import HTTP, kill_tree, orphans

pytest.importorskip("psycopg")

from codetriever.config import Settings
from codetriever.connection import Connection
from codetriever.errors import DatabaseUnavailable
from codetriever.store.postgres import launcher
from codetriever.store.postgres.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetriever.store.job import Job

KILLED_FILES = 800
STAGES, KILLED = ("waiting", "fetching", "indexing", "writing"), ("a worker", "both workers", "PostgreSQL")
QUESTIONS = ("function 7 of version", "return the value", "module_3")


@dataclass(frozen=True)
class Scene:
    """A PostgreSQL, a server of repositories and workers, all of which may be killed."""

    postgres: Path
    server: GitServer
    program: Program
    connection: Connection

    def start_postgres(self) -> None:
        launcher.start(self.postgres, shared_buffers="64MB")

    def kill_postgres(self) -> None:
        number = int((self.postgres / "data" / "postmaster.pid").read_text().split()[0])
        kill_tree(number)

    def worker(self) -> Any:
        worker = self.program.start("worker", **HTTP)
        threading.Thread(target=worker.stderr.read, daemon=True).start()
        return worker

    def submit(self, **more: Any) -> Job:
        return patiently(lambda: self.connection.jobs.submit(url=f"{self.server.url}/code", branch="main", repository="code", **more))

    def send(self, files: dict[str, str | None]) -> Job:
        return patiently(lambda: self.connection.jobs.submit("code", files=files, branch="main"))

    def stage(self, job: Job) -> str:
        return stage_of(patiently(lambda: self.connection.jobs.get(job.id)))

    def ended(self, job: Job) -> Job:
        return patiently(lambda: self.connection.jobs.wait(job.id, timeout_s=90))


def patiently(ask: Any) -> Any:
    """Ask until the database is there again."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask()
        except DatabaseUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    if MISSING:
        pytest.skip(f"{MISSING} is not installed")
    folder = Path(tempfile.mkdtemp(prefix="codetriever-test-jobs-"))
    folder.rmdir()
    (tmp_path / "home").mkdir()
    try:
        url = launcher.start(folder, shared_buffers="64MB").url
        program = Program(url, tmp_path / "home")
        settings = Settings(database_url=url, job_addresses="http://")
        with served(tmp_path / "served") as server, Connection(url, settings=settings) as connection:
            connection.database = Database(url, wait_s=2.0)
            connection.database.migrate()
            try:
                yield Scene(folder, server, program, connection)
            finally:
                program.close()
    finally:
        launcher.clean_up(folder)


def module(number: int, version: int) -> str:
    return "\n\n".join(
        f"def function_{number}_{part}(value):\n    '''Of version {version}.'''\n    return value + {part}\n" for part in range(8)
    )


def listed(connection: Connection) -> dict[str, bytes]:
    """What is indexed: the digest of each path's blob, all of whose chunks and vectors are there."""
    with connection.database.reading(connection.tenant) as reader:
        rows = reader.execute(
            "SELECT f.file_path, b.digest FROM indexed_files f JOIN blobs b USING (tenant_id, repository_id, blob_id)"
            " WHERE b.chunk_count = (SELECT count(*) FROM chunk_metadata c"
            " JOIN vectors v USING (tenant_id, repository_id, blob_id, chunk_index)"
            " WHERE c.blob_id = b.blob_id AND c.repository_id = b.repository_id)"
        ).fetchall()
    assert len(rows) == len({path for path, _ in rows}), "nothing is listed twice"
    return {bytes(path).decode(): bytes(digest) for path, digest in rows}


def expected(tree: Path) -> dict[str, bytes]:
    return {path: hashlib.sha256((tree / path).read_bytes()).digest() for path in git(tree, "ls-files", "-z").split("\0") if path}


def answers(connection: Connection, repository: str) -> list[Any]:
    with connection.search_in(repository) as index:
        found = [index.search(question, limit=50) for question in QUESTIONS]
    return [[(hit.path, hit.start_line, round(hit.score, 9)) for hit in answer.hits] for answer in found]


def check_whole(scene: Scene) -> None:
    assert listed(scene.connection) == expected(scene.server.folder / "code")
    assert orphans(scene.connection) == 0


def test_a_database_that_is_killed_and_started_again_is_survived(scene: Scene) -> None:
    scene.server.commit("code", {f"src/m{number}.py": module(number, 1) for number in range(30)})
    scene.server.delay_s = 0.7
    worker = scene.program.worker(**HTTP)
    job = scene.submit()
    until(worker, "job_started")
    scene.kill_postgres()
    until(worker, "database_unavailable")
    scene.server.delay_s = 0.0
    scene.start_postgres()
    done = scene.ended(job)
    assert (done.result, done.deaths) == ("completed", 0)
    check_whole(scene)
    idle = scene.submit()
    assert scene.ended(idle).result == "completed", "the same worker listens again"
    assert worker.poll() is None


@pytest.mark.long("jobs: kill -9 at any moment")
@pytest.mark.timeout(1800)
def test_kills_spread_over_every_stage(scene: Scene, record_property: Any) -> None:
    """Two workers share the branch; one of them, both, or PostgreSQL are killed in each stage of many jobs, some moments after it began."""
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    table: Counter[tuple[str, str]] = Counter()
    ends: Counter[str] = Counter()
    scene.server.commit("code", {f"src/m{number}.py": module(number, 0) for number in range(KILLED_FILES)})
    workers = [scene.worker(), scene.worker()]
    assert scene.ended(scene.submit()).result == "completed"
    for turn in range(1, 49):
        stage, who = STAGES[turn % len(STAGES)], KILLED[turn // len(STAGES) % len(KILLED)]
        changed = chance.sample(range(KILLED_FILES), KILLED_FILES if stage in ("indexing", "writing") else chance.choice((1, 40)))
        scene.server.commit("code", {f"src/m{number}.py": module(number, turn) for number in changed})
        job = scene.submit()
        later = scene.submit() if chance.random() < 0.5 else job
        while stage != "waiting" and scene.stage(job) not in (stage, "afterwards"):
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.05))
        table[who, scene.stage(job)] += 1
        if who == "PostgreSQL":
            scene.kill_postgres()
            time.sleep(chance.uniform(0, 0.5))
            scene.start_postgres()
        for worker in workers if who == "both workers" else workers[:1] if who == "a worker" else ():
            kill_tree(worker.pid)
            worker.wait()
        workers = [worker for worker in workers if worker.poll() is None]
        workers += [scene.worker() for _ in range(2 - len(workers))]
        for one in {job.id: job, later.id: later}.values():
            done = scene.ended(one)
            ends[done.result] += 1
            assert done.result == "completed", (turn, who, stage, seed, done)
        check_whole(scene)
    fresh = patiently(lambda: scene.connection.jobs.submit("fresh", url=f"{scene.server.url}/code", branch="main"))
    assert scene.ended(fresh).result == "completed"
    assert answers(scene.connection, "code") == answers(scene.connection, "fresh")
    assert not [job for job in scene.connection.jobs.list(limit=1000) if not job.state.is_end]
    assert {stage for _, stage in table} >= set(STAGES[1:])
    kills = ", ".join(f"{who} {count} times {stage}" for (who, stage), count in sorted(table.items()))
    record_property("done", f"48 jobs, seed {seed}, killed: {kills}; {dict(ends)}; answers as of a fresh index, 0 orphans")


def stage_of(job: Job) -> str:
    if job.state.value != "running":
        return "waiting" if job.state.value == "pending" else "afterwards"
    if not job.files_total:
        return "fetching"
    return "indexing" if job.files_done < job.files_total else "writing"


@pytest.mark.long("jobs: 100 re-indexes")
@pytest.mark.timeout(1800)
def test_nothing_is_left_over_after_a_hundred_random_edits(scene: Scene, record_property: Any) -> None:
    """Contents are added, changed, renamed and removed by jobs while two workers run."""
    chance = random.Random(seed := random.SystemRandom().randrange(1 << 32))
    files = {f"src/m{number}.py": module(number, 0) for number in range(60)}
    jobs = scene.connection.jobs
    workers = [scene.worker(), scene.worker()]
    scene.ended(jobs.submit("code", files=files, branch="main", replace=True))
    chunks = joined = 0
    for turn in range(100):
        edits: dict[str, str | None] = {}
        for _ in range(chance.randrange(1, 6)):
            path = chance.choice(sorted(files))
            kind = chance.choice(("change", "add", "rename", "remove"))
            if kind in ("rename", "remove") and len(files) > 10:
                text = files.pop(path)
                edits[path] = None
                path, text = (f"src/renamed{turn}_{chance.randrange(99)}.py", text) if kind == "rename" else (path, "")
            else:
                path, text = (f"src/new{turn}.py" if kind == "add" else path), module(chance.randrange(60), turn)
            if text:
                files[path] = edits[path] = text
        job = jobs.submit("code", files=edits, branch="main")
        if chance.random() < 0.3:
            joined += 1
            continue
        done = scene.ended(job)
        assert done.result == "completed"
        chunks += done.chunks
    scene.ended(jobs.submit("code", files={}, branch="main"))
    assert listed(scene.connection) == {path: hashlib.sha256(text.encode()).digest() for path, text in files.items()}
    assert orphans(scene.connection) == 0
    scene.ended(jobs.submit("fresh", files=files, branch="main"))
    assert answers(scene.connection, "code") == answers(scene.connection, "fresh")
    assert all(worker.poll() is None for worker in workers)
    record_property(
        "done", f"100 edits, seed {seed}, {joined} not waited for, {chunks} chunks embedded; 0 orphans, answers as of a fresh index"
    )


@pytest.mark.long("jobs: lost connections and two workers on one branch")
@pytest.mark.timeout(1800)
def test_connections_that_are_cut_again_and_again(scene: Scene, record_property: Any) -> None:
    """Every connection but one's own is ended every so often, while two workers and an indexer of the command line share branches."""
    cut = 0
    workers = [scene.worker(), scene.worker()]
    for turn in range(15):
        scene.server.commit("code", {f"src/m{number}.py": module(number, turn) for number in range(100)})
        found = [scene.submit(), scene.send({"a.py": f"a = {turn}"})]
        for _ in range(3):
            time.sleep(0.4)
            cut += cut_connections(scene)
        for job in found:
            assert scene.ended(job).result == "completed"
    assert all(worker.poll() is None for worker in workers), "no worker gave up"
    assert orphans(scene.connection) == 0
    record_property("done", f"15 times 2 jobs of one branch, {cut} connections cut; all completed, 0 orphans, no worker ended")


def cut_connections(scene: Scene) -> int:
    import psycopg

    with psycopg.connect(launcher.status(scene.postgres).url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name IN ('codetriever write', 'codetriever worker')"
        ).fetchone()
    return int(row[0]) if row else 0


def test_every_child_of_a_killed_worker_ends(scene: Scene) -> None:
    """Parsers and git see that their parent has gone, or come to their end soon."""
    scene.server.commit("code", {"a.py": "a = 1\n"})
    scene.server.delay_s = 1.0
    worker = scene.program.worker(**HTTP)
    scene.submit()
    until(worker, "job_started")
    deadline = time.monotonic() + 10
    while not (children := psutil.Process(worker.pid).children(recursive=True)) and time.monotonic() < deadline:
        time.sleep(0.02)
    worker.kill()
    gone, alive = psutil.wait_procs(children, timeout=15)
    assert (len(alive), bool(gone)) == (0, True)
