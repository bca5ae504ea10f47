"""How much does an agent read before it has what it asked for? tokens.py [CHECKOUTS ANNOTATIONS] [--commits QUESTIONS] [--peer-python ...]

Asks every question once, as an agent's first call does, and reads the answer from its top as its server sends it: headings, marks and
JSON with its escapes included. A token is four characters, for every tool. The questions are those of quality.py. Three counts:

  named   tokens until the first result that covers what is wanted, with its text
  read    the same, and the lines of that result as they are in the file when the wanted ones are not among those that it shows
  answer  the whole answer, which is what it costs to have asked

What is wanted is a file, or lines of it where a question names lines. Nothing of it among the results is a miss, and counts 16,000
in `named` and `read`; nothing more than that is counted.

The peer is asked in three ways: as it answers unless told otherwise (5 results, their first 10 lines), for 10 such results, and for 10
whole ones. As in quality.py its word index with its ranking answers, and --peer-tool semble asks all of it where its model is at hand.
Prints tables, writes results/tokens.json and a plot for each set of questions.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codetriever.evaluation.measures import CHARACTERS_PER_TOKEN
from codetriever.evaluation.questions import load_questions
from quality import covers
from report import RESULTS, keep, plot_bars, table
from tools import add_tool_options, chosen_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools import Tool

MISS_TOKENS = 16_000.0
MEASURES = ("named", "read", "answer")
WAYS = (("", {}), (", 10 results", {"ASK_RESULTS": "10"}), (", 10 whole results", {"ASK_RESULTS": "10", "ASK_LINES": "0"}))


def main() -> None:
    options = read_options()
    tools = asked_tools(options)
    rows: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="codetriever-tokens-") as folder:
        for part, root, name, items in question_sets(options):
            for tool in tools:
                store = (options.store or Path(folder)) / tool.index / f"{part}-{name}"
                rows.setdefault(part, []).extend(measured(tool, root, store, name, items))
    if len(rows) > 1:
        rows["all"] = [row for found in rows.values() for row in found]
    summary = {
        part: [summarise(tool.name, [row for row in found if row["tool"] == tool.name]) for tool in tools] for part, found in rows.items()
    }
    for part, lines in summary.items():
        print(f"\n{part}\n{table(lines)}")
        bars = {f"{line['tool']}, {kind}": line[f"read_{kind}"] for kind in ("median", "mean") for line in lines}
        plot_bars(RESULTS / f"{options.name}-{part}.svg", f"tokens read until the answer, {part}", bars, unit="tokens")
    if options.rows:
        options.rows.write_text(json.dumps(rows, indent=1))
    print(f"\nkept in {keep(options.name, summary)}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="?")
    parser.add_argument("annotations", type=Path, nargs="?")
    parser.add_argument("--commits", type=Path, help="questions from commits, made by questions.py")
    parser.add_argument("--clones", type=Path, help="the clones they were made from; by default the folder that --commits lies in")
    parser.add_argument("--repo", action="append", help="only this repository; repeatable")
    parser.add_argument("--peer-tool", default="semble-lexical", help="how ask.py asks the peer")
    parser.add_argument("--store", type=Path, help="keep the indexes here, to be used again")
    parser.add_argument("--rows", type=Path, help="write what every single question cost to this file")
    parser.add_argument("--name", default="tokens", help="name of the file of results")
    add_tool_options(parser)
    return parser.parse_args()


def asked_tools(options: argparse.Namespace) -> list[Tool]:
    """The product's server and, where a peer is given, that in every way."""
    tools = []
    for tool in chosen_tools(options, peer=options.peer_tool):
        tool = replace(tool, ask=f"{tool.ask}-agent", index=tool.name)
        ways = WAYS if tool.name == options.peer_tool else WAYS[:1]
        tools += [replace(tool, name=tool.name + way, environment={**tool.environment, **more}) for way, more in ways]
    return tools


def question_sets(options: argparse.Namespace) -> Iterator[tuple[str, Path, str, list[tuple[str, list[dict[str, Any]]]]]]:
    """Yield for each repository the part it belongs to, its folder, its name, and its questions with what each wants."""
    if options.checkouts and options.annotations:
        for repository in json.loads((options.annotations / "repos.json").read_text()):
            root = options.checkouts / repository["name"] / (repository.get("benchmark_root") or ".")
            if root.is_dir() and (not options.repo or repository["name"] in options.repo):
                items = json.loads((options.annotations / "annotations" / f"{repository['name']}.json").read_text())
                yield "split", root, repository["name"], [(item["query"], targets(item)) for item in items]
    if options.commits:
        for one in load_questions(options.commits):
            if one.questions and (not options.repo or one.name in options.repo):
                asked = [
                    (
                        question.query,
                        [{"path": span.path, "start_line": span.start_line, "end_line": span.end_line} for span in question.spans],
                    )
                    for question in one.questions
                ]
                yield "commits", (options.clones or options.commits.parent) / one.name, one.name, asked


def targets(item: dict[str, Any]) -> list[dict[str, Any]]:
    """What an annotated question wants."""
    return [target if isinstance(target, dict) else {"path": target} for target in item["relevant"] + item.get("secondary", [])]


def measured(tool: Tool, root: Path, store: Path, name: str, items: Sequence[tuple[str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """One row per question."""
    answers = tool.answer(root, store, [query for query, _ in items])
    rows = []
    for (query, wanted), places, characters in zip(items, answers["places"], answers["characters"], strict=True):
        named, read = costs(root, places, wanted)
        row = {"tool": tool.name, "repository": name, "query": query, "named": named, "read": read}
        rows.append(row | {"answer": characters / CHARACTERS_PER_TOKEN, "results": len(places)})
    return rows


def costs(root: Path, places: Sequence[Sequence[Any]], wanted: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return the tokens until the first result that covers anything wanted, and until something wanted was read."""
    for path, start, end, characters, shown in places:
        met = [target for target in wanted if covers((path, start, end), target)]
        if met:
            is_shown = any(covers((path, *lines), target) for target in met for lines in shown)
            more = 0 if is_shown else lines_characters(root, path, start, end)
            return min(characters / CHARACTERS_PER_TOKEN, MISS_TOKENS), min((characters + more) / CHARACTERS_PER_TOKEN, MISS_TOKENS)
    return MISS_TOKENS, MISS_TOKENS


def lines_characters(root: Path, path: str, start: int, end: int) -> int:
    """The characters of some lines of a file, which results may name from a folder above the one that was asked."""
    found = next((folder / path for folder in (root, *root.parents) if (folder / path).is_file()), None)
    lines = found.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if found else []
    return sum(map(len, lines[start - 1 : end]))


def summarise(tool: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians and means over the questions, and the share that was missed."""
    line: dict[str, Any] = {"tool": tool, "questions": len(rows), "missed": statistics.fmean(row["named"] == MISS_TOKENS for row in rows)}
    for name in MEASURES:
        values = [row[name] for row in rows]
        line |= {f"{name}_median": statistics.median(values), f"{name}_mean": statistics.fmean(values)}
    return line


if __name__ == "__main__":
    main()
