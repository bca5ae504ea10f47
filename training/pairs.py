"""Which descriptions of code does a checkout hold? Pairs of a text somebody might ask with, and the code it is about.

Eight kinds: a doc comment and the definition without it; a definition's name and its body without the name; a comment within code and
the lines after it; a file's path and a chunk of it; the head comment of a file and a chunk of it; a commit's subject and the lines
that it added; the subject, and what the message says beyond it, and the chunk of today that holds most of those lines.
"""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from codetriever.chunking import cut
from codetriever.errors import CodetrieverError
from training.checkouts import LANGUAGES, MAX_FILE_BYTES, is_own, iter_files
from training.comments import clean, comment_above, iter_described, iter_inline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from codetriever.types import Definition
    from training.checkouts import SourceFile

MAX_CODE_CHARS = 1600  # about a chunk
MAX_INLINE_LINES = 15
MIN_CODE_CHARS = 40
MAX_PER_KIND = 6000  # of one checkout, so that large ones do not outweigh the others
MAX_COMMITS = 2500
MAX_FILES = 8  # of a commit; larger ones say little of each file
MAX_SOURCES = 3
MIN_LINE_CHARS = 8  # a shorter line is in every chunk
MIN_MESSAGE_WORDS = 5
MAX_MESSAGE_CHARS = 400

_TRAILER = re.compile(
    r"(?i)[\w-]+-by:|change-id|git-svn-id|cherry.?pick|signed off"
    r"|^\W*(?:fix(?:es)?|close[sd]?|resolve[sd]?|refs?|see|merge)\b.{0,20}$"
)


Lined: TypeAlias = tuple[str, frozenset[str]]
"""A chunk's name and text, and its lines without white space around them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """`asked` describes `code`; pairs of one `place` (a file, a commit) are not counter-examples of each other."""

    kind: str
    place: str
    asked: str
    code: str


def iter_pairs(checkout: Path, history: Path | None, *, seed: int = 0) -> Iterator[Pair]:
    """Yield the checkout's pairs, at most `MAX_PER_KIND` of each kind, chosen by the seed."""
    chooser = random.Random(f"{seed} {checkout.name}")
    by_kind: dict[str, list[Pair]] = {}
    chunks: dict[str, list[Lined]] = {}
    for file in iter_files(checkout):
        for pair in _pairs_of_file(file, chooser, chunks):
            by_kind.setdefault(pair.kind, []).append(pair)
    if history is not None:
        for pair in _iter_commit_pairs(checkout.name, history, chunks):
            by_kind.setdefault(pair.kind, []).append(pair)
    for pairs in by_kind.values():
        chooser.shuffle(pairs)
        yield from pairs[:MAX_PER_KIND]


def _pairs_of_file(file: SourceFile, chooser: random.Random, chunks_of: dict[str, list[Lined]]) -> Iterator[Pair]:
    """Yield the pairs of a file, and keep its chunks by its path."""
    place = f"{file.checkout}/{file.path}"
    try:
        pieces = cut(file.text.encode(), file.language)
    except CodetrieverError:
        return
    data = file.text.encode()
    for described in iter_described(file.text, file.language, pieces.definitions):
        start, end = described.removed
        code = file.text[described.start : max(start, described.start)] + file.text[max(end, described.start) : described.end]
        yield from _pair("doc", place, described.description, f"{described.definition.qualified_name}\n{code}")
    for definition in pieces.definitions:
        body = data[definition.byte_start : definition.byte_end].decode(errors="replace")
        yield from _named(place, definition, body)
    for said, position in iter_inline(file.text, file.language):
        code = "".join(file.text[position : position + MAX_CODE_CHARS].splitlines(keepends=True)[:MAX_INLINE_LINES])
        yield from _pair("inline", place, said, code)
    chunks = [data[chunk.byte_start : chunk.byte_end].decode(errors="replace") for chunk in pieces.chunks]
    named = [f"{chunk.name}\n{text}" for chunk, text in zip(pieces.chunks, chunks, strict=True)]
    chunks_of[file.path] = [(text, frozenset(map(str.strip, text.splitlines()))) for text in named]
    if chunks:
        yield from _pair("path", place, path_text(file.path), chooser.choice(chunks))
        head = comment_above(file.text.splitlines(keepends=True), _first_code_line(file), file.language)
        said = clean("".join(file.text.splitlines(keepends=True)[head[0] : head[1]])) if head and head[0] < 5 else ""
        if said and len(chunks) > 1:
            yield from _pair("head", place, said, chooser.choice(chunks[1:]))


def path_text(path: str) -> str:
    """Return what a path says of its file: its last three parts without the ending."""
    return " ".join(PurePosixPath(path).with_suffix("").parts[-3:])


def _named(place: str, definition: Definition, body: str) -> Iterator[Pair]:
    if definition.kind in ("variable", "field", "constant") or body.count("\n") < 2:
        return
    without = re.sub(rf"\b{re.escape(definition.name)}\b", " ", body, count=1)
    yield from _pair("name", place, definition.qualified_name, without)


