"""How does a person read hits?

A heading says where and what, then a few lines of code say why: from the definition's own line on, since that is what was looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetriever.cli.highlight import highlight
from codetriever.cli.screen import printable
from codetriever.focus import LINES_SHOWN, chosen_lines, is_cut, shown_lines

if TYPE_CHECKING:
    from codetriever.cli.screen import Screen
    from codetriever.types import Answer, Freshness, Hit

_LONGEST_LINE: Final = 400
_TAB: Final = 4
_LAG_SAID_S: Final = 1.0


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
    if is_cut(hit.text, hit.start_line, hit.end_line):
        shown = dict(shown_lines(hit.text, hit.start_line, hit.end_line))
        text = "\n".join(shown.get(number, "") for number in range(hit.start_line, hit.end_line + 1))
        print_lines(text, hit.start_line, hit.language, screen, only=[number - hit.start_line for number in shown])
    else:
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
    if not answer.hits and answer.total:
        screen.note(f"no more hits: there are {answer.total:,}", style="warning")
    elif not answer.hits:
        screen.note("nothing found" + (f": {answer.note}" if answer.note else ""), style="warning")
    elif answer.note:
        screen.note(answer.note)
    print_freshness(answer.freshness, screen)


def print_freshness(freshness: Freshness, screen: Screen) -> None:
    """Say so when the files on disk, or the database that is written, are ahead of the answer."""
    if freshness.replica_lag_s >= _LAG_SAID_S:
        screen.note(f"the replica that answered is {freshness.replica_lag_s:.0f} s behind", style="warning")
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
