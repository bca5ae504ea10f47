"""Who may hold how many connections? Writers, searches and long analyses have pools of their own, so that none waits for another kind."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from psycopg_pool import ConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

WRITE, READ, ANALYTICS = "write", "read", "analytics"
SIZES = {WRITE: 10, READ: 20, ANALYTICS: 5}
_IDLE_S = 300.0


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """One pool at a moment. `waiting` counts those who wait for a connection; times are sums since the pool was opened."""

    name: str
    limit: int
    size: int
    idle: int
    waiting: int
    requests: int
    requests_waited: int
    waited_ms: int
    errors: int

    @property
    def utilisation(self) -> float:
        """The share of the connections that may be opened which are in use, 0..1."""
        return (self.size - self.idle) / self.limit


class Pools:
    """The three pools of one database; each is opened when it is first asked for a connection."""

    def __init__(
        self,
        url: str,
        *,
        read_url: str = "",
        configure: Callable[..., None],
        wait_s: float,
        sizes: dict[str, int] | None = None,
    ) -> None:
        """`read_url` is where searches go, to a replica for example. Who waits longer than `wait_s` for a connection gets an error."""
        self._urls = {WRITE: url, READ: read_url or url, ANALYTICS: read_url or url}
        self._configure = configure
        self._wait_s = wait_s
        self._sizes = sizes or SIZES
        self._pools: dict[str, ConnectionPool[Connection[Any]]] = {}
        self._lock = threading.Lock()

    def pool(self, name: str) -> ConnectionPool[Connection[Any]]:
        """Return the pool of that name, open."""
        with self._lock:
            if name not in self._pools:
                self._pools[name] = ConnectionPool(
                    self._urls[name],
                    min_size=0,
                    max_size=self._sizes[name],
                    kwargs={"autocommit": True, "application_name": f"codetriever {name}"},
                    configure=partial(self._configure, pool=name),
                    timeout=self._wait_s,
                    max_idle=_IDLE_S,
                    name=name,
                    open=True,
                )
            return self._pools[name]

    def statistics(self) -> tuple[PoolStatistics, ...]:
        """Return how busy each pool is."""
        return tuple(self._statistics(name) for name in SIZES)

    def _statistics(self, name: str) -> PoolStatistics:
        pool = self._pools.get(name)
        found = pool.get_stats() if pool is not None else {}
        return PoolStatistics(
            name=name,
            limit=self._sizes[name],
            size=found.get("pool_size", 0),
            idle=found.get("pool_available", 0),
            waiting=found.get("requests_waiting", 0),
            requests=found.get("requests_num", 0),
            requests_waited=found.get("requests_queued", 0),
            waited_ms=found.get("requests_wait_ms", 0),
            errors=found.get("requests_errors", 0) + found.get("connections_errors", 0),
        )

    def close(self) -> None:
        """Close every connection; those in use are closed when they are given back."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()
