"""Which questions does a repository's own history ask, and which lines answer them?

The subject of a small commit says in words what its lines do; `git blame` says which of those lines are still there. So the cleaned
subject is a question and the surviving lines are its answer, for any repository with a history and without anybody's labels.
"""

from __future__ import annotations

import math
import random
import re
import subprocess
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from codetriever.corpus.classify import classify
from codetriever.evaluation.measures import Span
from codetriever.evaluation.questions import Question
from codetriever.evaluation.subjects import clean_subject, path_endings
from codetriever.types import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

# Languages whose files describe or configure; a commit to them alone changes no code.
NOT_SOURCE = frozenset(
    {"text", "markdown", "rst", "asciidoc", "org", "latex", "bibtex", "json", "json5", "yaml", "toml", "ini", "properties", "xml", "csv"}
    | {"html", "css", "scss", "less", "svg", "diff", "gitignore", "gettext"}
)
MOST_SOURCE_FILES = 3
MOST_FILES = 8
FEWEST_LINES = 2
MOST_LINES = 300
BLAME_TIMEOUT_S = 10.0
HISTORY_COMMITS = 4000


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that is not a merge, with the paths it added or changed; `removes` is true when it deleted some."""

    sha: str
    subject: str
    paths: tuple[str, ...]
    removes: bool


def head_commit(root: Path) -> str:
    """The commit checked out at `root`; raises CalledProcessError without one."""
    return _git(root, "rev-parse", "HEAD").decode().strip()


def commit_questions(
    root: Path,
    *,
    limit: int,
    seed: int = 0,
    candidates: int = 400,
    skip: Collection[str] = (),
    folder: str = "",
    deadline_s: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Question]:
    """At most `limit` questions from the history of the commit checked out at `root`, the same for the same seed.

    Of the newest `HISTORY_COMMITS` commits a random sample is tried, at most `candidates` of them by blame, which is what costs
    time. Asked is only what changed one to three source files that still exist, are as they were committed, and kept between 2
    and 300 of its lines; tests, docs and settings may have changed beside them and answer nothing. Commits named in `skip` are passed
    over, and those that changed a file outside `folder`. After `deadline_s` seconds no more commits are tried. `progress` is told how
    many questions there are, and how many are wanted. Raises CalledProcessError where git fails, for one without any history.
    """
    deadline = time.monotonic() + (math.inf if deadline_s is None else deadline_s)
    head = head_commit(root)
    questions: dict[str, Question] = {}
    blamed = 0
    for commit, query in _askable_commits(root, head, folder, seed):
        if len(questions) >= limit or blamed >= candidates or time.monotonic() > deadline:
            break
        if commit.sha in skip or query.casefold() in questions:
            continue
        blamed += 1
        question = _ask(root, head, commit, query)
        if question:
            questions[query.casefold()] = question
        if progress is not None:
            progress(len(questions), limit)
    return list(questions.values())


def _askable_commits(root: Path, head: str, folder: str, seed: int) -> Iterator[tuple[Commit, str]]:
    """Small commits whose subjects ask something, shuffled, and what they ask."""
    files = frozenset(_files(_git(root, "ls-tree", "-r", "-z", head)))
    endings = path_endings(files)
    unchanged = files - changed_files(root)
    present = frozenset(path for path in unchanged if path.startswith(f"{folder}/") or path == folder) if folder else unchanged
    commits = [commit for commit in read_commits(root, head) if not commit.removes]
    random.Random(seed).shuffle(commits)
    for commit in commits:
        query = clean_subject(commit.subject, endings) if _is_small(commit, present) else ""
        if query:
            yield commit, query


def changed_files(root: Path) -> frozenset[str]:
    """Files of the commit checked out at `root` that differ from it on disk, so that their lines are not those that blame counts."""
    return frozenset(path.decode(errors="surrogateescape") for path in _git(root, "diff", "--name-only", "-z", "HEAD").split(b"\0") if path)


def is_shallow(root: Path) -> bool:
    """Whether the history was cut off when the repository was cloned: blame ascribes what is older to the oldest commit there is."""
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def read_commits(root: Path, head: str, *, limit: int = HISTORY_COMMITS) -> list[Commit]:
    """The newest commits that are not merges, newest first. Renames show as a removal and an addition."""
    log = _git(root, "log", "--no-merges", f"--max-count={limit}", "--no-renames", "--name-status", "-z", "--format=%x01%H %s", head)
    return list(_parse_log(log))


def surviving_spans(root: Path, head: str, sha: str, path: str) -> list[Span]:
    """The runs of lines of `path` at `head` that blame ascribes to the commit; runs are not broken by its blank lines, and none is
    blank throughout. Empty when blame takes longer than `BLAME_TIMEOUT_S`.
    """
    since = [f"^{parent}" for parent in _git(root, "rev-parse", f"{sha}^@").decode().split()]
    try:
        blame = _git(root, "blame", "--porcelain", *since, head, "--", path, timeout_s=BLAME_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return []
    return _runs(path, list(_ascribed(blame, sha.encode())))


def _ask(root: Path, head: str, commit: Commit, query: str) -> Question | None:
    languages = _source_languages(root, head, commit.paths)
    if not 1 <= len(languages) <= MOST_SOURCE_FILES:
        return None
    lines: dict[str, int] = {}
    spans: list[Span] = []
    for path, language in languages.items():
        found = surviving_spans(root, head, commit.sha, path)
        spans += found
        lines[language] = lines.get(language, 0) + sum(span.end_line - span.start_line + 1 for span in found)
    if not FEWEST_LINES <= sum(lines.values()) <= MOST_LINES:
        return None
    return Question(query, tuple(spans), max(lines, key=lambda language: lines[language]), commit.sha, "commit")


def _is_small(commit: Commit, present: frozenset[str]) -> bool:
    return 0 < len(commit.paths) <= MOST_FILES and all(path in present for path in commit.paths)


def _source_languages(root: Path, head: str, paths: Sequence[str]) -> dict[str, str]:
    """The language of each path that holds source. Tests and generated files do not: the code they belong to is what is asked for."""
    found = {}
    for path in paths:
        kind = classify(path, _git(root, "cat-file", "blob", f"{head}:{path}"))
        if kind.role is Role.CODE and kind.language not in NOT_SOURCE:
            found[path] = kind.language
    return found


def _parse_log(log: bytes) -> Iterator[Commit]:
    sha = subject = ""
    paths: list[str] = []
    removes = False
    words = iter(log.split(b"\0"))
    for word in words:
        word = word.lstrip(b"\n")
        if word.startswith(b"\x01"):
            if sha:
                yield Commit(sha, subject, tuple(paths), removes)
            sha, _, subject = word[1:].decode(errors="replace").partition(" ")
            paths, removes = [], False
        elif word:
            path = next(words).decode(errors="surrogateescape")
            if word == b"D":
                removes = True
            else:
                paths.append(path)
    if sha:
        yield Commit(sha, subject, tuple(paths), removes)


def _ascribed(blame: bytes, sha: bytes) -> Iterator[tuple[int, bool]]:
    """(line number, whether it is blank) for each line that a porcelain blame ascribes to the commit."""
    header = re.compile(rb"([0-9a-f]{40,64}) \d+ (\d+)")
    ours, number = False, 0
    for line in blame.split(b"\n"):
        if line.startswith(b"\t"):
            if ours:
                yield number, not line.strip()
        elif start := header.match(line):
            ours, number = start.group(1) == sha, int(start.group(2))


def _runs(path: str, lines: list[tuple[int, bool]]) -> list[Span]:
    if not lines:
        return []
    starts = [0, *(at for at, (before, after) in enumerate(pairwise(lines), 1) if after[0] != before[0] + 1), len(lines)]
    spans = []
    for first, end in pairwise(starts):
        filled = [number for number, blank in lines[first:end] if not blank]
        if filled:
            spans.append(Span(path, filled[0], filled[-1]))
    return spans


def _files(tree: bytes) -> Iterator[str]:
    """Paths of the regular files of a recursive `ls-tree -z`; links and submodules are left out."""
    for entry in tree.split(b"\0"):
        kind, _, path = entry.partition(b"\t")
        if kind.startswith(b"100"):
            yield path.decode(errors="surrogateescape")


def _git(root: Path, *arguments: str, timeout_s: float | None = 120) -> bytes:
    command = ["git", "-C", str(root), "-c", "core.quotepath=off", "-c", "blame.ignoreRevsFile=", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=True)
    return done.stdout
