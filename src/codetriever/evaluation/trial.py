"""Which settings answer best here? A repository's own questions, put to each embedder and each way of ranking in turn."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever.api import Index
from codetriever.corpus.git import locate
from codetriever.errors import InvalidArguments
from codetriever.evaluation.chosen import KINDS, choose_questions
from codetriever.evaluation.measures import Place, mean, score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codetriever.config import Settings
    from codetriever.evaluation.chosen import Tell
    from codetriever.evaluation.measures import Score
    from codetriever.evaluation.questions import Question
    from codetriever.types import Progress

RANKINGS: Mapping[str, float | None] = {"words": 0.0, "vectors": 1.0, "both": None}
MOST_QUESTIONS = 200
_WARM_UP = ("where is the configuration read", "open a connection", "ParseError")


@dataclass(frozen=True, slots=True)
class Measured:
    """How one setting answered the questions of one kind.

    `ndcg10` counts files and comes with its standard error; `recall10` is the share of questions with a right line among ten hits; `tokens`
    are read until the first right line, a miss counted as 8,000; `p50_ms` and `p95_ms` are latencies of whole searches.
    """

    kind: str
    embedder: str
    ranking: str
    questions: int
    ndcg10: float
    ndcg10_error: float
    recall10: float
    tokens: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was asked of which commit ("" without git), how each setting answered, and what to know of it."""

    repository: str
    commit: str
    questions: tuple[Question, ...]
    measured: tuple[Measured, ...]
    notes: tuple[str, ...] = ()


def evaluate(
    path: Path,
    *,
    settings: Settings,
    variants: Mapping[str, Settings] | None = None,
    kinds: Sequence[str] = KINDS,
    rankings: Sequence[str] = tuple(RANKINGS),
    most: int = MOST_QUESTIONS,
    seed: int = 0,
    saved: Path | None = None,
    tell: Tell = lambda _doing, _done, _total: None,
    confirm: Callable[[str], bool] | None = None,
) -> Evaluation:
    """Ask the repository that `path` lies in its own questions, `most` of all kinds together, and measure the answers.

    A commit's subject asks for the lines that are left of it, a doc comment for the definition that it describes. Questions of
    commits are put to the index that there is on this machine, and, for settings in `variants` (by name) other than `settings`, to one in
    a temporary folder; those of comments always to one of a copy without its doc comments. What is temporary is deleted at the end.
    `rankings` are names of `RANKINGS`, or shares of vectors from 0 to 1. `saved` is a file of questions to ask instead. The same seed
    chooses the same questions. `tell` hears what is done, how far, and of how much; `confirm` is asked what `Index.refresh` asks.

    Raises `QuestionsMissing` where there are too few, `InvalidArguments`, and what an index raises.
    """
    shares = {name: ranking_share(name) for name in rankings}
    checkout = locate(path)
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="codetriever-eval-", ignore_cleanup_errors=True) as scratch:
        copy = Path(scratch) / checkout.root.name
        chosen = choose_questions(
            checkout, copy, kinds=kinds, most=most, seed=seed, saved=saved, max_bytes=settings.max_file_bytes, tell=tell
        )
        for kind, questions in chosen.questions.items():
            for number, (name, variant) in enumerate((variants or {"": settings}).items()):
                is_own = kind == "commit" and variant == settings and not settings.database_url  # what others share is not changed
                store = settings.store if is_own else str(Path(scratch) / f"store-{kind}-{number}")
                used = replace(variant, store=store, database_url="")
                with Index(copy / checkout.folder if kind == "comment" else path, settings=used) as index:
                    _refresh(index, is_copy=kind == "comment", tell=tell, confirm=confirm if is_own else _yes)
                    for ranking, share in shares.items():
                        scores, latencies_ms = _ask(index, questions, share, label=f"{kind} questions", tell=tell)
                        measured.append(_summary(kind, name or index.embedder.model, ranking, scores, latencies_ms))
    everything = tuple(question for questions in chosen.questions.values() for question in questions)
    return Evaluation(checkout.root.name, checkout.head, everything, tuple(measured), chosen.notes)


def ranking_share(name: str) -> float | None:
    """The share of vectors that a ranking is asked for by, None for the one that searches have; raises `InvalidArguments`."""
    if name in RANKINGS:
        return RANKINGS[name]
    try:
        share = float(name)
    except ValueError:
        share = math.nan
    if not 0.0 <= share <= 1.0:
        raise InvalidArguments(f"{name!r} is no ranking.", hint=f"Say {', '.join(RANKINGS)}, or the share of vectors, 0 to 1.")
    return share


def _refresh(index: Index, *, is_copy: bool, tell: Tell, confirm: Callable[[str], bool] | None) -> None:
    """Bring the index up to date. Of a copy, which holds nothing but what was listed, every file is indexed."""

    def progress(done: Progress) -> None:
        tell("indexing", done.files_done, done.files_total)

    everything = True if is_copy else None
    index.refresh(progress=progress, confirm=confirm, hidden=everything, no_ignore=everything)


def _yes(_question: str) -> bool:
    return True


def _ask(index: Index, questions: Sequence[Question], share: float | None, *, label: str, tell: Tell) -> tuple[list[Score], list[float]]:
    """Score the first ten hits of each question, and time it in milliseconds."""
    scores, latencies_ms = [], []
    for query in _WARM_UP:
        index.search(query, vector_share=share)
    for done, question in enumerate(questions, 1):
        started = time.perf_counter()
        hits = index.search(question.query, vector_share=share).hits
        latencies_ms.append((time.perf_counter() - started) * 1e3)
        scores.append(score([Place(hit.path, hit.start_line, hit.end_line, len(hit.text)) for hit in hits], question.spans))
        tell(label, done, len(questions))
    return scores, latencies_ms


def _summary(kind: str, embedder: str, ranking: str, scores: Sequence[Score], latencies_ms: Sequence[float]) -> Measured:
    average = mean(scores)
    spread = statistics.stdev(one.ndcg10 for one in scores) if len(scores) > 1 else 0.0
    slowest_first = sorted(latencies_ms, reverse=True)
    return Measured(
        kind=kind,
        embedder=embedder,
        ranking=ranking,
        questions=len(scores),
        ndcg10=average.ndcg10,
        ndcg10_error=spread / math.sqrt(len(scores)),
        recall10=average.span10,
        tokens=average.tokens,
        p50_ms=statistics.median(latencies_ms),
        p95_ms=slowest_first[len(slowest_first) // 20],
    )
