"""How good are the answers? quality.py [CHECKOUTS ANNOTATIONS] [--commits QUESTIONS] [--comments QUESTIONS] [--words] [--table FILE ...]

CHECKOUTS holds the pinned checkouts of a benchmark by name; ANNOTATIONS holds its `repos.json` and `annotations/NAME.json` (a query,
its category, the relevant and secondary targets). Prints NDCG@10 by repository and category, every target worth 1 at the rank of the
first hit that covers it.

--commits and --comments name questions that questions.py made, from subjects of commits and from doc comments; they are asked of the
clones in --clones and of the copies in --stripped. Prints NDCG@10 over files, share of questions with a right line among ten hits, and
tokens read until the first one, by repository, by language and, for comments, by kind of definition.

Without more options the product is asked as it is shipped. --words adds its ranking by words alone, each --table another table of
term vectors, each --embedder another embedder, --peer-python the peer (see below). A last table says how much each is
above or below words alone in each language.

The peer's quality is that of its word index with its ranking (alpha 0): that arm needs no model, and a stand-in model's vectors mean
nothing. With real weights at hand, --peer-tool semble asks all of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codetriever.evaluation.measures import Place, ndcg, score
from codetriever.evaluation.questions import load_questions
from report import keep, table
from tools import add_tool_options, chosen_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools import Tool


def main() -> None:
    options = read_options()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="codetriever-quality-") as folder:
        for tool in variants(options):
            store = (options.store or Path(folder)) / (tool.index or tool.name)
            results[tool.name] = measured = {}
            if options.checkouts and options.annotations:
                measured["split"] = split_quality(tool, options, store)
            if options.commits:
                measured["commits"] = own_quality(tool, options.commits, options.clones or options.commits.parent, options, store)
            if options.comments:
                measured["comments"] = own_quality(tool, options.comments, options.stripped or options.comments.parent, options, store)
    summary = summarise(results)
    for title, lines in summary.items():
        print(f"\n{title}\n{table(lines)}")
    show_worst(results, options.worst)
    if options.rows:
        options.rows.write_text(json.dumps(results, indent=1))
    print(f"\nkept in {keep(options.name, summary)}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="?")
    parser.add_argument("annotations", type=Path, nargs="?")
    parser.add_argument("--commits", type=Path, help="questions from commits, made by questions.py")
    parser.add_argument("--clones", type=Path, help="the clones they were made from; by default the folder that --commits lies in")
    parser.add_argument("--comments", type=Path, help="questions from doc comments, made by questions.py --stripped")
    parser.add_argument("--stripped", type=Path, help="the copies without comments; by default the folder that --comments lies in")
    parser.add_argument("--words", action="store_true", help="ask for words alone as well")
    parser.add_argument("--table", type=Path, action="append", default=[], help="use this table of term vectors as well; repeatable")
    parser.add_argument(
        "--embedder", action="append", default=[], help="use this embedder as well, named as the setting `model` names it; repeatable"
    )
    parser.add_argument("--repo", action="append", help="only this repository; repeatable")
    parser.add_argument("--peer-tool", default="semble-lexical", help="how ask.py asks the peer")
    parser.add_argument("--store", type=Path, help="keep the indexes here, to be used again")
    parser.add_argument("--worst", type=int, default=0, help="print this many of the worst answered questions")
    parser.add_argument("--rows", type=Path, help="write what every single question scored to this file")
    parser.add_argument("--name", default="quality", help="name of the file of results")
    add_tool_options(parser)
    return parser.parse_args()


def variants(options: argparse.Namespace) -> list[Tool]:
    """The tools that were asked for: the product as shipped, by words alone, with other vectors, and the peer."""
    tools = chosen_tools(options, peer=options.peer_tool)
    if options.only_peer:
        return tools
    own, *peers = tools
    others = [replace(own, name="words", environment={"ASK_VECTOR_SHARE": "0"}, index=own.name)] if options.words else []
    others += [replace(own, name=path.stem, environment={"CODETRIEVER_MODEL": f"static:{path.resolve()}"}) for path in options.table]
    others += [replace(own, name=name, environment={"CODETRIEVER_MODEL": name}, index=name.replace("/", "-")) for name in options.embedder]
    return [own, *others, *peers]


def split_quality(tool: Tool, options: argparse.Namespace, store: Path) -> list[dict[str, Any]]:
    """One row per annotated question."""
    rows = []
    for repository in json.loads((options.annotations / "repos.json").read_text()):
        name = repository["name"]
        root = options.checkouts / name / (repository.get("benchmark_root") or ".")
        if (options.repo and name not in options.repo) or not root.is_dir():
            continue
        items = json.loads((options.annotations / "annotations" / f"{name}.json").read_text())
        answers = tool.answer(root, store / name, [item["query"] for item in items])
        for item, hits, latency_ms in zip(items, answers["places"], answers["latencies_ms"], strict=True):
            targets = [target if isinstance(target, dict) else {"path": target} for target in item["relevant"] + item.get("secondary", [])]
            ranks = [next((rank for rank, hit in enumerate(hits, 1) if covers(hit, target)), None) for target in targets]
            rows.append({"repository": name, "category": category(item), "query": item["query"], "ms": latency_ms})
            rows[-1]["ndcg10"] = ndcg(ranks, len(targets))
    return rows


def covers(hit: Sequence[Any], target: dict[str, Any]) -> bool:
    """Whether a hit (path, start, end, ...) shows a target; either path may be the end of the other, as the benchmark defines it."""
    path, wanted = hit[0].replace("\\", "/"), target["path"]
    if not (path == wanted or path.endswith("/" + wanted) or wanted.endswith("/" + path)):
        return False
    start, end = target.get("start_line"), target.get("end_line")
    return start is None or end is None or (hit[1] <= int(end) and hit[2] >= int(start))


def category(item: dict[str, Any]) -> str:
    """The kind of question an annotation says it is, or else looks like."""
    if isinstance(item.get("category"), str):
        return str(item["category"])
    query = item["query"]
    return "symbol" if " " not in query.strip() else "architecture" if query.lower().startswith("how ") else "semantic"


def own_quality(tool: Tool, questions: Path, roots: Path, options: argparse.Namespace, store: Path) -> list[dict[str, Any]]:
    """One row per question that repositories ask of themselves."""
    rows = []
    for one in load_questions(questions):
        if (options.repo and one.name not in options.repo) or not one.questions:
            continue
        folder = store / f"{one.questions[0].source}s-{one.name}"
        answers = tool.answer(roots / one.name, folder, [question.query for question in one.questions])
        for question, hits, latency_ms in zip(one.questions, answers["places"], answers["latencies_ms"], strict=True):
            got = score([Place(*hit) for hit in hits], question.spans)
            row = {"repository": one.name, "language": question.language, "kind": question.about, "query": question.query}
            row |= {"origin": question.origin, "ms": latency_ms}
            rows.append(row | {"ndcg10": got.ndcg10, "recall10": got.recall10, "span10": got.span10, "tokens": got.tokens})
    return rows


def summarise(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Means by repository, by category, language or kind, and over all, one line per tool."""
    summary = {}
    grouped = {"split": ("repository", "category"), "commits": ("repository", "language"), "comments": ("repository", "language", "kind")}
    for part, groups in grouped.items():
        for group in groups:
            lines = [line for tool, parts in results.items() for line in means(tool, parts.get(part, []), group)]
            if lines:
                summary[f"{part} by {group}"] = lines
        if "words" in results:
            against = [line for tool, parts in results.items() if tool != "words" for line in gains(tool, parts, results["words"], part)]
            if against:
                summary[f"{part} against words"] = against
    return summary


