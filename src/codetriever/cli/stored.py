"""`status`, `list` and `remove`: what is in the store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codetriever.cli.hits import ago, counted
from codetriever.cli.opening import ask, connected, may_remove, opened
from codetriever.cli.repositories import repository_line
from codetriever.cli.screen import printable
from codetriever.cli.searching import NOTHING_FOUND
from codetriever.config import format_size, store_folder
from codetriever.errors import ConfirmationNeeded, InvalidArguments
from codetriever.metrics import description
from codetriever.operations import as_row, find_index, remove_index, repository_of, stored_indexes

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.operations import StoredIndex


def status(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `status [PATH...]`; 1 when nothing is indexed here."""
    with opened(command.words, command, settings, screen) as index:
        value = index.status()
    if command.wants_json:
        screen.json(value)
    else:
        for repository in value["repositories"]:
            _print_repository(repository, screen)
        screen.detail(f"model {value['model']}")
        for name, metric in value.get("metrics", {}).items():
            screen.detail(f"{name:<28} {metric:<12g} {description(name)}".rstrip())
    return 0 if all(repository["views"] for repository in value["repositories"]) else NOTHING_FOUND


def _print_repository(repository: dict[str, Any], screen: Screen) -> None:
    branch = f" on {repository['branch']}" if repository["branch"] else ""
    screen.line(screen.style(screen.path(repository["root"] or repository["repository"]), "path") + printable(branch))
    if not repository["views"]:
        screen.line("  not indexed; `codetriever index` does it")
        return
    for view in repository["views"]:
        is_this = (view["root"], view["branch"]) == (repository["root"], repository["branch"])
        screen.line(f"{'*' if is_this else ' '} {_view_line(view, screen)}")
    if repository["size_bytes"]:
        screen.line(screen.style(f"  {format_size(repository['size_bytes'])} in {screen.path(repository['store'])}", "dim"))


def _view_line(view: dict[str, Any], screen: Screen) -> str:
    name = printable(view["branch"]) or "(no branch)"
    size = f"{counted(view['files'], 'file')}, {counted(view['chunks'], 'chunk')}, {format_size(view['text_bytes'])} of text"
    return f"{screen.style(name, 'name')}  {size} · generation {view['generation']}, {ago(time.time() - view['indexed_at'])}"


def list_all(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `list`."""
    if settings.database_url or command.repositories:
        return _list_database(command, settings, screen)
    store = store_folder(settings).path
    indexes = stored_indexes(store)
    total = sum(index.size_bytes for index in indexes)
    if command.wants_json:
        screen.json({"store": store, "size_bytes": total, "limit_bytes": settings.cache_limit_bytes, "indexes": list(map(as_row, indexes))})
    else:
        for index in indexes:
            _print_index(index, screen)
        limit = format_size(settings.cache_limit_bytes)
        screen.note(f"{counted(len(indexes), 'index', 'indexes')} in {store}, {format_size(total)} of at most {limit}")
    return 0 if indexes else NOTHING_FOUND


def _list_database(command: Command, settings: Settings, screen: Screen) -> int:
    with connected(settings) as connection:
        wanted = set(command.repositories)
        found = [one for one in connection.repositories.list() if not wanted or one.name in wanted]
        name = connection.database.name
    total = sum(one.text_bytes for one in found)
    if command.wants_json:
        screen.json({"database": name, "text_bytes": total, "repositories": found})
    else:
        for repository in found:
            screen.line(repository_line(repository, screen))
        screen.note(f"{counted(len(found), 'repository', 'repositories')} in the database {name}, {format_size(total)} of text")
    return 0 if found else NOTHING_FOUND


def _print_index(index: StoredIndex, screen: Screen) -> None:
    size = f"{format_size(index.size_bytes):>8}"
    if index.problem:
        screen.line(f"{size}  {screen.style(printable(index.problem), 'error')}")
    for position, view in enumerate(index.views):
        branch = f" on {printable(view.key.branch)}" if view.key.branch else ""
        where = screen.style(screen.path(view.key.root), "path")
        facts = screen.style(f"{counted(view.files, 'file')}, used {ago(time.time() - view.used_at)}", "dim")
        screen.line(f"{size if not position else '':>8}  {where}{branch}  {facts}")
    if not index.views and not index.problem:
        screen.line(f"{size}  {screen.path(str(index.folder))}  {screen.style('nothing is finished in it', 'dim')}")


def remove(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `remove [PATH...]`, `remove --all` or `remove --repository NAME`."""
    if settings.database_url or command.repositories:
        return _remove_from_database(command, settings, screen)
    store = store_folder(settings).path
    if command.everything == bool(command.words):
        raise InvalidArguments("Say which index to remove: paths, or --all.", hint="`codetriever list` shows them.")
    indexes = stored_indexes(store) if command.everything else [find_index(Path(word), store) for word in command.words]
    indexes = list({index.folder: index for index in indexes}.values())
    if not _may_remove(indexes, command, screen):
        screen.note("nothing was removed")
        return NOTHING_FOUND
    for index in indexes:
        remove_index(index)
    freed = sum(index.size_bytes for index in indexes)
    if command.wants_json:
        screen.json({"removed": [as_row(index) for index in indexes], "freed_bytes": freed})
    else:
        screen.note(f"removed {counted(len(indexes), 'index', 'indexes')}; {format_size(freed)} are free again")
    return 0 if indexes else NOTHING_FOUND


def _remove_from_database(command: Command, settings: Settings, screen: Screen) -> int:
    if sum(map(bool, (command.everything, command.words, command.repositories))) != 1:
        raise InvalidArguments("Say what to remove: paths, --repository or --all.", hint="`codetriever list` shows what there is.")
    with connected(settings) as connection:
        if command.words:
            names = [repository_of(Path(word)) for word in command.words]
        else:
            names = list(command.repositories) or [one.name for one in connection.repositories.list()]
        found = [connection.repositories.get(name) for name in dict.fromkeys(names)]
        what = counted(len(found), "repository", "repositories") + ": " + ", ".join(one.name for one in found)
        if found and not may_remove(f"from the database {connection.database.name} {what}", command, screen):
            screen.note("nothing was removed")
            return NOTHING_FOUND
        for repository in found:
            connection.repositories.remove(repository.name)
    freed = sum(one.size_bytes for one in found)
    if command.wants_json:
        screen.json({"removed": found, "freed_bytes": freed})
    else:
        screen.note(f"removed {counted(len(found), 'repository', 'repositories')} with {format_size(freed)}")
    return 0 if found else NOTHING_FOUND


def _may_remove(indexes: list[StoredIndex], command: Command, screen: Screen) -> bool:
    if command.yes or not indexes:
        return True
    if command.wants_json or not screen.can_ask:
        raise ConfirmationNeeded(f"This deletes {counted(len(indexes), 'index', 'indexes')}.", hint="Add --yes to do it.")
    for index in indexes:
        _print_index(index, screen)
    return ask("Delete from the store?", screen)
