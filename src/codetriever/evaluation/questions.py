"""What is a question with a known answer, and how are sets of them kept?"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from codetriever.evaluation.measures import Span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask, and the places that answer it.

    `source` says what it was made from, "commit" or "comment"; `origin` is that commit, or the qualified name of the definition;
    `about` is the kind of that definition.
    """

    query: str
    spans: tuple[Span, ...]
    language: str
    origin: str
    source: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of one repository: its name, and the commit whose lines the spans count."""

    name: str
    commit: str
    questions: tuple[Question, ...]


def save_questions(path: Path, sets: Sequence[QuestionSet]) -> None:
    """Write sets of questions as one JSON file."""
    text = json.dumps({"repositories": [asdict(one) for one in sets]}, indent=1, ensure_ascii=True)
    path.write_text(text + "\n", encoding="utf-8")


def load_questions(path: Path) -> list[QuestionSet]:
    """Read what `save_questions` wrote; raises KeyError, TypeError or ValueError for anything else."""
    return [_read_set(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["repositories"]]


def _read_set(entry: dict[str, object]) -> QuestionSet:
    questions = entry["questions"]
    if not isinstance(questions, list):
        raise TypeError(f"the questions of {entry['name']} are not a list")
    return QuestionSet(str(entry["name"]), str(entry["commit"]), tuple(map(_read_question, questions)))


def _read_question(entry: dict[str, object]) -> Question:
    spans = entry["spans"]
    if not isinstance(spans, list):
        raise TypeError(f"the spans of {entry['query']!r} are not a list")
    places = tuple(Span(str(span["path"]), int(span["start_line"]), int(span["end_line"])) for span in spans)
    return Question(
        str(entry["query"]), places, str(entry["language"]), str(entry["origin"]), str(entry["source"]), str(entry.get("about", ""))
    )
