"""How fast are answers, by kind of question and size of index? search.py CHECKOUT... [--store FOLDER] [--each N]

Indexes each checkout as a whole program (time, memory, chunks, disk), then asks it from the command line (whole process: time and
memory) and in one warm process (percentiles by kind). The questions are drawn from the checkout itself, the same for the same seed:

  symbol   the name of something it defines
  words    a question in words, made from the names of two definitions of one file
  literal  a line of code in quotes
  path     the words of a file's path

Prints three tables, writes results/search.json and a plot.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import codetriever
from codetriever.errors import PathNotFound
from report import MIB, RESULTS, folder_bytes, keep, percentile, plot_bars, run_tree, table, time_command
from tools import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KINDS = ("symbol", "words", "literal", "path")
COMMANDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--store", type=Path, help="keep the indexes here; one that is there already is brought up to date")
    parser.add_argument("--each", type=int, default=50, help="questions of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="search", help="name of the file of results")
    options = parser.parse_args()
    tool = Tool("codetriever", Path(sys.executable), "codetriever")
    indexed, commands, latencies = [], [], []
    with tempfile.TemporaryDirectory(prefix="codetriever-search-") as folder:
        for root in options.checkouts:
            store = (options.store or Path(folder)) / root.name
            indexed.append(index(tool, root, store))
            questions = ask_for(root, store, options.each, random.Random(options.seed))
            size = {"checkout": root.name, "chunks": indexed[-1]["chunks"]}
            commands.append(size | from_command_line(tool, root, store, questions))
            latencies += [size | row for row in in_process(tool, root, store, questions)]
    for rows in (indexed, commands, latencies):
        print(f"\n{table(rows)}")
    bars = {f"{row['kind']}, {row['chunks']:,} chunks": row["p50_ms"] for row in latencies}
    plot_bars(RESULTS / f"{options.name}.svg", "Warm search in one process, median", bars, unit="ms")
    print(f"\nkept in {keep(options.name, {'index': indexed, 'command': commands, 'process': latencies})}")


def index(tool: Tool, root: Path, store: Path) -> dict[str, Any]:
    """Index (or refresh) as a program; what it took and what came of it."""
    fresh = not store.exists()
    used = run_tree([*tool.index_command(root), "--yes"], env=tool.env(store))
    if used.exit_code:
        raise RuntimeError(f"{root.name}: {used.stderr[-500:]}")
    with codetriever.open(root, store=store) as opened:
        view = opened.status()["repositories"][0]["views"][0]
    row = {"checkout": root.name, "cold": str(fresh), "seconds": used.wall_s, "cpu_s": used.cpu_s, "peak_mib": used.peak_bytes / MIB}
    row |= {"files": view["files"], "chunks": view["chunks"], "text_mib": view["text_bytes"] / MIB}
    disk_mib = folder_bytes(store) / MIB
    return row | {"disk_mib": disk_mib, "disk_to_text": disk_mib / row["text_mib"] if row["text_mib"] else 0.0}


def ask_for(root: Path, store: Path, count: int, chance: random.Random) -> dict[str, list[str]]:
    """Questions of each kind about what the index holds."""
    questions: dict[str, list[str]] = {kind: [] for kind in KINDS}
    paths = sorted(path for path in root.rglob("*") if path.is_file() and 500 < path.stat().st_size < 100_000)
    with codetriever.open(root, store=store) as opened:
        for path in chance.sample(paths, min(len(paths), 20 * count)):
            if len(questions["symbol"]) >= count:
                break
            relative = path.relative_to(root).as_posix()
            try:
                names = [found.name for file in opened.outline(relative).files for found in file.definitions if len(found.name) > 3]
            except PathNotFound:
                continue
            for kind, question in draw(path, relative, names, chance):
                questions[kind].append(question)
    return questions


def draw(path: Path, relative: str, names: Sequence[str], chance: random.Random) -> Iterator[tuple[str, str]]:
    """One question of each kind from a file that defines something and has a line worth quoting."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines()]
    quotable = [line for line in lines if 15 < len(line) < 80 and '"' not in line and re.search(r"\w\W+\w", line)]
    if not names or not quotable:
        return
    yield "symbol", chance.choice(names)
    yield "words", "how does " + " ".join(re.findall(r"[A-Z]?[a-z]+", f"{chance.choice(names)} and {chance.choice(names)}")).lower()
    yield "literal", f'"{chance.choice(quotable)}"'
    yield "path", " ".join(re.findall(r"\w+", relative)[-4:])


def from_command_line(tool: Tool, root: Path, store: Path, questions: dict[str, list[str]]) -> dict[str, Any]:
    """Wall time and memory of whole search commands, nothing having changed since the index was made."""
    env = tool.env(store)
    asked = [questions[kind][number] for number in range(COMMANDS) for kind in KINDS if number < len(questions[kind])]
    walls = [time_command(tool.search_command(query, root), env=env) for query in asked]
    used = [run_tree(tool.search_command(query, root), env=env, sample_every_s=0.02) for query in asked[: len(KINDS)]]
    row: dict[str, Any] = {"median_s": statistics.median(walls), "slowest_s": max(walls)}
    return row | {"cpu_s": statistics.median(one.cpu_s for one in used), "peak_mib": max(one.peak_bytes for one in used) / MIB}


def in_process(tool: Tool, root: Path, store: Path, questions: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Percentiles of warm latencies, one row per kind, and the memory of the process that answered them all."""
    flat = [(kind, query) for kind in KINDS for query in questions[kind]]
    answered = tool.answer(root, store, [query for _, query in flat])
    rows = []
    for kind in KINDS:
        times = [latency for (asked, _), latency in zip(flat, answered["latencies_ms"], strict=True) if asked == kind]
        empty = sum(1 for (asked, _), places in zip(flat, answered["places"], strict=True) if asked == kind and not places)
        if times:
            row = {"kind": kind, "questions": len(times), "p50_ms": percentile(times, 0.5), "p90_ms": percentile(times, 0.9)}
            rows.append(row | {"p99_ms": percentile(times, 0.99), "slowest_ms": max(times), "without_hits": empty})
    return rows


if __name__ == "__main__":
    main()
