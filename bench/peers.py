"""How fast, and in how much memory, beside a peer? peers.py CHECKOUTS --peer-python PYTHON --peer-model FOLDER [--annotations FOLDER]

Runs both tools in one run on the same checkouts, as whole programs: wall time from start to exit, memory as the highest sum of
proportional set sizes over all their processes, sampled four times a second. Every file is read once before, so that both find the
same warm page cache. Parts:

  index       cold index of every checkout, each tool with its own choice of files
  restricted  the same over copies that hold only the files which the peer chooses
  command     search from the command line, index in place, on the checkouts of 3,000 to 10,000 files; and --help
  change      one file changed to the refreshed answer, on the same checkouts
  process     warm search in one process over the annotated questions, on full checkouts (needs --annotations): each is asked
              three times, in turn with the others, and its median counts; `first_ms` is the first time

Prints a table for each, writes results/peers.json and plots. Run it with the Python of an environment that the built wheel was
installed into: from a source tree whose modules were never compiled, every command pays for compiling them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quality import category
from report import MIB, RESULTS, folder_bytes, keep, percentile, plot_bars, run_tree, table, time_command
from tools import Tool, add_tool_options, chosen_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PARTS = ("index", "restricted", "command", "change", "process")
ROUNDS = 3  # of the questions in `process`: a single time on a shared machine says little
LARGE_FILES = range(3_000, 10_001)
QUESTIONS = ("where is the connection pool closed", "parse the date header", "how are errors turned into responses", "Builder", "timeout")
SEARCHES = 5
CHANGES = 3
SOURCE_SUFFIXES = {
    ".py",
    ".js",
    ".ts",
    ".go",
    ".rs",
    ".java",
    ".kt",
    ".c",
    ".h",
    ".cpp",
    ".cs",
    ".rb",
    ".php",
    ".swift",
    ".ex",
    ".hs",
    ".lua",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, help="a folder of checkouts")
    parser.add_argument("--annotations", type=Path, help="folder with annotations/NAME.json, for the questions of `process`")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; repeatable")
    parser.add_argument("--repo", action="append", help="only this checkout; repeatable")
    parser.add_argument("--name", default="peers", help="name of the file of results")
    add_tool_options(parser)
    options = parser.parse_args()
    roots = [root for root in sorted(options.checkouts.iterdir()) if root.is_dir() and (not options.repo or root.name in options.repo)]
    tools = chosen_tools(options)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="codetriever-peers-") as folder:
        stores = Path(folder) / "stores"
        measures: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "index": lambda: index_all(tools, roots, stores),
            "restricted": lambda: restricted(tools, roots, stores, Path(folder) / "copies"),
            "command": lambda: command_line(tools, large(roots), stores),
            "change": lambda: change_one_file(tools, large(roots), Path(folder) / "changed"),
            "process": lambda: in_process(tools, roots, stores, options.annotations),
        }
        for part in options.part or PARTS:
            results[part] = measures[part]()
            results[f"{part} summary"] = summary = SUMMARIES[part](results[part])
            print(f"\n{part}\n{table(results[part])}\n\n{table(summary)}", flush=True)
            plot(part, summary, options.name)
            kept = keep(options.name, results)
    print(f"\nkept in {kept}")


def index_all(tools: list[Tool], roots: Iterable[Path], stores: Path, *, label: str = "") -> list[dict[str, Any]]:
    """Cold index of every checkout by every tool; the indexes stay under `stores`/TOOL/CHECKOUT."""
    rows = []
    for root in roots:
        read_once(root)
        for tool in tools:
            store = stores / (tool.name + label) / root.name
            shutil.rmtree(store, ignore_errors=True)
            used = run_tree(tool.index_command(root), env=tool.env(store))
            if used.exit_code and not (used.exit_code == 2 and folder_bytes(store)):  # 2 with an index: some file could not be analysed
                raise RuntimeError(f"{tool.name} cannot index {root.name}: {used.stderr[-500:]}")
            row = {"checkout": root.name, "tool": tool.name, "seconds": used.wall_s, "cpu_s": used.cpu_s, "peak_mib": used.peak_bytes / MIB}
            rows.append(row | {"disk_mib": folder_bytes(store) / MIB, "exit": used.exit_code})
    return rows


def restricted(tools: list[Tool], roots: Iterable[Path], stores: Path, copies: Path) -> list[dict[str, Any]]:
    """Cold index of copies that hold only what the peer indexes of each checkout."""
    peer = next((tool for tool in tools if tool.ask != "codetriever"), None)
    if peer is None:
        return []
    copied = []
    for root in roots:
        store = stores / peer.name / root.name
        if peer.indexed_paths(store) is None:
            run_tree(peer.index_command(root), env=peer.env(store))
        for path in peer.indexed_paths(store) or ():
            target = copies / root.name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / path, target)
        copied.append(copies / root.name)
    return index_all(tools, copied, stores, label="-restricted")


def command_line(tools: list[Tool], roots: list[Path], stores: Path) -> list[dict[str, Any]]:
    """Time and memory of whole search commands, index in place and nothing changed; and of --help."""
    rows = []
    for tool in tools:
        help_s = statistics.median(time_command(tool.help_command()) for _ in range(SEARCHES))
        for root in roots:
            store = stores / tool.name / root.name
            if not store.exists():
                index_all([tool], [root], stores)
            env = tool.env(store)
            time_command(tool.search_command(QUESTIONS[0], root), env=env)
            walls = [time_command(tool.search_command(query, root), env=env) for query in QUESTIONS for _ in range(2)]
            used = run_tree(tool.search_command(QUESTIONS[0], root), env=env, sample_every_s=0.02)
            row = {"checkout": root.name, "tool": tool.name, "median_s": statistics.median(walls), "slowest_s": max(walls)}
            row["cpu_s"] = used.cpu_s
            rows.append(row | {"peak_mib": used.peak_bytes / MIB, "help_s": help_s})
    return rows


def change_one_file(tools: list[Tool], roots: list[Path], copies: Path) -> list[dict[str, Any]]:
    """Time of the search command that is the first after one file of a copy was changed, and whether it found the change."""
    rows = []
    for root in roots:
        for tool in tools:
            copy = copies / tool.name / root.name
            shutil.copytree(root, copy, symlinks=True)
            index_all([tool], [copy], copies / "stores")
            env = tool.env(copies / "stores" / tool.name / root.name)
            walls, cpu_s, found = [], [], 0
            for number, path in enumerate(middle_files(copy, CHANGES)):
                word = f"zyxquartz{number}lantern"
                path.write_bytes(path.read_bytes() + f"\nint {word} = {number};\n".encode())
                used = run_tree(tool.search_command(word, copy), env=env)
                walls.append(used.wall_s)
                cpu_s.append(used.cpu_s)
                found += path.name in used.stdout
            row = {"checkout": root.name, "tool": tool.name, "median_s": statistics.median(walls), "slowest_s": max(walls)}
            rows.append(row | {"cpu_s": statistics.median(cpu_s), "found": f"{found} of {len(walls)}"})
            shutil.rmtree(copy)
    return rows


def in_process(tools: list[Tool], roots: Iterable[Path], stores: Path, annotations: Path | None) -> list[dict[str, Any]]:
    """Warm latencies of the annotated questions by kind, on full checkouts, one process for each tool and checkout."""
    if annotations is None:
        raise SystemExit("the part `process` needs --annotations")
    rows = []
    for root in roots:
        items = json.loads((annotations / "annotations" / f"{root.name}.json").read_text())
        for tool in tools:
            store = stores / tool.name / root.name
            if not store.exists():
                index_all([tool], [root], stores)
            answered = tool.answer(root, store, [item["query"] for item in items], rounds=ROUNDS)
            kinds: dict[str, list[float]] = {}
            for item, latency_ms in zip(items, answered["latencies_ms"], strict=True):
                kinds.setdefault(category(item), []).append(latency_ms)
            row = {"checkout": root.name, "tool": tool.name, "open_s": answered["open_s"]}
            row["first_ms"] = statistics.median(answered["first_ms"])
            row["median_ms"] = statistics.median(answered["latencies_ms"])
            row["median_cpu_ms"] = statistics.median(answered["cpu_ms"])
            row["p90_ms"] = percentile(answered["latencies_ms"], 0.9)
            rows.append(row | {f"{kind}_ms": statistics.median(values) for kind, values in sorted(kinds.items())})
    return rows


def sum_of_indexing(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Time and disk summed over checkouts, the highest peak of all."""
    lines = [
        {
            "tool": tool,
            "seconds": sum(row["seconds"] for row in chosen),
            "cpu_s": sum(row["cpu_s"] for row in chosen),
            "peak_mib": max(row["peak_mib"] for row in chosen),
            "median_peak_mib": statistics.median(row["peak_mib"] for row in chosen),
            "disk_mib": sum(row["disk_mib"] for row in chosen),
        }
        for tool, chosen in by_tool(rows)
    ]
    return beside_peer(lines)


