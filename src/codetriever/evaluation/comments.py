"""Which questions do doc comments ask, and what is left of a file when they are taken out?

The first sentence that describes a definition is a question whose answer is that definition. It may not stay in the file that is
searched, so the description is cut out, and the lines of the answer are those of the file without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codetriever.chunking import cut
from codetriever.evaluation.measures import Span
from codetriever.evaluation.questions import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.types import Definition

DESCRIBED_KINDS = frozenset({"function", "method", "class", "struct", "enum", "trait", "interface", "type", "macro", "module"})
_MARKERS = {
    "python": "#", "ruby": "#", "bash": "#", "elixir": "#", "perl": "#", "r": "#", "julia": "#",
    "haskell": "--", "lua": "--", "sql": "--", "elm": "--",
}  # fmt: skip
_ABOVE_DEFINITION = re.compile(r"@[\w(]|#\[|\[[A-Z]\w*|template\s*<|export\s*$|pub\s*$")
_ORNAMENT = re.compile(
    r"""^\s*(?: /\*+!? | \*+/ | \*(?!/) | //+[!<]? | \#+ | --+[ ]?[|^]? | \{-[ ]?\|? | [rRuU]?\"\"\"|\'\'\' )?\s?
    | \s*(?: \*+/ | -\} | \"\"\"|\'\'\' )\s*$""",
    re.VERBOSE,
)
# Doc comments are HTML or XML in these; elsewhere `<T>` means what it says.
_MARKUP = frozenset({"java", "kotlin", "scala", "groovy", "csharp", "fsharp", "php", "javascript", "typescript", "tsx", "dart"})
_TAG = re.compile(r"<(?:see|paramref|typeparamref)\s+\w+=\"(?:[A-Z]:)?([^\"]*)\"\s*/?>|</?\w[^<>]*>|\{@(?:link|code|linkplain)\s+([^}]*)\}")
_ROLE = re.compile(r":[a-z:]+:`[~!.]*([^`<]*?)(?:\s*<[^`]*)?`")  # Sphinx: :class:`~a.B` is a.B
_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)[.:;](?:\s|$)")
_NOT_DESCRIPTION = re.compile(
    r"copyright|licen[sc]e|todo|fixme|xxx|hack\b|noqa|nolint|eslint|prettier|pylint|rubocop|shellcheck|clang-format|swiftlint|ktlint|type:|@\w+|https?:|[-=*#]{4,}|\bdeprecated\b",
    re.IGNORECASE,
)
# Remarks about a definition, which do not say what it is or does.
_REMARK = re.compile(
    r"(?:we|i|it|they|you|there|because|since|but|so|also|nb|note|see|e\.g|example|usage|warning|must|make sure|don't|do not|if|when"
    r"|otherwise|for (?:example|backwards?|compatibility)|this (?:is|can|must|should|will|may|one|needs?)|these|internal|same as|like)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_FEWEST_WORDS = 4
_MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Described:
    """What the doc comments of a file ask, and its text without them."""

    questions: tuple[Question, ...]
    stripped: bytes


@dataclass(frozen=True, slots=True)
class _Description:
    """Lines `first` to `last` (0-based, end exclusive) that describe a definition."""

    first: int
    last: int
    text: str


def comment_questions(source: bytes, language: str, path: str) -> Described:
    """Questions from the doc comments of one file of UTF-8 text, and the file without every one of them.

    A description is asked when its first sentence has at least four words and does not name what it describes.
    """
    lines = source.split(b"\n")
    found = [
        (definition, description)
        for definition in cut(source, language).definitions
        if definition.kind in DESCRIBED_KINDS and (description := _describe(lines, definition, language)) is not None
    ]
    removed = sorted({line for _, description in found for line in range(description.first, description.last)})
    gone = frozenset(removed)
    kept_before = _kept_before(len(lines), gone)
    questions: dict[str, Question] = {}
    for definition, description in found:
        query = _first_sentence(description.text, definition.name)
        start, end = kept_before[definition.start_line - 1] + 1, kept_before[min(definition.end_line, len(lines))]
        if query and end >= start:
            origin = f"{path}:{definition.qualified_name}"
            questions.setdefault(query, Question(query, (Span(path, start, end),), language, origin, "comment", definition.kind))
    return Described(tuple(questions.values()), b"\n".join(line for number, line in enumerate(lines) if number not in gone))


def _kept_before(count: int, gone: frozenset[int]) -> list[int]:
    """For each 0-based line, and for the end, how many lines before it are kept."""
    kept = [0]
    for number in range(count):
        kept.append(kept[-1] + (number not in gone))
    return kept


def _describe(lines: Sequence[bytes], definition: Definition, language: str) -> _Description | None:
    if language == "python":
        return _docstring(lines, definition)
    return _elixir_doc(lines, definition) if language == "elixir" else _comment_above(lines, definition, language)


def _comment_above(lines: Sequence[bytes], definition: Definition, language: str) -> _Description | None:
    """The whole-line comments right above a definition, past its decorators; they may be inside its span when it begins with them."""
    marker = _MARKERS.get(language, "//")
    first = definition.start_line - 1
    while first < definition.line - 1 and _comment_end(lines, first, marker) > first:
        first = _comment_end(lines, first, marker)
    last = first
    while last > 0 and _ABOVE_DEFINITION.match(_text(lines[last - 1]).strip()):
        last -= 1
    first = _comment_start(lines, last, marker)
    return _Description(first, last, _plain(lines[first:last], language)) if first < last else None


def _comment_end(lines: Sequence[bytes], at: int, marker: str) -> int:
    """Where the comment ends that begins at line `at`; `at` itself when none does."""
    text = _text(lines[at]).strip()
    if text.startswith("/*") and marker == "//":
        return next((number + 1 for number in range(at, len(lines)) if b"*/" in lines[number]), at)
    return at + 1 if text.startswith(marker) else at


def _comment_start(lines: Sequence[bytes], last: int, marker: str) -> int:
    """Where the comment begins that ends before line `last`; `last` itself when none does."""
    if marker == "//" and last and _text(lines[last - 1]).strip().endswith("*/"):
        for number in range(last - 1, -1, -1):
            if b"/*" in lines[number]:
                return number if _text(lines[number]).strip().startswith("/*") else last
        return last
    first = last
    while first and _text(lines[first - 1]).strip().startswith(marker) and not lines[first - 1].startswith(b"#!"):
        first -= 1
    return first


def _docstring(lines: Sequence[bytes], definition: Definition) -> _Description | None:
    """A triple-quoted string on lines of its own as the first statement of a body that goes on after it."""
    for number in range(definition.line - 1, min(definition.line + 20, definition.end_line)):
        text = _text(lines[number]).strip()
        quote = re.match(r"[rRuU]?(\"\"\"|''')", text)
        if quote and number >= definition.line:
            mark = quote.group(1)
            if text.count(mark) >= 2:
                last = number + 1
            else:
                last = next((at + 1 for at in range(number + 1, definition.end_line) if mark in _text(lines[at])), 0)
            return _Description(number, last, _plain(lines[number:last], "python")) if number < last < definition.end_line else None
        if number >= definition.line and text and not re.search(r"[,(\[:\])]$|^[)\]]", _text(lines[number - 1]).strip()):
            return None
    return None


def _elixir_doc(lines: Sequence[bytes], definition: Definition) -> _Description | None:
    """An `@doc` heredoc above a definition; comments where there is none."""
    last = definition.start_line - 1
    while last and re.match(r"@(?:spec|impl|since|deprecated)\b", _text(lines[last - 1]).strip()):
        last -= 1
    if last and _text(lines[last - 1]).strip() == '"""':
        for number in range(last - 2, -1, -1):
            if _text(lines[number]).strip().endswith('"""'):
                is_doc = _text(lines[number]).strip().startswith(("@doc", "@typedoc"))
                return _Description(number, last, _plain(lines[number + 1 : last], "elixir")) if is_doc else None
    return _comment_above(lines, definition, "elixir")


def _plain(lines: Sequence[bytes], language: str) -> str:
    """The words of comment lines, up to the first empty line after the first words."""
    words: list[str] = []
    for line in lines:
        text = _ROLE.sub(r"\1", _ORNAMENT.sub("", _text(line)))
        text = (_TAG.sub(r"\1\2", text) if language in _MARKUP else text).strip(" -")
        if not text and words:
            break
        words += text.split()
    return " ".join(words)


def _first_sentence(text: str, name: str) -> str:
    """The first sentence, or "" when it describes nothing, is cut off in its middle, or gives away the name."""
    end = _SENTENCE_END.search(text)
    sentence = text[: end.start() if end else len(text)].replace("`", "").strip()
    if len(_WORD.findall(sentence)) < _FEWEST_WORDS or len(sentence) > _MOST_CHARACTERS or _NOT_DESCRIPTION.search(sentence):
        return ""
    if _REMARK.match(sentence) or any(sentence.count(left) != sentence.count(right) for left, right in ("()", "[]", "{}")):
        return ""
    first, _, rest = sentence.partition(" ")
    if first.strip("\"'*").casefold() == name.casefold():
        sentence = rest  # Go: "Name does ..."
    return "" if re.search(rf"\b{re.escape(name)}\b", sentence, re.IGNORECASE) or len(_WORD.findall(sentence)) < _FEWEST_WORDS else sentence


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
