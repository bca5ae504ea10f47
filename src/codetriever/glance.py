"""What can be said about a repository that is not indexed yet? The door beside `api` for the time until its first generation.

Files are read as they lie on disk, those whose path fits first, for as long as a caller waits; the few that have most of the question's
words are cut along their syntax. No vectors, no definitions, no statistics but those of the files that were read.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from heapq import nlargest
from math import log1p
from typing import TYPE_CHECKING, Final

import numpy as np

from codetriever.corpus.classify import classify
from codetriever.corpus.credentials import is_credential_name
from codetriever.corpus.git import locate
from codetriever.corpus.masking import mask_secrets
from codetriever.corpus.read import Content, read_file
from codetriever.corpus.text import decode
from codetriever.corpus.walk import list_files
from codetriever.lexical.bm25 import idf
from codetriever.lexical.terms import count_terms
from codetriever.search.filters import allowed_files, make_filter
from codetriever.search.pack import pack
from codetriever.search.query import parse_query
from codetriever.types import Answer, FileTable, Filter, Freshness, Hit
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from codetriever.config import Settings
    from codetriever.corpus.git import Checkout

_FILES_CUT: Final = 30  # parsing so many takes about as long as reading thousands
_CHUNKS_PER_FILE: Final = 2
_PATH_WORTH: Final = 2.0  # a word of the question in the path, in words of the text
_NAME_WORTH: Final = 0.5  # more for a word in the name of the definition
_SOUGHT: Final = ("code",)
_OTHER_ROLES: Final = 0.7  # what a test, a page or a setting is worth beside code
_LEAST_CHARACTERS: Final = 3  # shorter words are in every file


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that has words of the question: how often each occurs."""

    path: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a file, as it is shown, and the words of the question that it and its name have."""

    hit: Hit
    words: frozenset[str]
    named: frozenset[str]


def glance(
    path: Path, query: str, settings: Settings, *, limit: int = 10, max_tokens: int = 4000, budget_s: float = 3.0, **filters: Iterable[str]
) -> Answer:
    """Answer a question from the files of a checkout within about `budget_s` seconds, by words alone.

    `filters` are those of `Index.search`; `max_tokens` is the budget of its hits. The scores are the share of the question's words,
    weighed by their rarity, that a piece has;
    `generation` is 0, and `freshness.pending_files` are all that will be indexed. Raises `InvalidQuery` and `PathNotFound`.
    """
    started = time.monotonic()
    parsed = parse_query(query)
    words = [term for term in dict.fromkeys(parsed.terms) if len(term) >= _LEAST_CHARACTERS] or list(parsed.terms)
    checkout = locate(path)
    paths = list_files(checkout, hidden=settings.hidden, no_ignore=settings.no_ignore).paths
    wanted = make_filter(**filters)
    candidates = _in_order(_allowed(paths, checkout, wanted), words)
    read, found = _read(checkout, candidates, words, started + budget_s, settings.max_file_bytes)
    hits = list(_hits(checkout, _best_files(found, words, read), words, wanted, settings.max_file_bytes))
    shown, _ = pack(hits[:limit], max_tokens, query)
    seen = f"{read:,} of {len(paths):,} files were looked at, by words alone"
    note = f"Not indexed yet: {seen}."
    return Answer(query, tuple(shown), len(hits), False, 0, Freshness(0.0, 0.0, len(paths), note), (time.monotonic() - started) * 1000.0)


def _allowed(paths: Sequence[str], checkout: Checkout, wanted: Filter) -> list[str]:
    """Return the paths that pass what can be said of a path: its folder and the globs."""
    folders = (checkout.folder,) if checkout.folder else ()
    count = len(paths)
    unknown = np.zeros(count, np.uint8)
    table = FileTable(
        paths, np.zeros(count, np.int64), unknown, np.zeros(count, np.uint16), unknown, unknown, np.zeros((count, 4), np.int64), ("",)
    )
    allowed = allowed_files(table, Filter(wanted.paths, folders=folders))
    return list(paths) if allowed is None else [path for path, passes in zip(paths, allowed.tolist(), strict=True) if passes]


def _in_order(paths: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the paths, those with most words of the question first."""
    return sorted((path for path in paths if not is_credential_name(path)), key=lambda path: -sum(word in path.lower() for word in words))