def median_of_commands(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The median over checkouts of each number."""
    lines = []
    for tool, chosen in by_tool(rows):
        names = [name for name, value in chosen[0].items() if isinstance(value, float)]
        lines.append({"tool": tool, **{name: statistics.median(row[name] for row in chosen if name in row) for name in names}})
    return beside_peer(lines)


SUMMARIES: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "index": sum_of_indexing,
    "restricted": sum_of_indexing,
    "command": median_of_commands,
    "change": median_of_commands,
    "process": median_of_commands,
}


def by_tool(rows: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The rows of each tool, in the order in which tools first occur."""
    return [(tool, [row for row in rows if row["tool"] == tool]) for tool in dict.fromkeys(row["tool"] for row in rows)]


def beside_peer(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of two tools, and a third: how many times more the second takes than the first."""
    if len(lines) != 2:
        return lines
    first, second = lines
    ratios = {name: second[name] / first[name] for name in first if isinstance(first[name], float) and name in second and first[name]}
    return [*lines, {"tool": "times", **ratios}]


def plot(part: str, summary: list[dict[str, Any]], name: str) -> None:
    """One bar per tool of what the part is about."""
    measure, unit = ("seconds", "s") if part in ("index", "restricted") else ("median_ms", "ms") if part == "process" else ("median_s", "s")
    bars = {line["tool"]: line[measure] for line in summary if line["tool"] != "times"}
    titles = {"index": "Cold index, all checkouts", "restricted": "Cold index, same files", "command": "Search from the command line"}
    titles |= {"change": "One changed file to the refreshed answer", "process": "Search in process, warm, median"}
    plot_bars(RESULTS / f"{name}-{part}.svg", titles[part], bars, unit=unit)


def large(roots: Iterable[Path]) -> list[Path]:
    """The checkouts of 3,000 to 10,000 files."""
    return [root for root in roots if sum(1 for path in root.rglob("*") if path.is_file()) in LARGE_FILES]


def middle_files(root: Path, count: int) -> list[Path]:
    """Source files of middling size that are no tests, evenly chosen from the sorted list."""
    sources = [path for path in sorted(root.rglob("*")) if path.suffix in SOURCE_SUFFIXES and "test" not in str(path).casefold()]
    files = [path for path in sources if 2_000 < path.stat().st_size < 50_000]
    return files[len(files) // (2 * count) :: max(1, len(files) // count)][:count]


def read_once(root: Path) -> None:
    """Bring a checkout into the page cache."""
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.read_bytes()


if __name__ == "__main__":
    main()
