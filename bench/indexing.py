"""How fast, and in how much memory, is a repository indexed? indexing.py CHECKOUT... [--growth N...] [--plot]

  cold     the whole program on an empty store, start to exit: MB/s, files and lines a minute, memory of the process tree, size on disk
  steps    where the processor time of analysis goes, in one process
  again    nothing changed, one file changed, in one process
  growth   generated corpora of N files: does memory stay flat?
  copies   bytes that stay allocated per chunk: objects with a text and a list each (what the review complains of) against columns

Prints a table for each and writes results/indexing.json. Memory is the highest sum of proportional set sizes over all processes,
sampled four times a second.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import codetriever
from codetriever.chunking import cut
from codetriever.corpus.git import locate
from codetriever.corpus.read import Content, read_file
from codetriever.corpus.walk import list_files
from codetriever.embedding.static import StaticEmbedder, load_static
from codetriever.indexing.analysis import analyse
from codetriever.indexing.intake import classified
from codetriever.indexing.messages import RawBlob
from codetriever.indexing.streaming import batches
from report import MIB, folder_bytes, keep, plot_bars, run_tree, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = ("cold", "steps", "again", "growth", "copies")
MAX_BYTES = 2 * MIB
STEPS_BYTES = 8 * MIB
WORDS = "open read close parse token session buffer server client index count value result error handle update create remove".split()


def cold(root: Path) -> dict[str, Any]:
    """Index from nothing by the command line."""
    with tempfile.TemporaryDirectory() as store:
        used = run_tree([sys.executable, "-m", "codetriever", "index", str(root), "--json", "--yes"], env={"CODETRIEVER_STORE": store})
        if used.exit_code == 1 or not used.stdout:
            raise SystemExit(used.stderr)
        with codetriever.open(root, store=store) as index:
            view = index.status()["repositories"][0]["views"][0]
        disk_bytes = folder_bytes(Path(store))
    lines = sum(content.data.count(b"\n") for content in contents(root))
    return {
        "checkout": root.name,
        "files": view["files"],
        "text_mb": view["text_bytes"] / 1e6,
        "chunks": view["chunks"],
        "wall_s": used.wall_s,
        "cpu_s": used.cpu_s,
        "mb_per_s": view["text_bytes"] / 1e6 / used.wall_s,
        "mb_per_cpu_s": view["text_bytes"] / 1e6 / used.cpu_s,
        "files_per_min": view["files"] / used.wall_s * 60,
        "lines_per_min": lines / used.wall_s * 60,
        "peak_mib": used.peak_bytes / MIB,
        "disk_per_text": disk_bytes / view["text_bytes"],
    }


def contents(root: Path) -> list[Content]:
    """Every file of a checkout that would be indexed."""
    read = (read_file(root, path, max_bytes=MAX_BYTES) for path in list_files(locate(root)).paths)
    return [one for one in read if isinstance(one, Content)]


def some_blobs(root: Path) -> list[RawBlob]:
    """A random part of a checkout, large enough to time."""
    chosen, size_bytes = [], 0
    for content in random.Random(0).sample(found := contents(root), len(found)):
        if size_bytes < STEPS_BYTES:
            chosen.append(RawBlob(content.digest, classified(content)[0], content.data, content.path))
            size_bytes += len(content.data)
    return chosen


def steps(root: Path, embedder: StaticEmbedder) -> dict[str, Any]:
    """Seconds of processor time per MB in each step of analysis."""
    blobs = some_blobs(root)
    analyse(blobs[:20], embedder)
    taken: dict[str, float] = {}
    started = time.thread_time()
    for batch in batches(blobs):
        for step, seconds in analyse(batch, embedder).seconds.items():
            taken[step] = taken.get(step, 0.0) + seconds
    total_s = time.thread_time() - started
    size_mb = sum(len(blob.data) for blob in blobs) / 1e6
    return {
        "checkout": root.name,
        "mb": size_mb,
        "mb_per_cpu_s": size_mb / total_s,
        **{f"{step}_ms_per_mb": s / size_mb * 1e3 for step, s in taken.items()},
    }


def again(root: Path) -> dict[str, Any]:
    """Refresh an index that is in place: as it is, and after one small file was added, changed, and removed again."""
    with tempfile.TemporaryDirectory() as store, codetriever.open(root, store=store) as index:
        index.refresh(confirm=lambda reason: True)
        time.sleep(2.5)  # until the times of files can be trusted
        index.refresh()
        unchanged = [timed(index) for _ in range(5)]
        added = root / "codetriever_bench_added.py"
        try:
            changed = []
            for number in range(5):
                added.write_text(f"def added():\n    return {number}\n")
                changed.append(timed(index))
        finally:
            added.unlink(missing_ok=True)
        return {"checkout": root.name, "unchanged_ms": statistics.median(unchanged), "one_changed_file_ms": statistics.median(changed)}


def timed(index: codetriever.Index) -> float:
    started = time.perf_counter()
    index.refresh()
    return (time.perf_counter() - started) * 1e3


def growth(files: int) -> dict[str, Any]:
    """Index a generated corpus of so many files."""
    with generated(files) as root:
        row = cold(root)
    return {name: row[name] for name in ("files", "text_mb", "chunks", "wall_s", "files_per_min", "peak_mib")}


@contextmanager
def generated(files: int) -> Iterator[Path]:
    """Give a folder of so many files of some 2 kB, all different."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, f"generated-{files}")
        chance = random.Random(files)
        for number in range(files):
            path = root / f"part_{number // 1000}" / f"module_{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n\n".join(function(chance, number, part) for part in range(10)))
        yield root


