"""Which code is like this?"""

from __future__ import annotations

from math import log1p
from typing import TYPE_CHECKING

import numpy as np

from codetriever.errors import InvalidQuery, SymbolNotFound
from codetriever.lexical import bm25
from codetriever.lexical.terms import count_terms
from codetriever.search.lines import line_starts
from codetriever.search.notebook import text_of_chunks
from codetriever.search.places import chunk_at, find_file, split_place
from codetriever.search.query import Query, is_qualified_as, is_symbol, simple_name
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.embedding.embedder import Embedder
    from codetriever.search.search import Source
    from codetriever.store.store import Snapshot

MAX_SNIPPET_BYTES = 100_000
# The most telling words of the example, by tf-idf: more of them change no answer and cost time.
_MAX_TERMS = 30


@dataclass(frozen=True, slots=True)
class Example:
    """What others are compared with, and the (source, file, byte start, byte end) that is the example itself."""

    query: Query
    vector: NDArray[np.float32]
    without: tuple[tuple[int, int, int, int], ...] = ()


def example(sources: Sequence[Source], what: str, embedder: Embedder) -> Example:
    """Understand `what`: a place `path:line` of an indexed file, the name of something defined, or a snippet of code.

    Raises `InvalidQuery`, `PathNotFound` and `SymbolNotFound`.
    """
    if not what.strip():
        raise InvalidQuery("There is nothing to compare with.", hint="Give a snippet, a place such as src/app.py:12, or a symbol.")
    size = len(what.encode(errors="replace"))
    if size > MAX_SNIPPET_BYTES:
        raise InvalidQuery(
            f"The snippet has {size:,} bytes; at most {MAX_SNIPPET_BYTES:,} are allowed.", hint="Give the part that matters."
        )
    if place := split_place(what):
        path, line = place
        number, file = find_file(sources, path)
        return _from_chunk(sources, number, file, _chunk_of_line(sources[number].snapshot, file, line), embedder)
    if is_symbol(what.strip()):
        number, ordinal = _definition(sources, what.strip())
        return _from_chunk(sources, number, int(sources[number].snapshot.chunk_files()[ordinal]), ordinal, embedder)
    return Example(_query(sources, what), embedder.embed([what])[0])


def _chunk_of_line(snapshot: Snapshot, file: int, line: int) -> int:
    lines = len(line_starts(snapshot.content(file), snapshot.encoding(file)))
    if not 1 <= line <= lines:
        raise InvalidQuery(f"{snapshot.files.paths[file]} has {lines:,} lines; there is no line {line:,}.")
    return chunk_at(snapshot, file, line)


def _definition(sources: Sequence[Source], symbol: str) -> tuple[int, int]:
    """Return source and chunk of the first definition so called, with all parts of a qualified name if there is one."""
    found = []
    for number, source in enumerate(sources):
        defined = source.snapshot.defined(simple_name(symbol))
        for name, chunk in zip(defined.qualified_names, defined.chunks.tolist(), strict=True):
            found.append((not is_qualified_as(name, symbol), number, chunk))
    if not found:
        raise SymbolNotFound(f"Nothing called {symbol!r} is defined here.", hint="Give a snippet or a place such as src/app.py:12.")
    _, number, chunk = min(found, key=lambda one: one[:2])
    return number, chunk


def _from_chunk(sources: Sequence[Source], number: int, file: int, ordinal: int, embedder: Embedder) -> Example:
    snapshot = sources[number].snapshot
    if ordinal < 0:
        raise InvalidQuery(f"{snapshot.files.paths[file]} has no text to compare with.")
    columns = snapshot.chunks(np.array([ordinal]))
    start, end = int(columns.byte_start[0]), int(columns.byte_end[0])
    text = text_of_chunks(snapshot, file, [(start, end)])
    vector = snapshot.vectors(np.array([ordinal]))[0]
    vector = vector if vector.any() else embedder.embed([text])[0]
    without = tuple((number, twin, start, end) for twin in snapshot.same_blob(file))
    return Example(_query(sources, text), vector, without)


def _query(sources: Sequence[Source], text: str) -> Query:
    telling = {}
    for term, count in count_terms(text).items():
        found = sum(len(source.snapshot.postings(term)[0]) for source in sources)
        total = sum(source.snapshot.chunk_count for source in sources)
        telling[term] = log1p(count) * bm25.idf(found, total) if found else 0.0
    terms = sorted((term for term, weight in telling.items() if weight > 0), key=lambda term: (-telling[term], term))[:_MAX_TERMS]
    return Query(text, tuple(terms), (), (), is_symbol=False, is_literal=False, intent=frozenset())
