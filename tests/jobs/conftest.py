"""A database of jobs: its connections, several tenants, and what makes a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from tests.git_server import GitServer, served

from codetriever.config import Settings

pytest.importorskip("psycopg")

from codetriever.connection import Connection
from codetriever.store.postgres import jobs
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, managing_tenants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url, wait_s=5.0) as opened:
        yield opened


@pytest.fixture
def submit(database: Database) -> Callable[..., UUID]:
    """Submits an address; whatever else is said replaces that."""

    def one(branch: str = "main", *, tenant: UUID = DEFAULT_TENANT, repository: str = "one", **more: object) -> UUID:
        facts = {"source": "git", "place": "https://example.org/one"} | more
        return jobs.submit(database, tenant, jobs.Wanted(repository, branch, **facts))  # type: ignore[arg-type]

    return one


@pytest.fixture
def new_tenant(database: Database) -> Callable[[], UUID]:
    def one() -> UUID:
        tenant = uuid4()
        with database.connection("write") as connection, managing_tenants(connection):
            connection.execute("INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", (tenant, str(tenant)))
        return tenant

    return one


class Program:
    """The command line on one database, with settings that do not make tests wait."""

    def __init__(self, url: str, home: Path, **settings: str) -> None:
        self.url = url
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODETRIEVER_", "GIT_", "XDG_"))}
        self.environment = (
            kept
            | {
                "HOME": str(home),
                "TMPDIR": str(home),
                "CODETRIEVER_STORE": str(home / "store"),
                "CODETRIEVER_CONFIG": str(home / "config.toml"),
                "CODETRIEVER_DATABASE_URL": url,
                "CODETRIEVER_JOB_RETRY_S": "0.05",
                "CODETRIEVER_JOB_SILENCE_S": "1",
                "PYTHONWARNINGS": "error",
            }
            | settings
        )
        self.home = home
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *words: str, **settings: str) -> subprocess.Popen[str]:
        """Start the program; its standard error is read by `until`."""
        return self.run(["-m", "codetriever", *words], **settings)

    def run(self, arguments: list[str], **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=self.environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
        )
        self.started.append(process)
        return process

    def __call__(self, *words: str, **settings: str) -> tuple[int, str, str]:
        process = self.start(*words, **settings)
        out, err = process.communicate(timeout=90)
        return process.returncode, out, err

    def json(self, *words: str) -> Any:
        code, out, err = self(*words, "--json")
        assert out, err
        return json.loads(out) | {"exit_code": code}

    def worker(self, *words: str, **settings: str) -> subprocess.Popen[str]:
        process = self.start("worker", *words, **settings)
        until(process, "started")
        return process

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def until(process: subprocess.Popen[str], event: str) -> str:
    """Read what a worker tells until an event, and return that line."""
    told = []
    assert process.stderr is not None
    for line in process.stderr:
        told.append(line)
        if f" {event}" in line:
            return line
    raise AssertionError(f"{event} never came: {''.join(told)}")


@pytest.fixture
def program(database_url: str, tmp_path: Path) -> Iterator[Program]:
    (tmp_path / "home").mkdir()
    program = Program(database_url, tmp_path / "home")
    yield program
    program.close()


@pytest.fixture
def connection(database_url: str, tmp_path: Path) -> Iterator[Connection]:
    settings = Settings(database_url=database_url, job_addresses="http://", job_folders=str(tmp_path / "allowed"))
    with Connection(database_url, settings=settings) as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with served(tmp_path / "served") as server:
        yield server
