"""Ask one tool questions about one checkout, in this process: ask.py TOOL CHECKOUT STORE < request > answers

Runs under the Python of the tool it asks, so it needs nothing but the standard library and that tool. The request is a JSON object:
`questions`, `limit`, `warm_up` (questions asked first and not timed) and `rounds` (how often all questions are asked, one after the
other). The answer has for each question the places of its hits (path, first line, last line, characters of text), the milliseconds it
took, and how many of them the processor worked, both as medians of the rounds, and the milliseconds of the first.

ASK_VECTOR_SHARE in the environment says what vectors count against words for codetriever (0: words alone).

Tools: codetriever; semble; semble-lexical (its word index and ranking, whatever model is loaded); semble-all and semble-lexical-all
(the same over code, docs and configuration).

With `-agent` behind its name a tool is asked for what its server sends an agent. Such a place is (path, first line, last line,
characters of the answer up to its end, the lines shown as pairs of first and last), and `characters` has the length of each whole answer.
ASK_RESULTS and ASK_LINES say how many results of how many lines the peer is asked for; without them it decides, and 0 lines are all.
"""

import json
import os
import statistics
import sys
import time


def open_codetriever(root, store):
    import codetriever

    share = os.environ.get("ASK_VECTOR_SHARE")
    options = {} if share is None else {"vector_share": float(share)}
    index = codetriever.open(root, store=store)
    index.refresh()

    def search(query, limit):
        hits = index.search(query, limit=limit, **options).hits
        return [(hit.path, hit.start_line, hit.end_line, len(hit.text)) for hit in hits]

    return search


def open_semble(root, store, *, alpha=None, everything=False):
    os.environ["SEMBLE_CACHE_LOCATION"] = store
    from semble import ContentType, SembleIndex

    content = (ContentType.CODE, ContentType.DOCS, ContentType.CONFIG) if everything else (ContentType.CODE,)
    index = SembleIndex.from_path(root, content=content)

    def search(query, limit):
        chunks = [result.chunk for result in index.search(query, top_k=limit, alpha=alpha)]
        return [(chunk.file_path, chunk.start_line, chunk.end_line, len(chunk.content)) for chunk in chunks]

    return search


def open_codetriever_agent(root, store):
    from pathlib import Path

    from codetriever.config import load_settings
    from codetriever.mcp.arguments import read_arguments
    from codetriever.mcp.calls import CALLS, Call
    from codetriever.mcp.opened import Opened
    from codetriever.mcp.roots import Roots
    from codetriever.mcp.tools import TOOLS

    folder = Path(root).resolve()
    opened = Opened((folder,), load_settings(flags={"store": store}, start=folder))
    opened.index.refresh()

    def search(query, limit):
        reply = CALLS["search"](Call(read_arguments(TOOLS["search"], {"query": query}), opened, Roots((folder,), folder)))
        return list(told_places(reply.text, reply.value["hits"])), len(reply.text)

    return search


def told_places(text, hits):
    """Find each hit in the text of an answer: where it ends there, and which of its lines are shown."""
    from codetriever.focus import shown_lines

    starts = [0]
    for number, hit in enumerate(hits, 1):
        lines = f"{hit['start_line']}-{hit['end_line']}" if hit["end_line"] > hit["start_line"] else f"{hit['start_line']}"
        starts.append(text.index(f"\n{number}. {hit['path']}:{lines}", starts[-1]))
    ends = [*starts[2:], max(text.find("\n\n", starts[-1]), text.rfind("\n```\n", starts[-1]), starts[-1])]
    for hit, end in zip(hits, ends, strict=False):
        numbers = [number for number, _ in shown_lines(hit["text"], hit["start_line"], hit["end_line"])]
        yield hit["path"], hit["start_line"], hit["end_line"], end, [(number, number) for number in numbers]


def open_semble_agent(root, store, *, alpha=None):
    os.environ["SEMBLE_CACHE_LOCATION"] = store
    from semble import SembleIndex
    from semble.utils import format_results

    index = SembleIndex.from_path(root)
    results, lines = int(os.environ.get("ASK_RESULTS", 5)), int(os.environ.get("ASK_LINES", 10)) or None

    def search(query, limit):
        found = index.search(query, top_k=results, alpha=alpha)
        places = []
        for number, chunk in enumerate((result.chunk for result in found), 1):
            end = len(json.dumps(format_results(query, found[:number], lines))) - len("]}")
            shown = chunk.end_line if lines is None else min(chunk.end_line, chunk.start_line + lines - 1)
            places.append((chunk.file_path, chunk.start_line, chunk.end_line, end, [(chunk.start_line, shown)]))
        return places, len(json.dumps(format_results(query, found, lines)))

    return search


TOOLS = {
    "codetriever-agent": open_codetriever_agent,
    "semble-agent": open_semble_agent,
    "semble-lexical-agent": lambda root, store: open_semble_agent(root, store, alpha=0.0),
    "codetriever": open_codetriever,
    "semble": open_semble,
    "semble-lexical": lambda root, store: open_semble(root, store, alpha=0.0),
    "semble-all": lambda root, store: open_semble(root, store, everything=True),
    "semble-lexical-all": lambda root, store: open_semble(root, store, alpha=0.0, everything=True),
}


def ask_all(search, questions, limit):
    """Ask each question once: its places, and the milliseconds on the wall and of the processor."""
    asked = []
    for query in questions:
        started, worked = time.perf_counter(), time.process_time()
        hits = search(query, limit)
        asked.append((hits, (time.perf_counter() - started) * 1e3, (time.process_time() - worked) * 1e3))
    return asked


def main():
    tool, root, store = sys.argv[1:4]
    request = json.load(sys.stdin)
    started = time.perf_counter()
    search = TOOLS[tool](root, store)
    open_s = time.perf_counter() - started
    for query in request.get("warm_up", ()):
        search(query, request["limit"])
    rounds = [ask_all(search, request["questions"], request["limit"]) for _ in range(request["rounds"])]
    places = [hits for hits, _, _ in rounds[0]]
    latencies_ms, cpu_ms = ([statistics.median(one[part] for one in asked) for asked in zip(*rounds, strict=True)] for part in (1, 2))
    first_ms = [wall for _, wall, _ in rounds[0]]
    answers = {"open_s": open_s, "places": places, "latencies_ms": latencies_ms, "first_ms": first_ms, "cpu_ms": cpu_ms}
    if tool.endswith("-agent"):
        answers |= {"places": [found for found, _ in places], "characters": [characters for _, characters in places]}
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
