"""How does a person read hits?

A heading says where and what, then a few lines of code say why: from the definition's own line on, since that is what was looked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetriever.cli.highlight import highlight
from codetriever.cli.screen import printable

if TYPE_CHECKING:
    from codetriever.cli.screen import Screen
    from codetriever.types import Answer, Freshness, Hit

LINES_SHOWN: Final = 8
_LONGEST_LINE: Final = 400
_TAB: Final = 4
_NAME_PARTS: Final = r"[\w$?!]+"
_QUERY_WORDS: Final = r"[^\W_]{3,}"
_IDENTIFIERS: Final = r"\w*[^\W\d]_\w+"
_MOST_WORDS: Final = 40
# What stands before the name where something is defined, in most languages; in the others the first line with the name is taken.
_DEFINING: Final = (
    r"(?:def|class|fn|fun|func|function|sub|struct|enum|union|trait|interface|impl|type|module|namespace|package|object|record"
    r"|const|let|var|val|static|macro_rules!|#\s*define|table|view)\b[^=;]*?"
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


def _focus(lines: list[str], name: str, query: str, most: int) -> tuple[int, int]:
    """Return the index of the definition's line, and that of the first line that says what was asked, the same when it is near."""
    defined = _definition_line(lines, name)
    worth = _worth(lines, query)
    sums = [sum(worth[first : first + most - 1]) for first in range(len(lines))]
    best = max(range(len(sums)), key=sums.__getitem__)
    if sums[best] <= _ELSEWHERE * sum(worth[defined : defined + most]):
        return defined, defined
    return defined, next(at for at in range(best, len(lines)) if worth[at])


# The lines from the definition on are shown unless others say this much more of what was asked: they are what people expect.
_ELSEWHERE: Final = 2.0


def _worth(lines: list[str], query: str) -> list[float]:
    """Say how much each line has of the query's words, identifiers whole and in parts; a word counts less the more lines have it."""
    words = (word.casefold() for word in re.findall(_QUERY_WORDS, query)[:_MOST_WORDS])
    stems = dict.fromkeys(re.sub(_ENDING, "", word) for word in words if word not in _GRAMMAR)
    patterns = [re.escape(stem) for stem in stems if len(stem) > 2]
    patterns += [rf"(?<!\w){re.escape(name.casefold())}(?!\w)" for name in dict.fromkeys(re.findall(_IDENTIFIERS, query)[:_MOST_WORDS])]
    folded = [line.casefold() for line in lines]
    worth = [0.0] * len(lines)
    for pattern in map(re.compile, patterns):
        having = [at for at, line in enumerate(folded) if pattern.search(line)]
        for at in having:
            worth[at] += 1 / len(having)
    return worth


def _definition_line(lines: list[str], name: str) -> int:
    """Return the index of the line that says "here begins `name`"; without a name that of the first line with text."""
    parts = re.findall(_NAME_PARTS, name)
    if parts:
        word = rf"(?<!\w){re.escape(parts[-1])}(?!\w)"
        for pattern in (re.compile(_DEFINING + word), re.compile(word)):
            for index, line in enumerate(lines):
                if pattern.search(line) and not line.lstrip().startswith(_COMMENT_STARTS):
                    return index
    return next((index for index, line in enumerate(lines) if line.strip()), 0)


def print_answer(answer: Answer, screen: Screen, *, most: int | None = LINES_SHOWN, explain: bool = False) -> None:
    """Print an answer for people: notices, hits, and on a terminal a last line with totals."""
    if answer.weak and answer.hits:
        screen.line(screen.style("Weak match: nothing here is clearly what you asked for. The nearest:", "warning"))
        screen.line()
    for position, hit in enumerate(answer.hits):
        if position:
            screen.line()
        print_hit(hit, screen, query=answer.query, most=most, explain=explain)
    print_notices(answer, screen)
    if answer.hits and (screen.error_is_terminal or screen.verbose):
        screen.note("\n" + footer(answer))


