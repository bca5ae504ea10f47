"""How fast do embedders make vectors? embedding.py CHECKOUT [--model FOLDER] [--texts N] [--part PART...]

  precision    a transformer in int8, in float32, and by sentence-transformers with torch where that is installed: speed and cosine
  batches      float32 by tokens in a batch
  threads      one batch after the other against several at a time, and against one at a time on several threads
  remote       a service that takes 50 ms: one text a request, batches one after the other, batches at the same time
  tokenizer    configured for every batch and asked twice for every text, against configured once and asked once
  copies       vectors as Python lists beside copied chunks, against one matrix: bytes allocated for each chunk
  queries      the syntax queries of a language compiled for every file, against compiled once
  static       the bundled table: terms counted and projected as indexing does, and text by text; beside model2vec with --peer-python

Variants of a part take turns, and a number is the median of the rounds. On a busy machine compare `cpu_ms`, the processor time for each
chunk: chunks a second are those of the wall clock. Texts are chunks of CHECKOUT, as they are indexed.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import statistics
import subprocess
import threading
import time
import tracemalloc
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.chunking import chunk_text, cut
from codetriever.corpus.git import locate
from codetriever.corpus.read import Content, read_file
from codetriever.corpus.text import decode
from codetriever.corpus.walk import list_files
from codetriever.embedding import transformer
from codetriever.embedding.embedder import embed_texts
from codetriever.embedding.providers import PROVIDERS
from codetriever.embedding.remote import BATCH_TEXTS, Remote, RemoteEmbedder
from codetriever.embedding.sentence_model import read_model
from codetriever.embedding.static import load_static
from codetriever.embedding.transformer import TransformerEmbedder
from codetriever.indexing.intake import classified
from codetriever.indexing.streaming import BATCH_CHUNKS
from codetriever.lexical.columns import TermCounter, words_in
from report import keep, plot_bars, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PARTS = ("precision", "batches", "threads", "remote", "tokenizer", "copies", "queries", "static")
NEED_A_MODEL = {"precision", "batches", "threads", "tokenizer"}
LATENCY_S = 0.05
WIDTH = 256
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Took:
    """Wall and processor seconds of one run."""

    wall_s: float
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--model", type=Path, help="folder of a sentence model; without it only what needs none is measured")
    parser.add_argument("--texts", type=int, default=96, help="how many chunks to embed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--peer-python", type=Path, help="a Python that has model2vec, for `static`")
    parser.add_argument("--peer-model", type=Path, help="folder of its model, or of the stand-in that standin.py makes")
    parser.add_argument("--name", default="embedding", help="name of the file of results")
    options = parser.parse_args()
    texts = sample(options.checkout, options.texts)
    results: dict[str, Any] = {"texts": len(texts), "mean_bytes": statistics.mean(len(text.encode()) for text in texts)}
    print(f"{len(texts)} chunks of {options.checkout.name}, {results['mean_bytes']:.0f} bytes on average")
    for part in options.part or PARTS:
        if part in NEED_A_MODEL and options.model is None:
            continue
        results[part] = rows = MEASURES[part](options, texts)
        print(f"\n{part}\n{table(rows)}")
    path = keep(options.name, results)
    bars = {row["variant"]: row["chunks_per_s"] for part in ("precision", "threads", "remote") for row in results.get(part, [])}
    if bars:
        plot_bars(path.with_suffix(".svg"), "Embedding", bars, unit="chunks/s")
    print(f"\nkept in {path}")


def sample(root: Path, count: int) -> list[str]:
    """Return chunks spread over a checkout, as an embedder gets them."""
    texts: list[str] = []
    for data, language in contents(root):
        for chunk in cut(data, language).chunks:
            piece = data[chunk.byte_start : chunk.byte_end]
            texts.append(f"{chunk.name}\n{chunk_text(piece, language)}")
    return texts[:: max(1, len(texts) // count)][:count]


def contents(root: Path) -> Iterator[tuple[bytes, str]]:
    """Yield each file's text, in UTF-8, and its language."""
    checkout = locate(root)
    for path in list_files(checkout).paths:
        content = read_file(checkout.root, path, max_bytes=1 << 20)
        if isinstance(content, Content):
            yield decode(content.data).utf8, classified(content)[0]


