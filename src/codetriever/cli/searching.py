"""`search` and `similar`: ask, and print hits for people, programs or editors."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.hits import LINES_SHOWN, excerpt, print_answer, print_notices
from codetriever.cli.opening import refreshed
from codetriever.cli.screen import printable
from codetriever.errors import InvalidQuery
from codetriever.wire import as_value

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.types import Answer, Hit

NOTHING_FOUND: Final = 1
_LONGEST_SNIPPET_BYTES: Final = 100_000


def search(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `search QUERY [PATH...]`."""
    query, *paths = command.words
    if not query.strip():
        raise InvalidQuery("the query is empty", hint='say what the code does, for example: codetriever "parse the configuration"')
    with refreshed(paths, command, settings, screen) as index:
        answer = index.search(query, exact=command.exact, **_options(command, settings))
        return show(answer, command, screen)


def similar(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `similar WHAT [PATH...]`; `-` reads the snippet from the standard input."""
    what, *paths = command.words
    if what == "-":
        what = sys.stdin.buffer.read(_LONGEST_SNIPPET_BYTES + 1).decode(errors="replace")
    with refreshed(paths, command, settings, screen) as index:
        answer = index.similar(what, **_options(command, settings))
        return show(answer, command, screen)


def filters(command: Command, settings: Settings) -> dict[str, Any]:
    """Return the options that restrict and page every kind of answer."""
    return {
        "limit": settings.limit,
        "offset": command.offset,
        "paths": command.paths,
        "languages": command.languages,
        "roles": command.roles,
        "branch": command.branch,
    }


def _options(command: Command, settings: Settings) -> dict[str, Any]:
    return {**filters(command, settings), "max_tokens": command.max_tokens, "explain": command.explain, "context": command.context}


def show(answer: Answer, command: Command, screen: Screen) -> int:
    """Print an answer in the form that was asked for and return the exit code."""
    if command.output == "json":
        screen.json(_object(answer, command))
    elif command.output == "jsonl":
        for hit in _without_repeats(answer, command).hits:
            screen.json(hit)
        print_notices(answer, screen)
    elif command.files:
        for hit in _without_repeats(answer, command).hits:
            screen.line(screen.path(hit.path))
        print_notices(answer, screen)
    elif command.output == "vimgrep":
        for hit in answer.hits:
            screen.line(vimgrep_line(hit, screen))
        print_notices(answer, screen)
    else:
        is_whole = command.context is not None or command.max_tokens is not None
        print_answer(answer, screen, most=None if is_whole else LINES_SHOWN, explain=command.explain)
    return 0 if answer.hits else NOTHING_FOUND


def _object(answer: Answer, command: Command) -> dict[str, Any]:
    """Return the answer as `--json` prints it; with `--files` a hit is a path and its score."""
    value: dict[str, Any] = as_value(_without_repeats(answer, command))
    if command.files:
        value["hits"] = [{name: hit[name] for name in ("path", "path_bytes", "score") if name in hit} for hit in value["hits"]]
    return value


def _without_repeats(answer: Answer, command: Command) -> Answer:
    """With `--files` keep the first hit of each file."""
    if not command.files:
        return answer
    first = {(hit.repository, hit.path): hit for hit in reversed(answer.hits)}
    return replace(answer, hits=tuple(hit for hit in answer.hits if first[hit.repository, hit.path] is hit))


def vimgrep_line(hit: Hit, screen: Screen) -> str:
    """Return `path:line:column:text` of the first line worth seeing; the column is in bytes, from 1, as editors count it."""
    shown = excerpt(hit)
    line = shown.lines[0].removesuffix("\r")
    indent = len(line) - len(line.lstrip())
    return f"{screen.path(hit.path)}:{shown.first}:{len(line[:indent].encode(errors='surrogateescape')) + 1}:{printable(line)}"
