"""Which index does a command line mean, and is it up to date?"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from codetriever.api import Index
from codetriever.cli.arguments import PROGRAM
from codetriever.cli.command import VERBS
from codetriever.cli.hits import counted
from codetriever.cli.progress import ProgressBar
from codetriever.config import is_address, store_folder
from codetriever.errors import ConfirmationNeeded, InvalidArguments, PathNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.connection import Connection
    from codetriever.types import FileOutline, Hit, IndexReport, Usage

    _Located = TypeVar("_Located", Hit, Usage, FileOutline)

_SIMILAR_ENOUGH: Final = 0.7


@contextmanager
def opened(paths: Sequence[str], command: Command, settings: Settings, screen: Screen) -> Iterator[Index]:
    """Open the index of the paths, or of repositories of the database, without refreshing it."""
    if is_shared(paths, command, settings):
        if paths:
            raise InvalidArguments(f"{paths[0]} is on this machine, and --repository in the database.", hint="Say one of them.")
        with connected(settings) as connection, connection.search_in(*command.repositories) as index:
            yield index
        return
    paths = [_here(path, settings, screen) for path in paths]
    check_paths(paths, command)
    if not settings.database_url and (note := store_folder(settings).note):
        screen.note(note, style="warning")
    with Index(*paths, settings=settings) as index:
        yield index


def _here(path: str, settings: Settings, screen: Screen) -> str:
    """Return a path, or the copy of a repository elsewhere when fetching it is allowed."""
    if not settings.clone_addresses or not is_address(path):
        return path
    from codetriever.remote import local_copy

    screen.detail(f"looking for a copy of {path}")
    return str(local_copy(path, settings))


def is_shared(paths: Sequence[str], command: Command, settings: Settings) -> bool:
    """Say whether repositories of the database are meant, found by name: some that are named, or all when nothing here is meant."""
    if command.repositories:
        return True
    if paths or not settings.database_url:
        return False
    from codetriever.operations import is_in_checkout

    return not is_in_checkout(Path.cwd())


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """Connect to the database that the settings name, in the name of their tenant; raises `InvalidArguments` when they name none."""
    if not settings.database_url:
        raise InvalidArguments("This is about a database, and none is named.", hint="Use --database-url, or set CODETRIEVER_DATABASE_URL.")
    from codetriever.connection import Connection

    read_url = settings.database_read_url
    with Connection(settings.database_url, tenant=settings.tenant, read_url=read_url, settings=settings) as connection:
        yield connection


def may_remove(what: str, command: Command, screen: Screen) -> bool:
    """Say whether something may be deleted: with --yes, else a person is asked; raises `ConfirmationNeeded` when nobody can be."""
    if command.yes:
        return True
    if command.wants_json or not screen.can_ask:
        raise ConfirmationNeeded(f"This deletes {what}.", hint="Add --yes to do it.")
    return ask(f"Delete {what}?", screen)


class Places:
    """Turns paths of an index into paths relative to the working directory, and back."""

    def __init__(self, roots: Mapping[str, Path], *, named: bool = False) -> None:
        """With `named` a path of a repository that is not on this machine begins with the repository's name."""
        self._roots = roots
        self._named = named
        self._here = os.path.realpath(os.curdir)

    def shown(self, thing: _Located) -> _Located:
        """Return a hit, usage or file of an answer with its path as a person would type it here."""
        return replace(thing, path=self.path(thing.path, thing.repository))

    def path(self, path: str, repository: str = "") -> str:
        """Return a path of a repository as seen from the working directory, or within the repository when that is not on this machine."""
        if repository not in self._roots:
            return f"{repository}:{path}" if self._named and repository else path
        whole = os.path.join(self._roots[repository], path)  # noqa: PTH118 - a Path per hit costs more than the rest
        try:
            return os.path.relpath(whole, self._here)
        except ValueError:  # another drive
            return whole

    def stored(self, path: str) -> str:
        """Return a path of this machine relative to the root that it lies in, POSIX; unchanged when it lies in none."""
        real = Path(os.path.realpath(path))
        for root in self._roots.values():
            if real.is_relative_to(root):
                return "" if real == root else real.relative_to(root).as_posix()
        return path


@contextmanager
def refreshed(paths: Sequence[str], command: Command, settings: Settings, screen: Screen) -> Iterator[Index]:
    """Open the index of the paths, brought up to date as far as the refresh budget goes."""
    with opened(paths, command, settings, screen) as index:
        if not settings.no_refresh and not settings.database_url:  # what others share is not changed by asking
            if index.is_indexed() and not index.has_vectors():
                screen.note(f"the index has no vectors of {index.embedder.model} yet: they are made now, from what is stored")
            is_first = screen.error_is_terminal and not index.is_indexed()
            report = refresh(index, command, screen, deadline_s=settings.refresh_budget_s)
            if is_first:
                screen.note(f"indexed {counted(report.files, 'file')} in {report.took_s:.1f} s\n")
        yield index


def refresh(index: Index, command: Command, screen: Screen, *, deadline_s: float | None = None) -> IndexReport:
    """Refresh with a progress bar, and say what went wrong with single files."""
    bar = ProgressBar(screen)
    try:
        report = index.refresh(progress=bar, deadline_s=deadline_s, confirm=confirmation(command, screen))
    finally:
        bar.close()
    for root in report.removed_indexes:
        screen.note(f"removed the index of {root}: all together were larger than cache_limit_bytes", style="warning")
    for skip in report.failures:
        screen.note(f"{skip.path}: {skip.reason.value}" + (f" ({skip.detail})" if skip.detail else ""), style="warning")
    return report


def check_paths(paths: Sequence[str], command: Command) -> None:
    """Raise `PathNotFound`, with the likeliest mistake as its hint, unless every path exists."""
    for path in paths:
        if not os.path.lexists(path):
            raise _missing(path, paths, command)


def _missing(path: str, paths: Sequence[str], command: Command) -> PathNotFound:
    message = f"There is no file or folder {path!r}."
    if "://" in path or path.startswith("git@"):
        return PathNotFound(f"{path!r} is not on this machine.", hint=f"Clone it (git clone {path}), or set clone_addresses.")
    if verb := similar_verb(command):
        return PathNotFound(message, hint=f"Did you mean `{PROGRAM} {verb}`?")
    if command.verb == "search" and not any(os.path.lexists(one) or os.sep in one for one in paths):
        return PathNotFound(message, hint=f'Quote the whole query: {PROGRAM} "{" ".join(command.words)}"')
    return PathNotFound(message, hint=f"Paths are relative to {Path.cwd()}.")


def confirmation(command: Command, screen: Screen) -> Callable[[str], bool] | None:
    """Return what answers when the work is unusually large: yes, the person at the terminal, or nobody."""
    if command.yes:
        return lambda _question: True
    if command.wants_json or not screen.can_ask:
        return None
    return lambda question: ask(question, screen)


def similar_verb(command: Command) -> str:
    """Return the verb that was perhaps meant by the first word of a line that begins with none, else ""."""
    import difflib

    found = difflib.get_close_matches(command.words[0], VERBS, n=1, cutoff=_SIMILAR_ENOUGH)
    return found[0] if found and not command.is_verb_typed else ""


def ask(question: str, screen: Screen) -> bool:
    """Ask a person; anything but yes is no."""
    screen.err.write(f"{question} [y/N] ")
    screen.err.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