def gains(tool: str, parts: dict[str, Any], words: dict[str, Any], part: str) -> list[dict[str, Any]]:
    """What a tool is above words alone in each language (in each category of annotated questions), the worst first."""
    group = "category" if part == "split" else "language"
    base = {line[group]: line for line in means("words", words.get(part, []), group)}
    lines = []
    for line in means(tool, parts.get(part, []), group):
        differences = {f"{name}+": line[name] - base[line[group]][name] for name in ("ndcg10", "span10", "tokens") if name in line}
        lines.append({group: line[group], "tool": tool, "questions": line["questions"], **differences})
    return sorted(lines, key=lambda line: line["ndcg10+"])


def show_worst(results: dict[str, Any], count: int) -> None:
    """Print the questions that scored least, for each tool and part."""
    for tool, parts in results.items() if count else ():
        for part, rows in parts.items():
            lines = sorted(rows, key=lambda row: (row["ndcg10"], row.get("span10", 0.0)))[:count]
            print(f"\nworst of {part}, {tool}\n{table(lines, ['ndcg10', 'repository', 'query'])}")


def means(tool: str, rows: list[dict[str, Any]], group: str) -> list[dict[str, Any]]:
    """Mean of each measure for each value of `group`, then over all questions, then over repositories."""
    measures = [name for name in ("ndcg10", "recall10", "span10", "tokens") if rows and name in rows[0]]

    def line(label: str, chosen: list[dict[str, Any]]) -> dict[str, Any]:
        values = {name: statistics.fmean(row[name] for row in chosen) for name in measures}
        return {group: label, "tool": tool, "questions": len(chosen), **values}

    lines = [line(label, [row for row in rows if row[group] == label]) for label in sorted({row[group] for row in rows})]
    if rows:
        lines.append(line("all questions", rows))
    if rows and group == "repository":
        each = lines[:-1]
        averages = {name: statistics.fmean(one[name] for one in each) for name in measures}
        lines.append({group: "mean of repositories", "tool": tool, "questions": len(rows), **averages})
    return lines


if __name__ == "__main__":
    main()
