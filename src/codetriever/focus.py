"""Which lines of a piece of code say why it was found?

A definition is shown from its own line on, since that is what people expect; where more of what was asked lies elsewhere, those lines
follow. What is left out is a line of its own: `… line 7` says that line 7 of the file comes next, `…` that more would follow.
"""

from __future__ import annotations

import re
from typing import Final

from codetriever.tokens import CHARACTERS_PER_TOKEN, count_tokens

LINES_SHOWN: Final = 8
_GAP: Final = re.compile(r"…(?: line ([0-9]+))?")
_LONGEST_LINE: Final = 160
_LEAST_LINE: Final = 80
# The lines from the definition on are shown unless others say this much more of what was asked: they are what people expect.
_ELSEWHERE: Final = 2.0
_NAME_PARTS: Final = r"[\w$?!]+"
_QUERY_WORDS: Final = r"[^\W_]{3,}"
_IDENTIFIERS: Final = r"\w*[^\W\d]_\w+"
_MOST_WORDS: Final = 40
_MOST_SOUGHT: Final = 8
# What stands before the name where something is defined, in most languages; in the others the first line with the name is taken.
_DEFINING: Final = (
    r"(?:def|class|fn|fun|func|function|sub|struct|enum|union|trait|interface|impl|type|module|namespace|package|object|record"
    r"|const|let|var|val|static|macro_rules|#\s*define|table|view)\b"
)
_COMMENT_STARTS: Final = ("# ", "//", "*", "/*", '"""', "--", ";", "%")
# Words of a question that say nothing of what is asked for.
_GRAMMAR: Final = frozenset(
    "and are any being but can did does for from had has have how into its not our that the their then there these this those was were "
    "what when where which while who whose why will with would you your".split()
)
# Endings that a question and the code it asks for may differ in.
_ENDING: Final = r"(?:ing|ed|es|s|e)$"


def chosen_lines(text: str, name: str = "", query: str = "", *, most: int | None = LINES_SHOWN) -> list[int]:
    """Choose the lines of a hit to show, as indexes in order: all when `most` is None.

    Shown is the definition from its own line on; when the words of the query lie elsewhere, the lines there, below the definition's line.
    """
    lines = text.removesuffix("\n").split("\n")
    if most is None or len(lines) <= most + 1:
        return list(range(len(lines)))
    defined, asked = _focus(lines, name, query, most)
    if asked > defined:
        chosen = [defined, *range(asked, min(asked + most - 1, len(lines)))]
    else:
        start = min(asked, len(lines) - most)
        chosen = list(range(start, start + most))
    while len(chosen) > 1 and not lines[chosen[-1]].strip():
        chosen.pop()
    return chosen


def focus_line(text: str, name: str = "", query: str = "") -> int:
    """Return the index of the line to jump to: the definition's own, or one elsewhere that says what was asked."""
    return _focus(text.removesuffix("\n").split("\n"), name, query, LINES_SHOWN)[1]