def _read(checkout: Checkout, paths: Sequence[str], words: Sequence[str], deadline: float, max_bytes: int) -> tuple[int, list[_Read]]:
    """Count the words in as many files as time allows; return how many were read, and those that have any."""
    encoded = [word.encode() for word in words]
    found: list[_Read] = []
    for number, path in enumerate(paths):
        if time.monotonic() > deadline:
            return number, found
        content = read_file(checkout.root, path, max_bytes=max_bytes)
        if isinstance(content, Content):
            folded = content.data.lower()
            counts = tuple(folded.count(word) + round(_PATH_WORTH * (words[place] in path.lower())) for place, word in enumerate(encoded))
            if any(counts):
                found.append(_Read(path, counts))
    return len(paths), found


def _best_files(found: Sequence[_Read], words: Sequence[str], read: int) -> list[str]:
    """Return the files that have the rarest words of the question, and most of them."""
    rarity = [idf(sum(one.counts[place] > 0 for one in found), max(read, 1)) for place in range(len(words))]
    best = nlargest(_FILES_CUT, found, key=lambda one: sum(log1p(count) * worth for count, worth in zip(one.counts, rarity, strict=True)))
    return [one.path for one in best]


def _hits(checkout: Checkout, paths: Sequence[str], words: Sequence[str], wanted: Filter, max_bytes: int) -> Iterator[Hit]:
    """Return the pieces of these files that have words of the question, a few of each file."""
    pieces = [piece for path in paths for piece in _pieces(checkout, path, words, wanted, max_bytes)]
    rarity = {word: idf(sum(word in piece.words for piece in pieces), max(len(pieces), 1)) for word in words}
    whole = sum(rarity.values()) or 1.0
    taken: Counter[str] = Counter()

    def order(piece: _Piece) -> tuple[float, str, int]:
        worth = sum(rarity[word] * (1.0 + _NAME_WORTH * (word in piece.named)) for word in piece.words)
        return -worth * (1.0 if piece.hit.role in _SOUGHT else _OTHER_ROLES), piece.hit.path, piece.hit.start_line

    for piece in sorted(pieces, key=order):
        taken[piece.hit.path] += 1
        if piece.words and taken[piece.hit.path] <= _CHUNKS_PER_FILE:
            yield replace(piece.hit, score=sum(rarity[word] for word in piece.words) / whole)


def _pieces(checkout: Checkout, path: str, words: Sequence[str], wanted: Filter, max_bytes: int) -> Iterator[_Piece]:
    from codetriever.chunking import cut

    content = read_file(checkout.root, path, max_bytes=max_bytes)
    if not isinstance(content, Content):
        return
    kind = classify(path, content.data)
    if (wanted.languages and kind.language not in wanted.languages) or (wanted.roles and kind.role not in wanted.roles):
        return
    source = decode(content.data).utf8
    for chunk in cut(source, kind.language).chunks:
        text = source[chunk.byte_start : chunk.byte_end].decode(errors="replace")
        counts = count_terms(f"{path}\n{text}")
        hit = Hit(
            path=path,
            start_line=chunk.start_line,
            end_line=chunk.end_line,
            byte_start=chunk.byte_start,
            byte_end=chunk.byte_end,
            score=0.0,
            kind=chunk.kind,
            name=chunk.name,
            language=kind.language,
            role=kind.role.value,
            text=mask_secrets(text),
        )
        named = count_terms(chunk.name)
        yield _Piece(hit, frozenset(word for word in words if word in counts), frozenset(word for word in words if word in named))
