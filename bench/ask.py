"""Ask one tool questions about one checkout, in this process: ask.py TOOL CHECKOUT STORE < request > answers

Runs under the Python of the tool it asks, so it needs nothing but the standard library and that tool. The request is a JSON object:
`questions`, `limit`, and `warm_up` (questions asked first and not timed). The answer has for each question the places of its hits
(path, first line, last line, characters of text), the milliseconds it took, and how many of them the processor worked.

ASK_VECTOR_SHARE in the environment says what vectors count against words for codetriever (0: words alone).

Tools: codetriever; semble; semble-lexical (its word index and ranking, whatever model is loaded); semble-all and semble-lexical-all
(the same over code, docs and configuration).
"""

import json
import os
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


TOOLS = {
    "codetriever": open_codetriever,
    "semble": open_semble,
    "semble-lexical": lambda root, store: open_semble(root, store, alpha=0.0),
    "semble-all": lambda root, store: open_semble(root, store, everything=True),
    "semble-lexical-all": lambda root, store: open_semble(root, store, alpha=0.0, everything=True),
}


def main():
    tool, root, store = sys.argv[1:4]
    request = json.load(sys.stdin)
    started = time.perf_counter()
    search = TOOLS[tool](root, store)
    open_s = time.perf_counter() - started
    for query in request.get("warm_up", ()):
        search(query, request["limit"])
    places, latencies_ms, cpu_ms = [], [], []
    for query in request["questions"]:
        started, worked = time.perf_counter(), time.process_time()
        hits = search(query, request["limit"])
        latencies_ms.append((time.perf_counter() - started) * 1e3)
        cpu_ms.append((time.process_time() - worked) * 1e3)
        places.append(hits)
    json.dump({"open_s": open_s, "places": places, "latencies_ms": latencies_ms, "cpu_ms": cpu_ms}, sys.stdout)


if __name__ == "__main__":
    main()
