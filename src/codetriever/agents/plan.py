"""What would installing change? A plan is a list of files with their text before and after; nothing is written until it is carried out."""

from __future__ import annotations

import json
import os
import tomllib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codetriever.agents import instructions, jsonc, tables
from codetriever.agents.clients import CLIENTS, NAME, Client, entry
from codetriever.errors import InvalidArguments, InvalidSetting
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_PRIVATE_FILE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Change:
    """One file: its text before (None when there is no file) and after (None when it goes)."""

    path: Path
    before: str | None
    after: str | None

    @property
    def does(self) -> str:
        """What is done to the file, in a word."""
        if self.before == self.after:
            return "unchanged"
        if self.before is None:
            return "created"
        return "deleted" if self.after is None else "changed"


def chosen(names: Sequence[str], home: Path) -> list[Client]:
    """Return the clients that were named, or those that are in use on this machine. Raises `InvalidArguments`."""
    unknown = [name for name in names if name not in CLIENTS]
    if unknown:
        known = ", ".join(CLIENTS)
        raise InvalidArguments(
            f"There is no client {unknown[0]!r}.", hint=f"Known are {known}; `codetriever install --print` helps with others."
        )
    if names:
        return [CLIENTS[name] for name in dict.fromkeys(names)]
    return [client for client in CLIENTS.values() if any((home / path).exists() for path in client.found_by)]


def settings_file(client: Client, home: Path, project: Path | None) -> Path | None:
    """Return the file that the client reads its servers from, for one project or for the user; None when it has none such."""
    name = client.user if project is None else client.project
    return (home if project is None else project) / name if name else None


def _helper(client: Client, home: Path, project: Path | None) -> Path:
    return (home if project is None else project) / client.helpers / instructions.HELPER_FILE


def installing(clients: Iterable[Client], home: Path, project: Path | None, command: str) -> Iterator[Change]:
    """Plan to add the server and its sub-agent, and for a project the instructions. Raises `InvalidSetting` for an unreadable file."""
    for client in clients:
        if path := settings_file(client, home, project):
            yield _change(path, partial(_with_server, client, command))
            if client.helpers:
                yield _change(_helper(client, home, project), instructions.with_helper)
    if project is not None:
        for name in dict.fromkeys(client.instructions for client in clients):
            yield _change(project / name, instructions.with_block)


def uninstalling(clients: Iterable[Client], home: Path, project: Path | None) -> Iterator[Change]:
    """Plan to take all of that out again; a file that would hold nothing else goes."""
    for client in clients:
        if path := settings_file(client, home, project):
            yield _change(path, partial(_without_server, client))
            if client.helpers:
                yield _change(_helper(client, home, project), instructions.without_helper)
    if project is not None:
        for name in dict.fromkeys(client.instructions for client in clients):
            yield _change(project / name, instructions.without_block)


def carry_out(changes: Iterable[Change]) -> None:
    """Write the files, each at once or not at all; a link stays a link."""
    for change in changes:
        if change.does == "unchanged":
            continue
        path = Path(os.path.realpath(change.path))
        if change.after is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{NAME}-part")
        part.touch(mode=_PRIVATE_FILE)
        part.write_bytes(change.after.encode())
        if path.exists():
            part.chmod(path.stat().st_mode & 0o7777)
        part.replace(path)


def snippet(client: Client | None, command: str) -> str:
    """Return what to write into a client's file by hand; without a client, the form that most read."""
    if client is not None and client.is_toml:
        return tables.with_table("", (*client.key, NAME), entry(client, command))
    if client is None:
        return json.dumps({"mcpServers": {NAME: {"command": command, "args": ["mcp"]}}}, indent=2) + "\n"
    return jsonc.with_member("", client.key, NAME, entry(client, command))


def _with_server(client: Client, command: str, text: str) -> str:
    if client.is_toml:
        return tables.with_table(text, (*client.key, NAME), entry(client, command))
    return jsonc.with_member(text, client.key, NAME, entry(client, command))


def _without_server(client: Client, text: str) -> str:
    if client.is_toml:
        return tables.without_table(text, (*client.key, NAME))
    rest = jsonc.without_member(text, client.key, NAME)
    return "" if rest != text and rest.strip() in ("{}", "") else rest


def _change(path: Path, edit: Callable[[str], str]) -> Change:
    try:
        before = path.read_bytes().decode() if path.exists() else None
        after = edit(before or "")
    except (jsonc.Unreadable, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidSetting(f"{path} cannot be edited: {error}.", hint="Mend it, or write the entry by hand: --print shows it.") from None
    if before is None:
        return Change(path, None, after or None)
    return Change(path, before, None if not after.strip() and before.strip() else after)
