"""What do the comments of a source file describe?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codetriever.types import Definition

MAX_CHARS = 400
MIN_WORDS = 3

_HASH = frozenset({"python", "ruby", "elixir", "bash", "perl", "r", "julia", "powershell"})
_DASH = frozenset({"haskell", "lua", "sql"})
_DOCSTRING = re.compile(r"\s*[rRuU]?(\"\"\"|''')(.*?)\1", re.DOTALL)
_BLOCK_END = re.compile(r":[ \t]*(?:#[^\n]*)?\n")
_DECORATION = re.compile(r"\s*(?:@\w|#!?\[|\[[\w.(]|template\s*<|@spec|@impl|@deprecated)")
_MARK = re.compile(r"^\s*(?:/{2,}!?<?|/\*+!?|\*+/|\*(?!\w)|#+:?|-{2,}\s?[|^]?|\{-\s?[|^]?|-\}|;+|%+)\s?")
_TAIL = re.compile(
    r"(?im)^\s*(?:[@\\](?!code\b|link\b)\w+|:(?:param|return|rtype|raises|type)"
    r"|(?:args|arguments|params|parameters|returns?|raises|throws|yields|examples?|notes?|see also|attributes|options)\s*:?\s*$"
    r"|#+ (?:examples?|panics|errors|safety|options)|-{4,}|={4,}|```|>>> |iex> |\.\. \w+::).*"
)
_NOISE = re.compile(
    r"(?i)copyright|licen[sc]e|spdx|eslint|prettier-ignore|rubocop|noqa|nolint|pylint|type: ignore|todo|fixme|xxx\b|hack\b|@ts-|istanbul"
    r"|clang-format|generated|do not edit|go:build|\+build|pragma|shellcheck|coverage|see https?:|swiftlint|phpcs|@inheritdoc|region\b"
)
_CODE_LIKE = re.compile(r"[;{}=<>]\s*$|\w\(.*\)\s*[;:{]?$")
_MARKUP = re.compile(r"<[/\w][^>]{0,60}>|\{@\w+ ([^}]*)\}|:\w+:`~?([^`]*)`|\[([^\]]*)\]\([^)]*\)|\[`([^`]*)`\]|`+")


@dataclass(frozen=True, slots=True)
class Described:
    """A definition and what a comment says of it. `removed` are the character spans of the comment in the file's text."""

    definition: Definition
    description: str
    start: int  # characters in the file's text
    end: int
    removed: tuple[int, int]


def iter_described(text: str, language: str, definitions: Sequence[Definition]) -> Iterator[Described]:
    """Yield the definitions that have a doc comment or docstring which says something."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for definition in definitions:
        first, last = definition.start_line - 1, min(definition.end_line, len(lines))
        if language == "python":
            span = docstring_span(text[starts[first] : starts[last]])
            removed = (starts[first] + span[0], starts[first] + span[1]) if span else None
        else:
            above = comment_above(lines, first, language)
            removed = (starts[above[0]], starts[above[1]]) if above else None
        if removed:
            description = clean(text[removed[0] : removed[1]])
            if description:
                yield Described(definition, description, starts[first], starts[last], removed)


def docstring_span(source: str) -> tuple[int, int] | None:
    """Return where the docstring of a Python definition lies in its source."""
    opening = _BLOCK_END.search(source)
    found = _DOCSTRING.match(source, opening.end()) if opening else None
    return found.span() if found else None


def comment_above(lines: Sequence[str], line: int, language: str) -> tuple[int, int] | None:
    """Return the lines `(first, end)` of the comment that stands right above a line, decorations between them allowed."""
    end = line
    while end > 0 and _DECORATION.match(lines[end - 1]) and not _is_comment(lines[end - 1], language):
        end -= 1
    if language == "elixir" and end > 0 and lines[end - 1].strip() == '"""':
        first = end - 2
        while first > 0 and '"""' not in lines[first]:
            first -= 1
        return (first, end) if "@doc" in lines[first] else None
    first = end
    while first > 0 and _is_comment(lines[first - 1], language):
        first -= 1
    return (first, end) if first < end else None


def iter_inline(text: str, language: str) -> Iterator[tuple[str, int]]:
    """Yield each whole-line comment that says something, with the character where the code after it begins."""
    lines = text.splitlines(keepends=True)
    position = 0
    block: list[str] = []
    for line in lines:
        if _is_comment(line, language):
            block.append(line)
        else:
            if 0 < len(block) <= 6 and line.strip():
                description = clean("".join(block))
                if description:
                    yield description, position
            block = []
        position += len(line)


def clean(comment: str) -> str:
    """Return what a comment says, without marks, markup, parameter lists and code; "" when it says nothing of its code."""
    if _NOISE.search(comment):
        return ""
    body = re.sub(r"\A\s*(?:@(?:module)?doc\s*)?[rRuU]?(?:\"\"\"|''')|(?:\"\"\"|''')\s*\Z|\*/\s*\Z", "", comment)
    body = "\n".join(_MARK.sub("", line) for line in body.splitlines())
    tail = _TAIL.search(body)
    body = body[: tail.start()] if tail else body
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", body) if paragraph.strip()]
    kept = [line for line in "\n".join(paragraphs[:2]).splitlines() if not _CODE_LIKE.search(line)]
    said = _MARKUP.sub(lambda found: next((group for group in found.groups() if group), " "), " ".join(kept))
    said = re.sub(r"https?://\S+", " ", said)
    said = " ".join(said.split())[:MAX_CHARS]
    words = re.findall(r"[A-Za-z]{2,}", said)
    return said if len(words) >= MIN_WORDS and sum(map(len, words)) > 0.6 * len(said.replace(" ", "")) else ""


def _is_comment(line: str, language: str) -> bool:
    stripped = line.lstrip()
    if language in _HASH or language == "php":
        if stripped.startswith("#") and not stripped.startswith(("#[", "#!")):
            return True
        if language in _HASH:
            return False
    if language in _DASH:
        return stripped.startswith(("--", "{-", "-}"))
    return stripped.startswith(("//", "/*", "* ", "*/", "*\n"))
