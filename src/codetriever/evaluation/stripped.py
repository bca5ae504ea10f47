"""What is a repository without its doc comments, and what do these ask?"""

from __future__ import annotations

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


def copy_without_comments(
    checkout: Checkout, copy: Path, *, max_bytes: int = 2**21, progress: Callable[[int, int], None] | None = None
) -> list[Question]:
    """Copy a checkout's listed files without the doc comments of its source files; return what those ask, in the order of paths.

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
    return questions
