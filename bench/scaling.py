"""What does a database take for each chunk, and a search for each answer? scaling.py CHECKOUT... [--each N] [--database-url URL]

Indexes the checkouts into a database, then asks each of them questions made of its paths in one process. Prints the coefficients from which
docs/scaling.md reckons machines, and writes results/scaling.json:

  tables    bytes for each chunk by table, indexes included, and for each byte of text
  indexing  processor seconds for each MB of text, of the client and of the server
  search    processor milliseconds of client and server for each answer, and its memory for each chunk
"""

from __future__ import annotations

import argparse
import random
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import codetriever
from codetriever.store.postgres.database import DEFAULT_TENANT, Database
from database import served
from report import MIB, keep, percentile, proportional_set_bytes, table
from server_indexing import server_session

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLES = """
SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
WHERE relname IN ('indexed_files', 'blobs', 'chunk_metadata', 'vectors', 'symbols', 'postings') ORDER BY relname
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--each", type=int, default=100, help="questions for each checkout")
    parser.add_argument("--database-url", default="", help="an empty database to use")
    options = parser.parse_args()
    results: dict[str, Any] = {"indexing": [], "search": []}
    with served(options.database_url) as url, Database(url) as database, codetriever.connect(url) as connection:
        database.migrate()
        server = server_session(url)
        for root in map(Path.resolve, options.checkouts):
            results["indexing"].append(index(connection, root, server))
        for root in map(Path.resolve, options.checkouts):
            results["search"].append(search(connection, root, server, options.each))
        results["tables"] = tables(database, results["indexing"])
    for rows in results.values():
        print(f"{table(rows)}\n")
    print(keep("scaling", results))


def index(connection: codetriever.Connection, root: Path, server: int) -> dict[str, Any]:
    before, server_before, started = own_cpu_s(), server_cpu_s(server), time.perf_counter()
    with connection.open(root) as opened:
        report = opened.refresh(confirm=lambda reason: True)
    mb = report.text_bytes / 1e6
    return {
        "checkout": root.name,
        "chunks": report.chunks,
        "text_mb": mb,
        "wall_s": time.perf_counter() - started,
        "client_s_per_mb": (own_cpu_s() - before) / mb,
        "server_s_per_mb": (server_cpu_s(server) - server_before) / mb,
    }


def search(connection: codetriever.Connection, root: Path, server: int, count: int) -> dict[str, Any]:
    """Ask the questions twice: what the first round reads into memory, the second has."""
    memory = psutil.Process()
    with connection.open(root) as opened:
        before = proportional_set_bytes(memory.pid)
        questions = ask_for(root, count)
        chunks = opened.status()["repositories"][0]["views"][0]["chunks"]
        for question in questions:
            opened.search(question)
        client, server_before, walls = own_cpu_s(), server_cpu_s(server), []
        for question in questions:
            started = time.perf_counter()
            opened.search(question)
            walls.append((time.perf_counter() - started) * 1e3)
        client, spent = own_cpu_s() - client, server_cpu_s(server) - server_before
        after = proportional_set_bytes(memory.pid)
    return {
        "checkout": root.name,
        "chunks": chunks,
        "p50_ms": percentile(walls, 0.5),
        "p95_ms": percentile(walls, 0.95),
        "client_ms": 1e3 * client / len(questions),
        "server_ms": 1e3 * spent / len(questions),
        "client_bytes_per_chunk": (after - before) / chunks,
    }


def ask_for(root: Path, count: int) -> list[str]:
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    chosen = random.Random(1).sample(paths, min(count, len(paths)))
    return [f"how does {' '.join(re.findall(r'[A-Za-z]{3,}', path)[-4:])} work" for path in chosen]


def tables(database: Database, indexed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    chunks, text = sum(row["chunks"] for row in indexed), 1e6 * sum(row["text_mb"] for row in indexed)
    with database.reading(DEFAULT_TENANT) as connection:
        rows = connection.execute(TABLES).fetchall()
    rows.append(("together", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    return [
        {
            "table": name,
            "mib": (rows_bytes + index_bytes) / MIB,
            "bytes_per_chunk": (rows_bytes + index_bytes) / chunks,
            "of_them_indexes": index_bytes / chunks,
            "per_byte_of_text": (rows_bytes + index_bytes) / text,
        }
        for name, rows_bytes, index_bytes in rows
    ]


def own_cpu_s() -> float:
    """Processor seconds of this process and of the parser processes that have ended."""
    times = psutil.Process().cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def server_cpu_s(server: int) -> float:
    """Processor seconds of a server of this machine, ended backends included; 0 of another one."""
    if not server:
        return 0.0
    processes = [psutil.Process(server), *psutil.Process(server).children()]
    own = [process.cpu_times() for process in processes if process.is_running()]
    return sum(one.user + one.system for one in own) + own[0].children_user + own[0].children_system


if __name__ == "__main__":
    main()
