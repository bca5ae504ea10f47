"""`usages`, `context` and `outline`: look-ups that start from a name or a place."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.hits import counted, print_freshness, print_lines
from codetriever.cli.opening import Places, is_shared, refreshed
from codetriever.cli.screen import printable
from codetriever.cli.searching import NOTHING_FOUND, filters
from codetriever.config import BY_NAME
from codetriever.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.types import ContextAnswer, Definition, FileOutline, Usage, UsagesAnswer

_LINE_SHOWN: Final = 200
_KINDS: Final = ("definition", "import", "call", "reference", "comment", "string")


def usages(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `usages SYMBOL [PATH...]`."""
    symbol, *paths = command.words
    with refreshed(paths, command, settings, screen) as index:
        answer = index.usages(symbol, **_page(filters(command, settings), settings))
        places = Places(index.roots, named=not command.wants_json)
    answer = replace(answer, usages=tuple(places.shown(usage) for usage in answer.usages))
    if command.output == "json":
        screen.json(answer)
    elif command.output == "jsonl":
        for usage in answer.usages:
            screen.json(usage)
    elif command.files:
        for path in dict.fromkeys(usage.path for usage in answer.usages):
            screen.line(screen.path(path))
    elif command.output == "vimgrep" or not screen.is_terminal:
        for usage in answer.usages:
            screen.line(_flat(usage, symbol, screen) if command.output == "vimgrep" else _plain(usage, screen))
    else:
        _print_grouped(answer.usages, screen)
    _say_totals(answer, command, screen)
    return 0 if answer.usages else NOTHING_FOUND


def _page(options: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Ten hits are an answer, but ten usages hide most of them: show as many as may be asked for unless somebody said how many."""
    return options | {"limit": BY_NAME["limit"].maximum} if settings.origin("limit") == "default" else options


def _plain(usage: Usage, screen: Screen) -> str:
    return f"{screen.path(usage.path)}:{usage.line}: {usage.kind}: {printable(usage.text.strip())[:_LINE_SHOWN]}"


def _flat(usage: Usage, symbol: str, screen: Screen) -> str:
    """Return `path:line:column:text`, the column in bytes from 1."""
    text = usage.text.rstrip("\r\n")
    name = re.split(r"[.:#]+", symbol)[-1]
    column = len(text[: max(text.find(name), 0)].encode(errors="surrogateescape")) + 1
    return f"{screen.path(usage.path)}:{usage.line}:{column}:{printable(text)}"


def _print_grouped(usages: Sequence[Usage], screen: Screen) -> None:
    for position, (path, group) in enumerate(groupby(usages, key=lambda usage: usage.path)):
        if position:
            screen.line()
        screen.line(screen.style(screen.path(path), "path"))
        for usage in group:
            text = printable(usage.text.strip())[:_LINE_SHOWN]
            screen.line(f"{screen.style(f'{usage.line:>6}', 'line')}  {screen.style(f'{usage.kind:<10}', 'dim')}  {text}")


def _say_totals(answer: UsagesAnswer, command: Command, screen: Screen) -> None:
    if not answer.usages and answer.total:
        screen.note(f"no more: {answer.symbol!r} occurs {counted(answer.total, 'time')}", style="warning")
    elif not answer.usages:
        screen.note(answer.note or f"nothing found: {answer.symbol!r} occurs nowhere", style="warning")
    elif screen.error_is_terminal or screen.verbose or answer.total > len(answer.usages):
        counts = ", ".join(counted(answer.counts[kind], kind) for kind in _KINDS if answer.counts.get(kind))
        screen.note(f"{len(answer.usages)} of {answer.total}: {counts} · {answer.took_ms:.0f} ms")
    if not command.wants_json:
        print_freshness(answer.freshness, screen)


def context(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `context FILE:LINE`."""
    place = command.words[0]
    path, colon, line = place.rpartition(":")
    if not colon or not line.isdecimal() or not path:
        raise InvalidArguments(f"{place!r} is not FILE:LINE.", hint="For example: codetriever context src/app.py:41")
    here = [] if is_shared([], command, settings) and not os.path.lexists(path) else [path]
    with refreshed(here, command, settings, screen) as index:
        places = Places(index.roots)
        answer = index.context(f"{places.stored(path)}:{line}", radius=command.radius, branch=command.branch)
    answer = replace(answer, path=places.path(answer.path, answer.repository))
    if command.wants_json:
        screen.json(answer)
    else:
        _print_context(answer, screen)
    return 0


def _print_context(answer: ContextAnswer, screen: Screen) -> None:
    shown = answer.enclosing
    where = f"{screen.path(answer.path)}:{shown.start_line}-{shown.end_line}"
    facts = [screen.style(printable(shown.name), "name"), screen.style(shown.kind, "dim")] if shown.name else []
    screen.line("  ".join((screen.style(where, "path"), *facts)))
    print_lines(shown.text, shown.start_line, answer.language, screen, marked=answer.line)
    if answer.imports:
        screen.line()
        screen.line(screen.style("imports", "dim"))
        print_lines(answer.imports.text, answer.imports.start_line, answer.language, screen)
    for title, definitions in (("before", answer.before), ("after", answer.after)):
        if definitions:
            screen.line()
            screen.line(screen.style(title, "dim"))
            for definition in definitions:
                screen.line(_definition_line(definition, 0, screen))
    print_freshness(answer.freshness, screen)


def outline(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `outline [PATH]`."""
    path = command.words[0] if command.words else "."
    here = [] if is_shared([], command, settings) and not (command.words and os.path.lexists(path)) else [path]
    with refreshed(here, command, settings, screen) as index:
        places = Places(index.roots, named=not command.wants_json)
        answer = index.outline(places.stored(path), branch=command.branch)
    answer = replace(answer, path=path, files=tuple(places.shown(file) for file in answer.files))
    if command.wants_json:
        screen.json(answer)
    else:
        for position, file in enumerate(answer.files):
            if position:
                screen.line()
            _print_outline(file, screen)
        if not answer.total:
            screen.note(answer.note or f"nothing found: {path} defines nothing", style="warning")
        print_freshness(answer.freshness, screen)
    return 0 if answer.total else NOTHING_FOUND


def _print_outline(file: FileOutline, screen: Screen) -> None:
    screen.line(screen.style(screen.path(file.path), "path"))
    for definition, depth in nested(file.definitions):
        screen.line(_definition_line(definition, depth, screen))


def nested(definitions: Sequence[Definition]) -> Iterator[tuple[Definition, int]]:
    """Yield each definition with how many others it lies in; they come in byte order."""
    ends: list[int] = []
    for definition in definitions:
        while ends and ends[-1] <= definition.byte_start:
            ends.pop()
        yield definition, len(ends)
        ends.append(definition.byte_end)


def _definition_line(definition: Definition, depth: int, screen: Screen) -> str:
    number = screen.style(f"{definition.line:>6}", "line")
    kind = screen.style(f"{definition.kind:<9}", "dim")
    shown = " ".join(definition.signature.split()) or definition.name
    return f"{number}  {kind}  {'  ' * depth}{printable(shown)[:_LINE_SHOWN]}"
