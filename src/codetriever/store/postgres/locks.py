"""Who may write a repository? One at a time: a lock of the database, which belongs to a connection and ends with it."""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from codetriever.errors import StoreLocked
from codetriever.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from psycopg import Connection

_POLL_S = 0.05


@contextmanager
def writer_lock(connection: Connection[Any], tenant: UUID, repository: int, name: str, wait_s: float) -> Iterator[None]:
    """Be the only writer of a repository; raises `StoreLocked`, which calls it by `name`, after `wait_s` seconds."""
    digest = hashlib.sha256(tenant.bytes + repository.to_bytes(8, "big")).digest()
    lock = {"lock": int.from_bytes(digest[:8], "big", signed=True)}
    deadline = time.monotonic() + wait_s
    while True:
        row = connection.execute(query("lock_writer"), lock).fetchone()
        if row and row[0]:
            break
        if time.monotonic() >= deadline:
            raise StoreLocked(f"The index of {name} is being written.", hint="Wait for it, or stop the other indexer.")
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute(query("unlock_writer"), lock)
