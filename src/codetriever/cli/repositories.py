"""`repositories`: what a tenant has in the database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codetriever.cli.hits import ago, counted
from codetriever.cli.opening import connected, may_remove
from codetriever.cli.screen import printable
from codetriever.cli.searching import NOTHING_FOUND
from codetriever.cli.tenants import named
from codetriever.config import format_size
from codetriever.errors import InvalidArguments
from codetriever.wire import as_value

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.connection import Connection
    from codetriever.store.postgres.repositories import Repository


def repositories(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `repositories list|show|rename|remove|statistics [NAME] [NEW]`."""
    actions = {"list": _list, "show": _show, "rename": _rename, "remove": _remove, "statistics": _statistics}
    with connected(settings) as connection:
        return actions[command.words[0]](connection, command, screen)


def _list(connection: Connection, command: Command, screen: Screen) -> int:
    found = connection.repositories.list()
    if command.wants_json:
        screen.json({"repositories": found})
    else:
        for repository in found:
            screen.line(repository_line(repository, screen))
        total = sum(repository.chunks for repository in found)
        screen.note(f"{counted(len(found), 'repository', 'repositories')} with {counted(total, 'chunk')}")
    return 0 if found else NOTHING_FOUND


def repository_line(repository: Repository, screen: Screen) -> str:
    """Return what a person wants to know of a repository in one line."""
    if not repository.branches:
        return f"{screen.style(printable(repository.name), 'name')}  {screen.style('nothing is finished in it', 'dim')}"
    facts = (
        f"{counted(repository.branches, 'branch', 'branches')}, {counted(repository.files, 'file')}, {counted(repository.chunks, 'chunk')}"
        f", {format_size(repository.text_bytes)} of text, indexed {ago(time.time() - repository.indexed_at)}"
        f", used {ago(time.time() - repository.used_at)}"
    )
    return f"{screen.style(printable(repository.name), 'name')}  {screen.style(facts, 'dim')}"


def _show(connection: Connection, command: Command, screen: Screen) -> int:
    repository = connection.repositories.get(named(command, "a repository"))
    if command.wants_json:
        screen.json({"repository": repository})
    else:
        screen.line(f"{repository_line(repository, screen)}, {format_size(repository.size_bytes)} in the database")
    return 0


def _rename(connection: Connection, command: Command, screen: Screen) -> int:
    if len(command.words) < 3:
        raise InvalidArguments("`repositories rename` needs the old name and the new one.")
    repository = connection.repositories.rename(*command.words[1:])
    if command.wants_json:
        screen.json({"repository": repository})
    else:
        screen.note(f"{command.words[1]} is {repository.name} now")
    return 0


def _remove(connection: Connection, command: Command, screen: Screen) -> int:
    repository = connection.repositories.get(named(command, "a repository"))
    if not may_remove(f"{repository.name} with {counted(repository.chunks, 'chunk')} from the database", command, screen):
        screen.note("nothing was removed")
        return NOTHING_FOUND
    connection.repositories.remove(repository.name)
    if command.wants_json:
        screen.json({"removed": repository})
    else:
        screen.note(f"removed {repository.name}")
    return 0


def _statistics(connection: Connection, command: Command, screen: Screen) -> int:
    found = connection.repositories.statistics()
    if command.wants_json:
        screen.json({"statistics": found})
    else:
        for name, value in as_value(found).items():
            screen.line(f"{name:<14} {format_size(value) if name.endswith('_bytes') else format(value, ',')}")
    return 0
