"""`search` and `similar`: ask, and print hits for people, programs or editors."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.arguments import PROGRAM
from codetriever.cli.hits import print_answer, print_notices
from codetriever.cli.opening import Places, refreshed, similar_verb
from codetriever.cli.screen import printable
from codetriever.errors import InvalidQuery
from codetriever.focus import LINES_SHOWN, focus_line
from codetriever.wire import as_value

if TYPE_CHECKING:
    from codetriever.api import Index
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
        raise InvalidQuery("The query is empty.", hint='Say what the code does, for example: codetriever "parse the configuration"')
    with refreshed(paths, command, settings, screen) as index:
        answer = index.search(query, exact=command.exact, **_options(command, settings))
        answer = _here(answer, index, command)
    code = show(answer, command, screen)
    if (answer.weak or not answer.hits) and not command.wants_json and (meant := _another_meaning(command)):
        screen.note(meant)
    return code


def _another_meaning(command: Command) -> str:
    """Say what a query that finds nothing may have been meant to be, if it is one word that looks like something else."""
    query = command.words[0]
    if len(command.words) == 1 and (verb := similar_verb(command)):
        return f"Did you mean `{PROGRAM} {verb}`?"
    if "://" in query and " " not in query:
        return f"What is to be searched has to be on this machine: git clone {query}"
    return ""


def similar(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `similar WHAT [PATH...]`; `-` reads the snippet from the standard input."""
    what, *paths = command.words
    if what == "-":
        what = sys.stdin.buffer.read(_LONGEST_SNIPPET_BYTES + 1).decode(errors="replace")
    with refreshed(paths, command, settings, screen) as index:
        answer = index.similar(_stored_place(what, Places(index.roots)), **_options(command, settings))
        answer = _here(answer, index, command)
    return show(answer, command, screen)


def _stored_place(what: str, places: Places) -> str:
    """Make the path of a FILE:LINE that exists relative to its repository; anything else is a snippet or a symbol."""
    path, colon, line = what.rpartition(":")
    is_place = colon and line.isdecimal() and "\n" not in what and os.path.lexists(path)
    return f"{places.stored(path)}:{line}" if is_place else what


def _here(answer: Answer, index: Index, command: Command) -> Answer:
    """Return the answer with paths as seen from the working directory, and hits with the lines around them that were asked for."""
    is_line = command.files or command.output == "vimgrep"
    places, hits = Places(index.roots, named=is_line and not command.wants_json), list(answer.hits)
    if command.context:
        for position, hit in enumerate(hits):
            around = index.lines(hit, radius=command.context)
            hits[position] = replace(
                hit,
                start_line=around.start_line,
                end_line=around.end_line,
                byte_start=around.byte_start,
                byte_end=around.byte_end,
                text=around.text,
            )
    return replace(answer, hits=tuple(places.shown(hit) for hit in hits))


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
    return {**filters(command, settings), "max_tokens": command.max_tokens, "explain": command.explain}


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
            screen.line(vimgrep_line(hit, screen, query=answer.query))
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


def vimgrep_line(hit: Hit, screen: Screen, *, query: str = "") -> str:
    """Return `path:line:column:text` of the line worth jumping to; the column is in bytes, from 1, as editors count it."""
    at = focus_line(hit.text, hit.name, query)
    line = hit.text.split("\n")[at].removesuffix("\r")
    indent = len(line) - len(line.lstrip())
    column = len(line[:indent].encode(errors="surrogateescape")) + 1
    return f"{screen.path(hit.path)}:{hit.start_line + at}:{column}:{printable(line)}"
