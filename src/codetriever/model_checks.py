"""What is known of an embedder, does it work, and who waits for it?"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from codetriever.config import format_size
from codetriever.embedding.embedder import embed_question, embed_texts
from codetriever.embedding.remote import RemoteEmbedder
from codetriever.embedding.static import StaticEmbedder
from codetriever.embedding.transformer import TransformerEmbedder
from codetriever.models import KEY_VARIABLE, embedder_for, static_path
from codetriever.operations import ERROR, OK, WARNING, Check, stored_indexes
from codetriever.store.embedded.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetriever.config import Settings
    from codetriever.embedding.embedder import Embedder

CHUNK_BYTES: Final = 1536  # the most that a chunk has
HOLDS: Final = 0.98  # a cosine between int8 and float32 from which on ranks stay what they are
_UNIT: Final = 1e-3
_QUESTION: Final = "how are expired sessions refreshed"
_RIGHT: Final = "def renew(token):\n    if token.expires < now():\n        session.refresh()"
_WRONG: Final = "def parse_xml(text):\n    return ElementTree.fromstring(text)"
_TIMES: Final = 5


def model_facts(settings: Settings) -> dict[str, Any]:
    """Return what is known of the model that is set, without loading it or asking anybody; raises what `embedder_for` does."""
    embedder = embedder_for(settings)
    facts: dict[str, Any] = {"setting": settings.model, "origin": settings.origin("model"), "name": embedder.model}
    if isinstance(embedder, StaticEmbedder):
        return facts | _table_facts(settings, embedder)
    if isinstance(embedder, TransformerEmbedder):
        return facts | _transformer_facts(embedder)
    if isinstance(embedder, RemoteEmbedder):
        return facts | _remote_facts(embedder)
    return facts | {"dimensions": embedder.dimensions, "class": f"{type(embedder).__module__}.{type(embedder).__qualname__}"}


def _table_facts(settings: Settings, embedder: StaticEmbedder) -> dict[str, Any]:
    from codetriever.embedding.table import open_table

    table = open_table(static_path(settings.model))
    return {
        "dimensions": embedder.dimensions,
        "vocabulary": len(table.rows),
        "size_bytes": table.path.stat().st_size,
        "checksum": table.identity,
        "file": str(table.path),
    }


def _transformer_facts(embedder: TransformerEmbedder) -> dict[str, Any]:
    model, source = embedder.described, embedder.source
    return {
        "dimensions": embedder.dimensions,
        "window_tokens": model.window,
        "pooling": model.pooling,
        "query_prompt": model.prompts.query,
        "passage_prompt": model.prompts.passage,
        "precision": "int8" if source.is_quantised else "float32",
        "computed_from": "ONNX file" if source.is_graph else "weights",
        "size_bytes": sum(path.stat().st_size for path in source.paths),
        "checksum": embedder.checksum,
        "files": [str(path) for path in source.paths],
    }


def _remote_facts(embedder: RemoteEmbedder) -> dict[str, Any]:
    remote = embedder.remote
    variables = " or ".join(filter(None, (KEY_VARIABLE, remote.provider.key_variable)))
    return {
        "service": remote.provider.name,
        "url": remote.url,
        "model": remote.model,
        "dimensions": embedder.known_dimensions or "as it answers",
        "key": "set" if remote.key else f"not set ({variables})",
        "timeout_s": remote.timeout_s,
        "concurrency": remote.concurrency,
        "sends": "the texts of chunks and questions",
    }


def check_model(settings: Settings) -> Iterator[Check]:
    """Load the model that is set, embed, and look at what it answers; raises what `embedder_for` and the embedder raise."""
    embedder = embedder_for(settings)
    started = time.perf_counter()
    question = embed_question(embedder, _QUESTION)
    first_s = time.perf_counter() - started
    yield Check("model", OK, f"{embedder.model}, answers for the first time after {first_s:.2f} s")
    yield _check_rows(embedder)
    right, wrong = (embed_texts(embedder, [_RIGHT, _WRONG]) @ question).tolist()
    found = f"cosine {right:.2f} to what answers a question, {wrong:.2f} to what does not"
    yield Check("meaning", OK if right > wrong else WARNING, found, "is it a model for searching, and are its prompts right?")
    yield from _check_speed(embedder)
    if isinstance(embedder, StaticEmbedder):
        yield Check("checksum", OK, _table_facts(settings, embedder)["checksum"])
    if isinstance(embedder, TransformerEmbedder):
        yield Check("checksum", OK, embedder.checksum)
        yield _check_window(embedder)
        if embedder.source.is_quantised and not embedder.source.is_graph:
            yield _check_precision(embedder, settings)


def _check_rows(embedder: Embedder) -> Check:
    texts = _chunks(4)
    rows, again = embed_texts(embedder, texts), embed_texts(embedder, texts[::-1])[::-1]
    lengths = np.linalg.norm(rows, axis=1)
    agree = float(np.einsum("ij,ij->i", rows, again).min())
    found = f"{rows.shape[1]} dimensions, lengths {lengths.min():.4f} to {lengths.max():.4f}, the same again with cosine {agree:.4f}"
    is_well = bool(np.all(np.abs(lengths - 1) < _UNIT)) and agree > HOLDS
    return Check("vectors", OK if is_well else ERROR, found, "codetriever model use static")


def _check_speed(embedder: Embedder) -> Iterator[Check]:
    texts = _chunks(16)
    started = time.perf_counter()
    embed_texts(embedder, texts)
    yield Check("chunks", OK, f"{len(texts) / (time.perf_counter() - started):,.0f} a second")
    times_ms = []
    for number in range(_TIMES):
        started = time.perf_counter()
        embed_question(embedder, f"{_QUESTION} {number}")
        times_ms.append((time.perf_counter() - started) * 1000)
    yield Check("questions", OK, f"{statistics.median(times_ms):.1f} ms each")


def _check_window(embedder: TransformerEmbedder) -> Check:
    """Compare what the model takes at once with what a chunk may have."""
    most, window = max(embedder.count_tokens(_chunks(16))), embedder.described.window
    how = "at once" if most <= window else "longer ones in pieces, whose vectors are averaged"
    return Check("window", OK, f"a chunk of {CHUNK_BYTES:,} bytes has up to {most} tokens, the model takes {window}: {how}")


def _check_precision(embedder: TransformerEmbedder, settings: Settings) -> Check:
    whole = embedder_for(replace(settings, model_precision="float32"))
    texts = _chunks(4)
    cosines = np.einsum("ij,ij->i", embed_texts(whole, texts), embed_texts(embedder, texts))
    found = f"int8 has a cosine of {cosines.mean():.4f} to float32, at least {cosines.min():.4f}"
    return Check("precision", OK if cosines.mean() >= HOLDS else WARNING, found, "set model_precision to float32: int8 loses too much here")


def _chunks(count: int) -> list[str]:
    """Return real code to try a model on: the package's own, in pieces as long as the longest chunks."""
    text = "".join((Path(__file__).parent / "search" / name).read_text(encoding="utf-8") for name in ("search.py", "usages.py", "hits.py"))
    return [text[start : start + CHUNK_BYTES] for start in range(0, count * CHUNK_BYTES, CHUNK_BYTES)]


def waiting_for(store: Path, embedder: Embedder) -> tuple[int, int]:
    """Return how many indexes in a store lack vectors of a model, and how many chunks these have."""
    indexes = chunks = 0
    for index in stored_indexes(store):
        if index.problem:
            continue
        with open_store(index.folder, model=embedder.model, dimensions=embedder.dimensions, read_only=True) as opened:
            lacking = [view.chunks for view in index.views if not opened.is_complete(view.key)]
        indexes += bool(lacking)
        chunks += max(lacking, default=0)
    return indexes, chunks


def shown_facts(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield facts for people: (name, value)."""
    for name, value in facts.items():
        text = format_size(value) if name.endswith("_bytes") else ", ".join(value) if isinstance(value, list) else str(value)
        yield name.removesuffix("_bytes").replace("_", " "), repr(text) if name.endswith("_prompt") else text