def timed(work: Callable[[], Any]) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def in_turns(variants: Mapping[str, Callable[[], Any]], *, rounds: int, chunks: int) -> list[dict[str, Any]]:
    """Run every variant once unmeasured, then all of them in turns; one row each."""
    for work in variants.values():
        work()
    taken: dict[str, list[Took]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, work in variants.items():
            taken[name].append(timed(work))
    first = next(iter(taken))
    baseline = [run.wall_s for run in taken[first]]
    return [
        {
            "variant": name,
            "chunks_per_s": chunks / statistics.median(run.wall_s for run in runs),
            "cpu_ms": 1000 * statistics.median(run.cpu_s for run in runs) / chunks,
            f"times {first}": statistics.median(before / run.wall_s for before, run in zip(baseline, runs, strict=True)),
        }
        for name, runs in taken.items()
    ]


def precision(options: argparse.Namespace, texts: Sequence[str]) -> list[dict[str, Any]]:
    model = read_model(options.model)
    whole, small = (TransformerEmbedder(model, is_quantised=quantised) for quantised in (False, True))
    variants: dict[str, Callable[[], Any]] = {"float32": lambda: whole.embed(texts), "int8": lambda: small.embed(texts)}
    vectors = {"float32": whole.embed(texts), "int8": small.embed(texts)}
    if torch := torch_model(options.model):
        variants["torch"] = lambda: torch(texts)
        vectors["torch"] = torch(texts)
    rows = in_turns(variants, rounds=options.rounds, chunks=len(texts))
    for row in rows:
        cosines = np.einsum("ij,ij->i", vectors["float32"], vectors[row["variant"]])
        row |= {"mean cosine": float(cosines.mean()), "least cosine": float(cosines.min())}
    return rows


def torch_model(folder: Path) -> Callable[[Sequence[str]], Any] | None:
    """Return what embeds with torch on one thread, None where it is not installed. It cuts texts at its window, as it comes."""
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError:
        return None
    torch.set_num_threads(1)
    model = SentenceTransformer(str(folder), device="cpu")
    return lambda texts: model.encode(list(texts), normalize_embeddings=True, batch_size=32, show_progress_bar=False)


def batches(options: argparse.Namespace, texts: Sequence[str]) -> list[dict[str, Any]]:
    embedder = TransformerEmbedder(read_model(options.model), is_quantised=False)

    def run(tokens: int) -> None:
        transformer.BATCH_TOKENS = tokens  # type: ignore[misc]
        embedder.embed(texts)

    shipped = transformer.BATCH_TOKENS
    sizes = (1, shipped, 4 * shipped, 16 * shipped)
    try:
        rows = in_turns({f"{size} tokens": lambda size=size: run(size) for size in sizes}, rounds=options.rounds, chunks=len(texts))  # type: ignore[misc]
    finally:
        transformer.BATCH_TOKENS = shipped  # type: ignore[misc]
    return rows


def threads(options: argparse.Namespace, texts: Sequence[str]) -> list[dict[str, Any]]:
    model = read_model(options.model)
    several = max(2, CORES)
    one, bounded = TransformerEmbedder(model), TransformerEmbedder(model, threads=several)
    wide = TransformerEmbedder(model)
    with intra_threads(several):
        wide.embed(texts[:1])
    variants = {
        "one at a time": lambda: one.embed(texts),
        f"{several} at a time": lambda: bounded.embed(texts),
        f"one at a time on {several} threads": lambda: wide.embed(texts),
    }
    return in_turns(variants, rounds=options.rounds, chunks=len(texts))


@contextmanager
def intra_threads(count: int) -> Iterator[None]:
    """Let sessions that are made in the block use several threads for one run, as ONNX Runtime does unless told otherwise."""
    import onnxruntime

    made = onnxruntime.InferenceSession

    def session(graph: Any, settings: Any, **more: Any) -> Any:
        settings.intra_op_num_threads = count
        return made(graph, settings, **more)

    onnxruntime.InferenceSession = session
    try:
        yield
    finally:
        onnxruntime.InferenceSession = made


def remote(options: argparse.Namespace, texts: Sequence[str]) -> list[dict[str, Any]]:
    many = list(texts) * max(1, 12 * BATCH_TEXTS // len(texts))
    with slow_service() as url:

        def ask(concurrency: int) -> RemoteEmbedder:
            facts = Remote(provider=PROVIDERS["compatible"], model="m", url=url, dimensions=WIDTH, concurrency=concurrency)
            return RemoteEmbedder(facts)

        single, sequential, four, eight = ask(1), ask(1), ask(4), ask(8)
        share = many[: len(many) // 8]  # one text a request takes long enough with fewer
        alone = timed(lambda: [single.embed([text]) for text in share])
        variants = {
            "batches one after the other": lambda: sequential.embed(many),
            "4 batches at a time": lambda: four.embed(many),
            "8 batches at a time": lambda: eight.embed(many),
        }
        rows = in_turns(variants, rounds=options.rounds, chunks=len(many))
    return [{"variant": "one text a request", "chunks_per_s": len(share) / alone.wall_s, "cpu_ms": 1000 * alone.cpu_s / len(share)}, *rows]


@contextmanager
def slow_service() -> Iterator[str]:
    """Serve embeddings in OpenAI's shape on this machine, each answer after a while."""
    row = [round(float(number), 6) for number in np.sin(np.arange(WIDTH))]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
            time.sleep(LATENCY_S)
            data = json.dumps({"data": [{"index": place, "embedding": row} for place in range(len(texts))]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def tokenizer(options: argparse.Namespace, texts: Sequence[str]) -> list[dict[str, Any]]:
    from tokenizers import Tokenizer

    model = read_model(options.model)
    embedder = TransformerEmbedder(model)
    path = str(model.tokenizer)

    def naive() -> None:
        for start in range(0, len(texts), 8):
            some = list(texts[start : start + 8])
            fresh = Tokenizer.from_file(path)
            fresh.no_padding()
            fresh.no_truncation()
            lengths = [len(one.ids) for one in fresh.encode_batch(some)]
            fresh.enable_truncation(model.window)
            assert len(lengths) == len(fresh.encode_batch(some))

    return in_turns(
        {"for every batch, twice": naive, "once, once": lambda: embedder.count_tokens(texts)}, rounds=options.rounds, chunks=len(texts)
    )


@dataclass(frozen=True)
class Piece:
    """A chunk as the review found it: a text of its own, and a list of numbers."""

    text: str
    embedding: list[float] | None = None


def copies(_: argparse.Namespace, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Bytes at the peak, for each chunk, while vectors are made and kept."""
    embedder = load_static()
    embedder.embed(texts[:1])

    def naive() -> Any:
        pieces = [Piece(str(text.encode(), "utf-8")) for text in texts]
        rows = [row.tolist() for row in embed_texts(embedder, [piece.text for piece in pieces])]
        return [replace(piece, embedding=row) for piece, row in zip(pieces, rows, strict=True)]

    def shipped() -> Any:
        return embed_texts(embedder, texts)

    rows = []
    for name, work in (("copied texts and lists", naive), ("one matrix", shipped)):
        tracemalloc.start()
        kept = work()
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        rows.append({"variant": name, "held_bytes": held / len(kept), "peak_bytes": peak / len(kept)})
    return rows


def queries(options: argparse.Namespace, _: Sequence[str]) -> list[dict[str, Any]]:
    """Milliseconds a file, for the first files whose language has queries."""
    from codetriever.chunking import parse, symbols

    caches = [made for module in (parse, symbols) for made in vars(module).values() if hasattr(made, "cache_clear")]
    files = list(islice(contents(options.checkout), 60))

    def cold() -> None:
        for data, language in files:
            for made in caches:
                made.cache_clear()
            parse.PARSERS.made.clear()
            cut(data, language)

    def cached() -> None:
        for data, language in files:
            cut(data, language)

    rows = in_turns({"compiled for every file": cold, "compiled once": cached}, rounds=options.rounds, chunks=len(files))
    return [{"variant": row["variant"], "cpu_ms for each file": row["cpu_ms"]} for row in rows]


def static(options: argparse.Namespace, texts: Sequence[str]) -> list[dict[str, Any]]:
    embedder, counter = load_static(), TermCounter()
    pieces = [words_in(text.encode()) for text in texts]

    def shipped() -> None:
        for start in range(0, len(pieces), BATCH_CHUNKS):
            terms = counter.count(pieces[start : start + BATCH_CHUNKS])
            frequencies = np.minimum(terms.pair_frequencies, 255).astype(np.uint8)
            embedder.project_columns(terms.vocabulary, terms.pair_counts, terms.pair_terms, frequencies)

    variants = {"text by text": lambda: [embedder.embed([text]) for text in texts], "terms and projection": shipped}
    rows = in_turns(variants, rounds=options.rounds, chunks=len(texts))
    return rows if options.peer_python is None else [*rows, model2vec(options, texts, rows[1]["cpu_ms"])]


def model2vec(options: argparse.Namespace, texts: Sequence[str], cpu_ms: float) -> dict[str, Any]:
    """Have the same texts encoded by model2vec in one process of its own, as often."""
    command = [str(options.peer_python), "-c", ENCODE, str(options.peer_model), str(options.rounds)]
    answer = subprocess.run(command, input=json.dumps(list(texts)), capture_output=True, text=True, check=True).stdout
    wall_s, cpu_s = json.loads(answer)
    found = {"variant": "model2vec", "chunks_per_s": len(texts) / wall_s, "cpu_ms": 1000 * cpu_s / len(texts)}
    return found | {"times the processor time of ours": found["cpu_ms"] / cpu_ms}


ENCODE = """
import json, statistics, sys, time
from model2vec import StaticModel
model, texts = StaticModel.from_pretrained(sys.argv[1]), json.load(sys.stdin)
model.encode(texts, use_multiprocessing=False)
took = []
for _ in range(int(sys.argv[2])):
    wall, cpu = time.perf_counter(), time.process_time()
    model.encode(texts, use_multiprocessing=False)
    took.append((time.perf_counter() - wall, time.process_time() - cpu))
print(json.dumps([statistics.median(column) for column in zip(*took)]))
"""


MEASURES: Mapping[str, Callable[[argparse.Namespace, Sequence[str]], list[dict[str, Any]]]] = {
    "precision": precision,
    "batches": batches,
    "threads": threads,
    "remote": remote,
    "tokenizer": tokenizer,
    "copies": copies,
    "queries": queries,
    "static": static,
}


if __name__ == "__main__":
    main()
