"""Which questions is a repository asked, if it shall answer its own?"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codetriever.errors import InvalidArguments, PathNotFound, QuestionsMissing
from codetriever.evaluation.history import changed_files, commit_questions, is_shallow
from codetriever.evaluation.questions import load_questions
from codetriever.evaluation.stripped import copy_without_comments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from codetriever.corpus.git import Checkout
    from codetriever.evaluation.questions import Question

    Tell = Callable[[str, int, int], None]

KINDS = ("commit", "comment")
FEWEST_QUESTIONS = 5
HISTORY_DEADLINE_S = 120.0
_CANDIDATES_PER_QUESTION = 8  # in the 35 repositories that were tried, one commit in three asks something


@dataclass(frozen=True, slots=True)
class Chosen:
    """The questions of each kind, in the order of `KINDS`, and what to know of them."""

    questions: dict[str, list[Question]]
    notes: tuple[str, ...]


def choose_questions(
    checkout: Checkout, copy: Path, *, kinds: Sequence[str], most: int, seed: int, saved: Path | None, max_bytes: int, tell: Tell
) -> Chosen:
    """Choose at most `most` questions of the kinds together; for comments the checkout is copied to `copy` without them.

    What one kind cannot fill the other does. Raises `QuestionsMissing` when there are too few, or `saved` ones belong to another commit.
    """
    notes: list[str] = []
    found: dict[str, list[Question]] = {kind: [] for kind in KINDS}
    if "comment" in kinds:
        found["comment"] = _of_comments(checkout, copy, seed=seed, max_bytes=max_bytes, tell=tell)
    if saved is not None:
        found = _saved(checkout, saved, kinds, notes)
    elif "commit" in kinds:
        others = min(len(found["comment"]), most // 2)
        found["commit"] = _of_history(checkout, most=most - others, seed=seed, notes=notes, tell=tell)
    found["commit"] = found["commit"][:most]
    found["comment"] = found["comment"][: most - len(found["commit"])]
    if sum(map(len, found.values())) < FEWEST_QUESTIONS:
        raise QuestionsMissing(
            f"{checkout.root} has {sum(map(len, found.values()))} questions of its own; fewer than {FEWEST_QUESTIONS} say nothing.",
            hint=" ".join(notes)
            or "Questions come from commits to one to three source files, and from comments that describe definitions.",
        )
    return Chosen({kind: questions for kind, questions in found.items() if questions}, tuple(notes))


def _of_comments(checkout: Checkout, copy: Path, *, seed: int, max_bytes: int, tell: Tell) -> list[Question]:
    questions = copy_without_comments(checkout, copy, max_bytes=max_bytes, progress=lambda done, total: tell("files", done, total))
    inside = [question for question in questions if _is_inside(question, checkout.folder)]
    random.Random(seed).shuffle(inside)
    return inside


def _of_history(checkout: Checkout, *, most: int, seed: int, notes: list[str], tell: Tell) -> list[Question]:
    problem = _why_no_history(checkout)
    if problem:
        notes.append(problem)
        return []
    started = time.monotonic()
    try:
        if is_shallow(checkout.root):
            notes.append("The history is cut off (a shallow clone): `git fetch --unshallow` gives more questions.")
        questions = commit_questions(
            checkout.root,
            limit=most,
            seed=seed,
            candidates=_CANDIDATES_PER_QUESTION * most,
            folder=checkout.folder,
            deadline_s=HISTORY_DEADLINE_S,
            progress=lambda done, total: tell("history", done, total),
        )
    except subprocess.SubprocessError as error:
        reason = getattr(error, "stderr", b"") or b""
        notes.append(f"git could not read the history: {reason.decode(errors='replace').strip() or error}.")
        return []
    if time.monotonic() - started > HISTORY_DEADLINE_S:
        notes.append(f"Reading the history was stopped after {HISTORY_DEADLINE_S:.0f} s, with {len(questions)} of {most} questions.")
    return questions


def _why_no_history(checkout: Checkout) -> str:
    if not checkout.is_git:
        return f"{checkout.root} is no git repository, so no commit asks anything."
    if not checkout.head:
        return f"{checkout.root} has no commit yet, so none asks anything."
    return "" if shutil.which("git") else "git is not installed, so no commit asks anything."


def _saved(checkout: Checkout, path: Path, kinds: Sequence[str], notes: list[str]) -> dict[str, list[Question]]:
    """The questions of this commit in a file, without those whose files changed since."""
    try:
        sets = load_questions(path)
    except FileNotFoundError:
        raise PathNotFound(f"There is no file {str(path)!r}.", hint="`--save FILE` writes one.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArguments(f"{path} holds no questions: {error}.", hint="`--save FILE` writes such a file.") from None
    mine = [one for one in sets if one.commit == checkout.head]
    if not mine:
        commits = ", ".join(sorted({one.commit[:12] or "no commit" for one in sets})) or "none"
        raise QuestionsMissing(
            f"The questions in {path} belong to other commits ({commits}) than the one checked out ({checkout.head[:12] or 'none'}).",
            hint="Their answers are lines of those commits: check one of them out, or make questions anew.",
        )
    changed = changed_files(checkout.root) if checkout.is_git else frozenset()
    asked = [question for one in mine for question in one.questions if question.source in kinds and _is_inside(question, checkout.folder)]
    current = [question for question in asked if not any(span.path in changed for span in question.spans)]
    if len(current) < len(asked):
        notes.append(f"{len(asked) - len(current)} questions are left out: their files have changed.")
    return {kind: [question for question in current if question.source == kind] for kind in KINDS}


def _is_inside(question: Question, folder: str) -> bool:
    return not folder or all(span.path == folder or span.path.startswith(f"{folder}/") for span in question.spans)