def function(chance: random.Random, number: int, part: int) -> str:
    name = "_".join(chance.choices(WORDS, k=3))
    body = "\n".join(f"    {a} = {b}({c}, {chance.randrange(10_000)})" for a, b, c in (chance.choices(WORDS, k=3) for _ in range(5)))
    return f"def {name}_{number}_{part}(value):\n    '''{' '.join(chance.choices(WORDS, k=8))}.'''\n{body}\n    return value"


@dataclass
class NaiveChunk:
    """What the review complains of: each chunk an object of its own, with a copy of its text and a list of numbers."""

    text: str
    path: str
    start_line: int
    end_line: int
    vector: list[float]


def copies(root: Path, embedder: StaticEmbedder) -> list[dict[str, Any]]:
    """Compare what stays allocated per chunk."""
    blobs = some_blobs(root)[:300]

    def naive() -> list[NaiveChunk]:
        made = []
        for blob in blobs:
            for chunk in cut(blob.data, blob.language).chunks:
                text = blob.data[chunk.byte_start : chunk.byte_end].decode("utf-8", "replace")
                vector = embedder.embed([text])[0].tolist()
                made.append(NaiveChunk(text, blob.path, chunk.start_line, chunk.end_line, vector))
        return made

    rows = []
    for name, make in (
        ("objects, copied texts, lists", naive),
        ("columns, spans, one matrix", lambda: [analyse(batch, embedder) for batch in batches(blobs)]),
    ):
        make()
        tracemalloc.start()
        made = make()
        kept_bytes, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        count = len(made) if isinstance(made[0], NaiveChunk) else sum(len(analysis.blobs.names) for analysis in made)
        rows.append(
            {"variant": name, "chunks": count, "kept_bytes_per_chunk": kept_bytes / count, "peak_bytes_per_chunk": peak_bytes / count}
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (repeatable)")
    parser.add_argument("--growth", type=int, nargs="*", default=[1_000, 10_000], help="sizes of the generated corpora, in files")
    parser.add_argument("--plot", action="store_true", help="write a bar chart of the speeds as well")
    options = parser.parse_args()
    roots = [root.resolve() for root in options.checkouts]
    embedder = load_static()
    measure = {
        "cold": lambda: [cold(root) for root in roots],
        "steps": lambda: [steps(root, embedder) for root in roots],
        "again": lambda: [again(root) for root in roots],
        "growth": lambda: [growth(files) for files in options.growth],
        "copies": lambda: copies(roots[0], embedder),
    }
    results: dict[str, Any] = {}
    for part in options.part or PARTS:
        results[part] = measure[part]()
        print(f"{part}\n{table(results[part])}\n", flush=True)
    print(keep("indexing", results))
    if options.plot and "cold" in results:
        print(
            plot_bars(
                Path(__file__).parent / "results" / "indexing.svg",
                "Indexed text, cold",
                {row["checkout"]: row["mb_per_s"] for row in results["cold"]},
                unit="MB/s",
            )
        )


if __name__ == "__main__":
    main()
