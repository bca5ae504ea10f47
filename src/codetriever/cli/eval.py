"""`eval`: how well does each setting answer the questions that a repository asks of itself?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.opening import check_paths, confirmation
from codetriever.cli.progress import ProgressBar
from codetriever.cli.screen import printable
from codetriever.errors import InvalidArguments
from codetriever.evaluation.chosen import KINDS
from codetriever.evaluation.plot import plot
from codetriever.evaluation.questions import QuestionSet, save_questions
from codetriever.evaluation.trial import MOST_QUESTIONS, RANKINGS, evaluate
from codetriever.models import embedder_for
from codetriever.types import Progress
from codetriever.wire import as_value

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.evaluation.trial import Evaluation, Measured

_KINDS: Final = {"commits": ("commit",), "comments": ("comment",), "both": KINDS}
_STAGES: Final = {"files": ("reading comments", "files"), "history": ("reading history", "questions"), "indexing": ("indexing", "files")}
_COLUMNS: Final = ("questions of", "embedder", "ranking", "asked", "NDCG@10", "recall", "tokens", "p50 ms", "p95 ms")
_FIRST_NUMBER: Final = 3
_LEGEND: Final = (
    "NDCG@10 counts files (± its standard error); recall: right lines among ten hits; tokens: read until then, a miss is 8,000."
)


def evaluate_repository(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `eval [PATH]`."""
    check_paths(command.words, command)
    most = MOST_QUESTIONS if command.max_questions is None else command.max_questions
    if not most:
        raise InvalidArguments("--max-questions is 0.", hint="Ask at least one question.")
    variants = {name: replace(settings, model=name) for name in command.embedders}
    for variant in variants.values():
        embedder_for(variant)  # one that cannot be had is an error before any work is done
    bars = _Bars(screen)
    try:
        evaluation = evaluate(
            Path(*command.words[:1]),
            settings=settings,
            variants=variants,
            kinds=_KINDS[command.kind],
            rankings=command.rankings or tuple(RANKINGS),
            most=most,
            seed=command.seed,
            saved=Path(command.questions) if command.questions else None,
            tell=bars.tell,
            confirm=confirmation(command, screen),
        )
    finally:
        bars.close()
    if command.save:
        save_questions(Path(command.save), [QuestionSet(evaluation.repository, evaluation.commit, evaluation.questions)])
    if command.plot:
        Path(command.plot).write_text(plot(evaluation), encoding="utf-8")
    if command.wants_json:
        screen.json(_value(evaluation))
    else:
        _print(evaluation, screen)
    return 0


class _Bars:
    """One progress bar after the other, a new one whenever something else is done."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._doing = ""
        self._bar: ProgressBar | None = None

    def tell(self, doing: str, done: int, total: int) -> None:
        """Draw how far it is."""
        if self._bar is None or doing != self._doing:
            self.close()
            words, unit = _STAGES.get(doing, ("asking", "questions"))
            self._doing, self._bar = doing, ProgressBar(self._screen, doing=words, unit=unit)
        self._bar(Progress(done, total, 0))

    def close(self) -> None:
        """Leave an empty line behind."""
        if self._bar is not None:
            self._bar.close()


def _value(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "repository": evaluation.repository,
        "commit": evaluation.commit,
        "questions": {kind: sum(question.source == kind for question in evaluation.questions) for kind in KINDS},
        "measured": as_value(evaluation.measured),
        "notes": list(evaluation.notes),
    }


def _print(evaluation: Evaluation, screen: Screen) -> None:
    for note in evaluation.notes:
        screen.note(note, style="warning")
    rows = [_COLUMNS, *map(_row, evaluation.measured)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [
            cell.rjust(width) if at >= _FIRST_NUMBER else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cells)
        screen.line(line if number else screen.style(line, "name"))
    if not screen.quiet:
        screen.line(screen.style(_LEGEND, "dim"))


def _row(one: Measured) -> tuple[str, ...]:
    texts = (f"{one.kind}s", printable(one.embedder), one.ranking, f"{one.questions:,}")
    quality = (f"{one.ndcg10:.3f} ±{one.ndcg10_error:.3f}", f"{one.recall10:.3f}", f"{one.tokens:,.0f}")
    return (*texts, *quality, f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}")