def excerpt(text: str, name: str = "", query: str = "", *, first: int, last: int, max_tokens: int) -> str:
    """Return as many whole lines of a piece (lines `first` to `last` of its file) as fit, at least one, with marks for what is left out.

    A long line is cut at its end, where `…` says so. Text that fits is returned as it is.
    """
    lines = text.removesuffix("\n").split("\n")
    room = max(max_tokens * CHARACTERS_PER_TOKEN, _LEAST_LINE)
    if count_tokens(text) <= max_tokens or (len(lines) == 1 and len(text) <= room):
        return text
    usual = sum(min(len(line), _LONGEST_LINE) + 1 for line in lines) // len(lines)
    chosen = chosen_lines(text, name, query, most=max(max_tokens * CHARACTERS_PER_TOKEN // usual, 1))
    shown = [_fitting(lines[at], min(room, _LONGEST_LINE)) for at in chosen]
    # What a notebook's cells say has other lines than its file.
    numbered_from = first if len(lines) == last - first + 1 else 0
    cut = _marked(shown, chosen, len(lines), numbered_from)
    while len(shown) > 1 and (count_tokens(cut) > max_tokens or not shown[-1].strip()):
        shown.pop()
        cut = _marked(shown, chosen[: len(shown)], len(lines), numbered_from)
    return cut


def _fitting(line: str, most: int) -> str:
    return line if len(line) <= most else line[: most - 1] + "…"


def _marked(shown: list[str], places: list[int], count: int, first: int) -> str:
    """Join lines that lie at these indexes of `count` lines, with marks between those that do not follow each other."""
    said = []
    for line, place, before in zip(shown, places, [-1, *places], strict=False):
        if place != before + 1:
            said.append(f"… line {first + place}" if first else "…")
        said.append(line)
    return "\n".join([*said, "…"] if places[-1] < count - 1 else said) + "\n"


def is_cut(text: str, first: int, last: int) -> bool:
    """Say whether the text of a hit in these lines is an excerpt."""
    return text.count("\n") <= last - first and any(map(_GAP.fullmatch, text.splitlines()))


def shown_lines(text: str, first: int, last: int) -> list[tuple[int, str]]:
    """Return the lines that a hit's text shows with their numbers in the file, the marks of what is left out resolved."""
    if not is_cut(text, first, last):
        return list(enumerate(text.removesuffix("\n").split("\n"), start=first))
    number, found = first, []
    for line in text.removesuffix("\n").split("\n"):
        gap = _GAP.fullmatch(line)
        if gap is None:
            found.append((number, line))
            number += 1
        elif gap[1]:
            number = int(gap[1])
    return found


def _focus(lines: list[str], name: str, query: str, most: int) -> tuple[int, int]:
    """Return the index of the definition's line, and that of the first line that says what was asked, the same when it is near."""
    defined = _definition_line(lines, name)
    worth = _worth(lines, query)
    sums = [sum(worth[first : first + most - 1]) for first in range(len(lines))]
    best = max(range(len(sums)), key=sums.__getitem__)
    if sums[best] <= _ELSEWHERE * sum(worth[defined : defined + most]):
        return defined, defined
    return defined, next(at for at in range(best, len(lines)) if worth[at])


def sought_words(query: str) -> list[str]:
    """Return the words that somebody would look for to find what a query asks: a text in quotes whole, else no grammar."""
    quoted = re.findall(r'"([^"\n]+)"', query)
    words = quoted or [word for word in re.findall(r"\w{3,}", query) if word.casefold() not in _GRAMMAR]
    return list(dict.fromkeys(words))[:_MOST_SOUGHT]


def _worth(lines: list[str], query: str) -> list[float]:
    """Say how much each line has of the query's words, identifiers whole and in parts; a word counts less the more lines have it."""
    words = (word.casefold() for word in re.findall(_QUERY_WORDS, query)[:_MOST_WORDS])
    stems = dict.fromkeys(re.sub(_ENDING, "", word) for word in words if word not in _GRAMMAR)
    names = [rf"(?<!\w){re.escape(name.casefold())}(?!\w)" for name in dict.fromkeys(re.findall(_IDENTIFIERS, query)[:_MOST_WORDS])]
    folded = [line.casefold() for line in lines]
    found = [[at for at, line in enumerate(folded) if stem in line] for stem in stems if len(stem) > 2]
    found += [[at for at, line in enumerate(folded) if name.search(line)] for name in map(re.compile, names)]
    worth = [0.0] * len(lines)
    for having in found:
        for at in having:
            worth[at] += 1 / len(having)
    return worth


def _definition_line(lines: list[str], name: str) -> int:
    """Return the index of the line that says "here begins `name`"; without a name that of the first line with text."""
    parts = re.findall(_NAME_PARTS, name)
    if parts:
        word = re.compile(rf"(?<!\w){re.escape(parts[-1])}(?!\w)")
        named = [at for at, line in enumerate(lines) if word.search(line) and not line.lstrip().startswith(_COMMENT_STARTS)]
        if named:
            return next((at for at in named if any(map(_follows_keyword, word.finditer(lines[at])))), named[0])
    return next((index for index, line in enumerate(lines) if line.strip()), 0)


def _follows_keyword(name: re.Match[str]) -> bool:
    """Say whether before a name, in the same statement and on its side of an assignment, stands what defines."""
    before = re.split("[=;]", name.string[: name.start()])[-1]
    return re.search(_DEFINING, before) is not None
