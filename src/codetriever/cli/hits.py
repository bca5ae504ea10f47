"""How does a person read hits?

A heading says where and what, then a few lines of code say why: from the definition's own line on, since that is what was looked for.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from codetriever.cli.highlight import highlight
from codetriever.cli.screen import printable

if TYPE_CHECKING:
    from codetriever.cli.screen import Screen
    from codetriever.types import Answer, Freshness, Hit

LINES_SHOWN: Final = 8
_LONGEST_LINE: Final = 400
_TAB: Final = 4
_NAME_PARTS: Final = re.compile(r"[\w$?!]+")


class Excerpt(NamedTuple):
    """Lines of a hit. `first` is the line number of the first one, `hidden` how many lines of the hit follow the last."""

    first: int
    lines: list[str]
    hidden: int


def excerpt(hit: Hit, *, most: int | None = LINES_SHOWN) -> Excerpt:
    """Choose the lines to show: all of them when `most` is None, else at most that many from the definition's line on."""
    lines = hit.text.removesuffix("\n").split("\n")
    if most is None:
        return Excerpt(hit.start_line, lines, 0)
    start = _definition_line(lines, hit.name)
    start = max(0, min(start, len(lines) - most))
    shown = lines[start : start + most]
    while len(shown) > 1 and not shown[-1].strip():
        shown.pop()
    hidden = sum(1 for line in lines[start + len(shown) :] if line.strip())
    if hidden == 1:
        return Excerpt(hit.start_line + start, lines[start:], 0)
    return Excerpt(hit.start_line + start, shown, hidden)


def _definition_line(lines: list[str], name: str) -> int:
    """Return the index of the line that holds the definition's own name; without a name the first line with text."""
    parts = _NAME_PARTS.findall(name)
    if parts:
        word = re.compile(rf"(?<!\w){re.escape(parts[-1])}(?!\w)")
        for index, line in enumerate(lines):
            if word.search(line) and not line.lstrip().startswith(("#", "//", "*", "/*", '"""', "--")):
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
        print_hit(hit, screen, most=most, explain=explain)
    print_notices(answer, screen)
    if answer.hits and (screen.error_is_terminal or screen.verbose):
        screen.note("\n" + footer(answer))


def print_hit(hit: Hit, screen: Screen, *, most: int | None, explain: bool) -> None:
    """Print one hit: a heading, its signals when asked for, its lines."""
    screen.line(heading(hit, screen))
    if explain:
        for signal in hit.signals:
            screen.line(screen.style(f"  {signal.name:<14} {signal.value:8.3f}  {signal.effect:+.3f}", "dim"))
    print_lines(excerpt(hit, most=most), hit.language, screen)


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


def print_lines(shown: Excerpt, language: str, screen: Screen, *, marked: int = 0) -> None:
    """Print numbered lines of code; `marked` is the number of a line to point at."""
    text = "\n".join(_fitting(line) for line in shown.lines)
    width = len(str(shown.first + len(shown.lines)))
    for number, line in enumerate(highlight(text, language, screen), start=shown.first):
        sign = ">" if number == marked else " "
        screen.line(f"{sign}{screen.style(f'{number:>{width}}', 'line')} {screen.style('│', 'dim')} {line}".rstrip())
    if shown.hidden:
        screen.line(screen.style(f" {'':>{width}} ⋮ {shown.hidden} more lines", "dim"))


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
    count = f"{len(answer.hits)} of {total} hits" if answer.total > len(answer.hits) else _counted(len(answer.hits), "hit")
    return f"{count} · {answer.took_ms:.0f} ms · indexed {ago(time.time() - answer.freshness.indexed_at)}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def ago(age_s: float) -> str:
    """Write an age for people."""
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if age_s >= seconds:
            return _counted(int(age_s // seconds), unit) + " ago"
    return "just now" if age_s < 10 else f"{int(age_s)} seconds ago"
