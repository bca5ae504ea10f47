"""When are vectors found by a graph instead of being compared one by one?

A graph (HNSW: Malkov and Yashunin, 2016) answers a question about a million vectors as fast as one about a hundred thousand, but adding to
it is slow, and it misses some. So a repository gets one, for itself alone, when a branch has more chunks than can be compared while
somebody waits, and only after they were written. Its filters are applied while it is walked, on and on until there are enough.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from psycopg import sql

from codetriever.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import Connection

# Compared one by one. Of 50,000 a graph finds the 500 nearest no faster, of 100,000 in less than half the time (bench/database.py); of the
# ten nearest it then finds 86 % for vectors that are like nothing stored, and all for those that are like something.
SCANNED_CHUNKS = 2_000_000
_LARGEST_EF = 1000  # what pgvector allows
_MEMORY = "256MB"


def graph_name(scope: Mapping[str, Any]) -> str:
    """Return what the graph of a repository and a model is called."""
    return f"vectors_near_{scope['repository']}_{zlib.crc32(str(scope['model']).encode()):08x}"


def has_graph(connection: Connection[Any], scope: Mapping[str, Any]) -> bool:
    """Say whether there is a graph, whole."""
    row = connection.execute(query("graph_state"), {"name": graph_name(scope)}).fetchone()
    return row is not None and bool(row[0])


def build_graph(connection: Connection[Any], scope: Mapping[str, Any]) -> None:
    """Make the graph unless it is there; writers go on meanwhile. The connection is in autocommit mode, outside a transaction."""
    if has_graph(connection, scope):
        return
    name = sql.Identifier(graph_name(scope))
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))  # one whose making was interrupted
    connection.execute(f"SET maintenance_work_mem = '{_MEMORY}'".encode())
    try:
        connection.execute(
            sql.SQL(
                "CREATE INDEX CONCURRENTLY {} ON vectors USING hnsw ((dense::halfvec({})) halfvec_cosine_ops)"
                " WHERE tenant_id = {}::uuid AND repository_id = {} AND model = {}"
            ).format(name, *(sql.Literal(scope[part]) for part in ("dimensions", "tenant", "repository", "model")))
        )
    finally:
        connection.execute("RESET maintenance_work_mem")


def walk_graph(connection: Connection[Any], limit: int) -> None:
    """Have this transaction's questions walk graphs until `limit` chunks pass the filters, in exact order."""
    connection.execute(f"SET LOCAL hnsw.iterative_scan = strict_order; SET LOCAL hnsw.ef_search = {min(2 * limit, _LARGEST_EF)}".encode())


def by_graph(name: str, dimensions: int) -> str:
    """Return a question about vectors in the words of the graph, which has to know their width."""
    return query(name).replace("dense <=> %(vector)s::halfvec", f"(dense::halfvec({dimensions})) <=> %(vector)s::halfvec({dimensions})")
