"""A database of jobs: its connections, several tenants, and what makes a job."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

pytest.importorskip("psycopg")

from codetriever.store.postgres import jobs
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, managing_tenants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
