"""How good is a table on projects that it never saw? Questions that a held-back checkout answers itself.

A doc-comment question is a comment's first sentence; every such comment is taken out of the text before it is cut and indexed, and the
chunks of the definition are the answer. A commit question is the subject of a commit to one to three source files; the files are the
answer. Fusion is the plain one of the search (cosine and BM25, each over its maximum), without any of its other signals: this compares
tables, it does not predict the product's quality.
"""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from codetriever.chunking import cut
from codetriever.lexical import bm25
from codetriever.lexical.terms import count_terms, query_terms
from training.checkouts import is_own, iter_files
from training.comments import iter_described
from training.pairs import clean_subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.checkouts import SourceFile

QUESTIONS = 60  # of each kind, per checkout
COSINE_SHARE = 0.6
PATH_FREQUENCY = 2.0


class Projection(Protocol):
    """What is measured: an embedder of the package."""

    def project(self, counts: Sequence[Mapping[str, int]]) -> NDArray[np.float32]:
        """Return unit rows."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return a unit vector."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """`chunks` answer it, and `files` (positions) hold them; a commit question has files alone."""

    kind: str
    text: str
    chunks: frozenset[int]
    files: frozenset[int]


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A checkout, cut and counted, with its questions."""

    name: str
    counts: tuple[dict[str, int], ...]  # per chunk
    path_counts: tuple[dict[str, int], ...]  # per file
    files: NDArray[np.int64]  # (chunks,) the file of each
    questions: tuple[Question, ...]


def hold_back(checkout: Path, history: Path | None, *, seed: int = 0) -> HeldBack:
    """Read a checkout, take its doc comments out and make the questions."""
    chooser = random.Random(f"{seed} {checkout.name}")
    counts: list[dict[str, int]] = []
    owner: list[int] = []
    files = list(iter_files(checkout))
    questions: list[Question] = []
    for position, file in enumerate(files):
        text, asked = _strip(file)
        pieces = cut(text.encode(), file.language)
        data = text.encode()
        first = len(counts)
        for chunk in pieces.chunks:
            counts.append(count_terms(f"{chunk.name}\n{data[chunk.byte_start : chunk.byte_end].decode(errors='replace')}"))
            owner.append(position)
        for said, line in asked:
            chunks = frozenset(first + i for i, chunk in enumerate(pieces.chunks) if chunk.start_line <= line <= chunk.end_line)
            if chunks and "test" not in file.path.lower():
                questions.append(Question("doc", said, chunks, frozenset({position})))
    chooser.shuffle(questions)
    commits = [] if history is None else _commit_questions(history, {file.path: i for i, file in enumerate(files)})
    chooser.shuffle(commits)
    return HeldBack(
        checkout.name,
        tuple(counts),
        tuple(count_terms(file.path) for file in files),
        np.array(owner, dtype=np.int64),
        (*questions[:QUESTIONS], *commits[:QUESTIONS]),
    )


def _strip(file: SourceFile) -> tuple[str, list[tuple[str, int]]]:
    """Return the text with its doc comments blanked, lines kept, and (first sentence, line of the name) of each."""
    text = file.text
    asked = []
    for described in iter_described(file.text, file.language, cut(file.text.encode(), file.language).definitions):
        start, end = described.removed
        text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
        sentence = re.split(r"(?<=[.!?])\s", described.description)[0]
        if len(sentence.split()) >= 4:
            asked.append((sentence, described.definition.line))
    return text, asked


def _commit_questions(history: Path, positions: Mapping[str, int]) -> list[Question]:
    log = subprocess.run(
        ["git", "-C", str(history), "log", "-3000", "--no-merges", "--format=%x01%s", "--name-only"],
        capture_output=True,
        check=False,
        timeout=300,
    ).stdout.decode("utf-8", errors="replace")
    questions = []
    for commit in log.split("\x01")[1:]:
        subject, *paths = [line for line in commit.split("\n") if line]
        sources = [path for path in paths if path in positions and is_own(path)]
        said = clean_subject(subject)
        if said and 1 <= len(sources) <= 3 and len(paths) <= 6:
            questions.append(Question("commit", said, frozenset(), frozenset(positions[path] for path in sources)))
    return questions


@dataclass(frozen=True, slots=True)
class Postings:
    """The words of a held-back checkout."""

    ordinals: dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]
    lengths: NDArray[np.float32]


def build_postings(held: HeldBack) -> Postings:
    """Count words per chunk, those of the path added."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for ordinal, counts in enumerate(held.counts):
        paths = held.path_counts[held.files[ordinal]]
        for term in counts.keys() | paths.keys():
            ordinals, frequencies = found.setdefault(term, ([], []))
            ordinals.append(ordinal)
            frequencies.append(counts.get(term, 0) + PATH_FREQUENCY * paths.get(term, 0))
    lengths = np.array([sum(counts.values()) for counts in held.counts], dtype=np.float32)
    return Postings({term: (np.array(o), np.array(f, dtype=np.float32)) for term, (o, f) in found.items()}, lengths)


def evaluate(
    held: HeldBack, postings: Postings, embedder: Projection, *, cosine_share: float = COSINE_SHARE, path_share: float = 0.0
) -> dict[str, tuple[float, int]]:
    """Return the mean file NDCG@10 by kind of question and arm (words, vectors, both), and how many questions there were.

    A chunk's vector is that of its text, as in a search; `path_share` adds its path's.
    """
    vectors = embedder.project(held.counts)
    if path_share:
        vectors = vectors + path_share * embedder.project(held.path_counts)[held.files]
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    sums: dict[str, list[float]] = {}
    for question in held.questions:
        words = np.zeros(len(held.counts), dtype=np.float32)
        known = [postings.ordinals[term] for term in query_terms(question.text) if term in postings.ordinals]
        average = float(postings.lengths.mean())
        for ordinals, frequencies in known:
            worth = bm25.saturation(frequencies, postings.lengths[ordinals], average)
            words[ordinals] += np.float32(bm25.idf(len(ordinals), len(held.counts))) * worth
        cosines = np.maximum(vectors @ embedder.embed_query(question.text), 0)
        both = cosine_share * cosines / max(float(cosines.max()), 1e-9) + (1 - cosine_share) * words / max(float(words.max()), 1e-9)
        for arm, scores in (("words", words), ("vectors", cosines), ("both", both)):
            sums.setdefault(f"{question.kind} {arm}", []).append(file_ndcg(scores, held.files, question.files))
    return {key: (float(np.mean(values)), len(values)) for key, values in sums.items()}


def file_ndcg(scores: NDArray[np.float32], files: NDArray[np.int64], relevant: frozenset[int]) -> float:
    """Return NDCG@10 over files, each at its best chunk's place (Järvelin and Kekäläinen, 2002)."""
    best = np.full(int(files.max()) + 1, -1.0, dtype=np.float32)
    np.maximum.at(best, files, scores)
    top = np.argsort(-best, kind="stable")[:10]
    gain = sum(1.0 / np.log2(rank + 2) for rank, file in enumerate(top.tolist()) if file in relevant)
    return float(gain / sum(1.0 / np.log2(rank + 2) for rank in range(min(len(relevant), 10))))
