"""What is a repository without its doc comments, and what do these ask?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codetriever.corpus.classify import classify
from codetriever.corpus.walk import list_files
from codetriever.evaluation.comments import comment_questions
from codetriever.evaluation.history import NOT_SOURCE
from codetriever.types import Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codetriever.corpus.git import Checkout
    from codetriever.evaluation.questions import Question

LARGEST_SOURCE_BYTES = 500_000
MOST_ANSWERS = 3


def copy_without_comments(
    checkout: Checkout, copy: Path, *, max_bytes: int = 2**21, progress: Callable[[int, int], None] | None = None
) -> list[Question]:
    """Copy a checkout's listed files without the doc comments of its source files; return what those ask, in the order of paths.

    What is said of up to three definitions in the same words is one question that each of them answers; what is said of more asks nothing.
    Every comment that describes a definition is left out, whether or not it asks anything, so that no file is easier to find for
    what was left in it. Files of more than `max_bytes`, links and what cannot be read are not copied. `progress` is told how many files
    are done, and of how many.
    """
    questions: list[Question] = []
    paths = list_files(checkout).paths
    for done, path in enumerate(paths):
        source, target = checkout.root / path, copy / path
        try:
            if source.is_symlink() or not source.is_file() or source.stat().st_size > max_bytes:
                continue
            data = source.read_bytes()
        except OSError:
            continue
        kind = classify(path, data)
        if kind.role is Role.CODE and kind.language not in NOT_SOURCE and b"\0" not in data and len(data) < LARGEST_SOURCE_BYTES:
            described = comment_questions(data, kind.language, path)
            questions += described.questions
            data = described.stripped
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        if progress is not None:
            progress(done + 1, len(paths))
    return _joined(questions)


def _joined(questions: list[Question]) -> list[Question]:
    """Join the questions that are asked in the same words, as an interface and what implements it do."""
    alike: dict[str, list[Question]] = {}
    for question in questions:
        alike.setdefault(question.query.casefold(), []).append(question)
    return [
        replace(same[0], spans=tuple(span for question in same for span in question.spans))
        for same in alike.values()
        if len(same) <= MOST_ANSWERS
    ]
