"""When are vectors found by a graph instead of by their signs?

A graph (HNSW: Malkov and Yashunin, 2016) answers a question about a million vectors as fast as one about a hundred thousand, but making
it takes longer than writing them, and adding to it is slow. So a very large repository gets one, for itself alone, when it is compacted;
signs answer until then. Its filters are applied while it is walked, on and on until there are enough.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from psycopg import sql

from codetriever.store.postgres.database import transaction
from codetriever.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import Connection

# Of 100,000 chunks a scan of the signs finds the nearest in 25 ms, of a million in 270 ms when their vectors are not in memory.
SCANNED_CHUNKS = 250_000
_LARGEST_EF = 1000  # what pgvector allows
_BYTES_PER_VECTOR = 1300  # of a graph that is being made, of 256 numbers each; what does not fit is added ten times as slowly
_MOST_BYTES = 2 << 30


def graph_name(scope: Mapping[str, Any]) -> str:
    """Return what the graph of a repository and a model is called."""
    return f"vectors_near_{scope['repository']}_{zlib.crc32(str(scope['model']).encode()):08x}"


def has_graph(connection: Connection[Any], scope: Mapping[str, Any]) -> bool:
    """Say whether there is a graph, whole."""
    row = connection.execute(query("graph_state"), {"name": graph_name(scope)}).fetchone()
    return row is not None and bool(row[0])


def build_graphs(connection: Connection[Any], scope: Mapping[str, Any]) -> None:
    """Make the graphs of a repository that is large enough; writers go on meanwhile. The connection is outside a transaction."""
    with transaction(connection, scope["tenant"]):
        found = connection.execute(query("models_for_graphs"), {**scope, "most": SCANNED_CHUNKS}, binary=True).fetchall()
    for model, dimensions, count in found:
        _build_graph(connection, {**scope, "model": model, "dimensions": dimensions}, count)


def _build_graph(connection: Connection[Any], scope: Mapping[str, Any], count: int) -> None:
    if has_graph(connection, scope):
        return
    name = sql.Identifier(graph_name(scope))
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))  # one whose making was interrupted
    memory = min(count * _BYTES_PER_VECTOR, _MOST_BYTES)
    connection.execute(f"SET maintenance_work_mem = '{max(memory >> 20, 64)}MB'".encode())
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
