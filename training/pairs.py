"""Which descriptions of code does a checkout hold? Pairs of a text somebody might ask with, and the code it is about.

Six kinds: a doc comment and the definition without it; a definition's name and its body without the name; a comment within code and
the lines after it; a file's path and a chunk of it; the head comment of a file and a chunk of it; a commit's subject and the lines
that it added.
"""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from codetriever.chunking import cut
from codetriever.errors import CodetrieverError
from training.checkouts import LANGUAGES, MAX_FILE_BYTES, is_own, iter_files
from training.comments import clean, comment_above, iter_described, iter_inline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codetriever.types import Definition
    from training.checkouts import SourceFile

MAX_CODE_CHARS = 1600  # about a chunk
MAX_INLINE_LINES = 15
MIN_CODE_CHARS = 40
MAX_PER_KIND = 6000  # of one checkout, so that large ones do not outweigh the others
MAX_COMMITS = 2500


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
    for file in iter_files(checkout):
        for pair in _pairs_of_file(file, chooser):
            by_kind.setdefault(pair.kind, []).append(pair)
    if history is not None:
        by_kind["commit"] = list(_iter_commit_pairs(checkout.name, history))
    for pairs in by_kind.values():
        chooser.shuffle(pairs)
        yield from pairs[:MAX_PER_KIND]


def _pairs_of_file(file: SourceFile, chooser: random.Random) -> Iterator[Pair]:
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


def _iter_commit_pairs(name: str, history: Path) -> Iterator[Pair]:
    """Yield (subject, added lines of one file) of the latest commits that touch one to three source files."""
    marker = "\x01"
    log = subprocess.run(
        [
            "git",
            "-C",
            str(history),
            "log",
            f"-{MAX_COMMITS}",
            "--no-merges",
            f"--format={marker}%H%x02%s",
            "-p",
            "-U3",
            "--no-renames",
            "--no-ext-diff",
        ],
        capture_output=True,
        timeout=600,
        check=False,
    ).stdout.decode("utf-8", errors="replace")
    for commit in log.split(marker)[1:]:
        head, _, patch = commit.partition("\n")
        identity, _, subject = head.partition("\x02")
        said = clean_subject(subject)
        files = re.split(r"(?m)^diff --git ", patch)[1:]
        sources = [diff for diff in files if _source_of(diff)]
        if said and len(files) <= 8 and 1 <= len(sources) <= 3:
            for diff in sources:
                kept = [line[1:] for line in diff.splitlines()[5:] if line[:1] in "+ " or line.startswith("@@")]
                code = _source_of(diff) + "\n" + "\n".join(kept)
                yield from _pair("commit", f"{name}@{identity}", said, code[:MAX_FILE_BYTES])


def _source_of(diff: str) -> str:
    """Return the path words of a diff's file when it is source of the project's own."""
    path = diff.split("\n", 1)[0].rpartition(" b/")[2]
    return path_text(path) if PurePosixPath(path).suffix in LANGUAGES and is_own(path) else ""


def clean_subject(subject: str) -> str:
    """Return a commit's subject without ticket numbers and prefixes; "" when it says nothing of code."""
    said = re.sub(r"\(?#\d+\)?|\[[^\]]*\]|^\w+(\([^)]*\))?!?:|\b[A-Z]{2,}-\d+\b", " ", subject)
    said = " ".join(said.split())
    if re.search(r"(?i)\b(bump|release|version|changelog|merge|revert|typo|lint|readme|deps?|upgrade|update dependenc)", said):
        return ""
    return said if len(re.findall(r"[A-Za-z]{2,}", said)) >= 3 else ""