def _pair(kind: str, place: str, asked: str, code: str) -> Iterator[Pair]:
    code = code[:MAX_CODE_CHARS]
    if len(code.strip()) >= MIN_CODE_CHARS:
        yield Pair(kind, place, asked, code)


def _first_code_line(file: SourceFile) -> int:
    lines = file.text.splitlines()
    opened = False
    for number, line in enumerate(lines[:60]):
        stripped = line.strip()
        opened = opened or stripped.startswith(("/*", '"""', "{-"))
        if stripped and not opened and not stripped.startswith(("//", "#", "--", "*", ";")):
            return number
        if opened and stripped.endswith(("*/", '"""', "-}")) and len(stripped) > 3 - 2 * (not stripped.startswith('"""')):
            opened = False
    return min(len(lines), 60)


def _iter_commit_pairs(name: str, history: Path, chunks: Mapping[str, Sequence[Lined]]) -> Iterator[Pair]:
    """Yield pairs of the latest commits that touch one to three source files: with added lines, and with chunks of today."""
    for identity, subject, body, patch in _commits(history):
        said = clean_subject(subject)
        sources = [diff for diff in re.split(r"(?m)^diff --git ", patch)[1:] if _source_of(diff)]
        message = clean_message(body)
        for diff in sources:
            place = f"{name}@{identity}"
            words = path_text(_source_of(diff))
            kept = [line[1:] for line in diff.splitlines()[5:] if line[:1] in "+ " or line.startswith("@@")]
            yield from _pair("commit", place, said, (words + "\n" + "\n".join(kept))[:MAX_FILE_BYTES])
            chunk = changed_chunk(diff, chunks.get(_source_of(diff), ()))
            if chunk:
                yield from _pair("change", place, said, f"{words}\n{chunk}")
                if message:
                    yield from _pair("message", place, message, f"{words}\n{chunk}")


def _commits(history: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield (identity, subject, body, patch) of the latest commits of up to eight files, one to three of them source."""
    listed = ("log", f"-{MAX_COMMITS}", "--no-merges", "--no-renames", "--name-only", "--format=%x01%H%x02%s%x02%b%x02")
    messages: dict[str, tuple[str, str]] = {}
    for commit in _git(history, *listed).split("\x01")[1:]:
        if commit.count("\x02") < 3:
            continue  # the rest of a message with a control character in it
        identity, subject, body, names = commit.split("\x02", 3)
        paths = names.split("\n")[1:-1]
        if clean_subject(subject) and len(paths) <= MAX_FILES and 1 <= sum(map(_is_source, paths)) <= MAX_SOURCES:
            messages[identity] = (subject, body)
    wanted = "".join(f"{identity}\n" for identity in messages)
    patches = _git(
        history, "diff-tree", "--stdin", "--root", "-r", "-p", "-U3", "--no-renames", "--no-ext-diff", "--format=%x01%H", stdin=wanted
    )
    for commit in patches.split("\x01")[1:]:
        identity, _, patch = commit.partition("\n")
        if identity in messages:
            yield identity, *messages[identity], patch


def _git(history: Path, *command: str, stdin: str = "") -> str:
    done = subprocess.run(["git", "-C", str(history), *command], input=stdin.encode(), capture_output=True, timeout=600, check=False)
    return done.stdout.decode("utf-8", errors="replace")


def changed_chunk(diff: str, chunks: Sequence[Lined]) -> str:
    """Return the chunk that holds most of the lines that a diff added, one in three of them at least; "" when there is none."""
    added = {line[1:].strip() for line in diff.splitlines()[5:] if line.startswith("+")}
    added = {line for line in added if len(line) >= MIN_LINE_CHARS}
    found, text = max(((len(added & lines), text) for text, lines in chunks), default=(0, ""))
    return text if found and 3 * found >= len(added) else ""


def _source_of(diff: str) -> str:
    """Return the path of a diff's file when it is source of the project's own."""
    path = diff.split("\n", 1)[0].rpartition(" b/")[2]
    return path if _is_source(path) else ""


def _is_source(path: str) -> bool:
    return PurePosixPath(path).suffix in LANGUAGES and is_own(path)


def clean_message(body: str) -> str:
    """Return the first paragraph of what a commit's message says beyond its subject, when it is prose; "" when it is not."""
    said = " ".join(re.sub(r"https?://\S+|\(?#\d+\)?", " ", re.split(r"\n\s*\n", body.strip(), maxsplit=1)[0]).split())
    if _TRAILER.search(said) or len(re.findall(r"[A-Za-z]{2,}", said)) < MIN_MESSAGE_WORDS:
        return ""
    return said[:MAX_MESSAGE_CHARS]


def clean_subject(subject: str) -> str:
    """Return a commit's subject without ticket numbers and prefixes; "" when it says nothing of code."""
    said = re.sub(r"\(?#\d+\)?|\[[^\]]*\]|^\w+(\([^)]*\))?!?:|\b[A-Z]{2,}-\d+\b", " ", subject)
    said = " ".join(said.split())
    if re.search(r"(?i)\b(bump|release|version|changelog|merge|revert|typo|lint|readme|deps?|upgrade|update dependenc)", said):
        return ""
    return said if len(re.findall(r"[A-Za-z]{2,}", said)) >= 3 else ""