def print_hit(hit: Hit, screen: Screen, *, query: str = "", most: int | None = LINES_SHOWN, explain: bool = False) -> None:
    """Print one hit: a heading, its signals when asked for, its lines."""
    screen.line(heading(hit, screen))
    if explain:
        for signal in hit.signals:
            screen.line(screen.style(f"  {signal.name:<18} {signal.value:8.3f}  {signal.effect:+.3f}", "dim"))
    print_lines(hit.text, hit.start_line, hit.language, screen, only=chosen_lines(hit.text, hit.name, query, most=most))


def heading(hit: Hit, screen: Screen) -> str:
    """Return `path:start-end  name  kind  score`, so that the path and line can be clicked in a terminal."""
    lines = f"{hit.start_line}-{hit.end_line}" if hit.end_line > hit.start_line else f"{hit.start_line}"
    where = screen.style(screen.path(hit.path), "path") + screen.style(":", "dim") + screen.style(lines, "line")
    facts = [screen.style(printable(hit.name), "name")] if hit.name else []
    if hit.kind != "block":
        facts.append(screen.style(hit.kind, "dim"))
    if hit.branch or hit.repository:
        facts.append(screen.style(printable("@".join(filter(None, (hit.repository, hit.branch)))), "dim"))
    return "  ".join((where, *facts, screen.style(f"{hit.score:.2f}", "dim")))


def print_lines(text: str, first: int, language: str, screen: Screen, *, only: list[int] | None = None, marked: int = 0) -> None:
    """Print code with line numbers, which begin with `first`; `only` these lines (indexes), an arrow at the line numbered `marked`."""
    lines = text.removesuffix("\n").split("\n")
    shown = list(range(len(lines))) if only is None else only
    code = highlight("\n".join(map(_fitting, lines)), language, screen)
    width = len(str(first + shown[-1]))
    bar = screen.style("│", "dim")
    for previous, at in zip([shown[0] - 1, *shown], shown, strict=False):
        if at > previous + 1:
            screen.line(screen.style(f" {'':>{width}} ⋮", "dim"))
        sign = ">" if first + at == marked else " "
        screen.line(f"{sign}{screen.style(f'{first + at:>{width}}', 'line')} {bar} {code[at]}".rstrip())
    hidden = sum(1 for line in lines[shown[-1] + 1 :] if line.strip())
    if hidden:
        screen.line(screen.style(f" {'':>{width}} ⋮ {counted(hidden, 'more line')}", "dim"))


def _fitting(line: str) -> str:
    line = printable(line.removesuffix("\r")).expandtabs(_TAB)
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + "…"


def print_notices(answer: Answer, screen: Screen) -> None:
    """Say why there is nothing, what was left out, and what the index does not know yet."""
    if not answer.hits:
        screen.note("nothing found" + (f": {answer.note}" if answer.note else ""), style="warning")
    elif answer.note:
        screen.note(answer.note)
    print_freshness(answer.freshness, screen)


def print_freshness(freshness: Freshness, screen: Screen) -> None:
    """Say so when the files on disk are ahead of the answer."""
    if freshness.note:
        screen.note(freshness.note, style="warning")
    elif freshness.pending_files:
        files = "1 changed file is" if freshness.pending_files == 1 else f"{freshness.pending_files} changed files are"
        screen.note(f"{files} not in this answer yet; `codetriever index` brings the index up to date", style="warning")


def footer(answer: Answer) -> str:
    """Return the last line: how many, how fast, how fresh."""
    total = f"{answer.total}" if answer.exhaustive else f"at least {answer.total}"
    count = f"{len(answer.hits)} of {total} hits" if answer.total > len(answer.hits) else counted(len(answer.hits), "hit")
    return f"{count} · {answer.took_ms:.0f} ms · indexed {ago(answer.freshness.age_s)}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write a number of things."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def ago(age_s: float) -> str:
    """Write an age for people."""
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if age_s >= seconds:
            return counted(int(age_s // seconds), unit) + " ago"
    return "just now" if age_s < 10 else f"{int(age_s)} seconds ago"
