"""`keys`: what programs show a server to be let in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from codetriever.cli.hits import ago, counted
from codetriever.cli.opening import connected, may_remove
from codetriever.cli.screen import printable
from codetriever.cli.searching import NOTHING_FOUND
from codetriever.cli.tenants import named

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.connection import Connection
    from codetriever.store.postgres.keys import ApiKey

_DAY_S: Final = 86_400.0


def keys(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `keys list|create|revoke [NAME]`."""
    run = {"list": _list, "create": _create, "revoke": _revoke}[command.words[0]]
    with connected(settings) as connection:
        return run(connection, command, screen)


def _list(connection: Connection, command: Command, screen: Screen) -> int:
    found = connection.keys.list()
    if command.wants_json:
        screen.json({"keys": found})
    for key in () if command.wants_json else found:
        screen.line(_line(key, screen))
    return 0 if found else NOTHING_FOUND


def _line(key: ApiKey, screen: Screen) -> str:
    now = time.time()
    used = f"used {ago(now - key.last_used_at)}" if key.last_used_at else "never used"
    facts = f"{key.start}...  {' '.join(key.scopes)}  {used}  {_state(key, now)}"
    return f"{screen.style(printable(key.name), 'name')}  {screen.style(facts, 'dim')}  {key.key_id}"


def _state(key: ApiKey, now: float) -> str:
    if key.revoked_at:
        return f"revoked {ago(now - key.revoked_at)}"
    if key.expires_at is None:
        return "does not expire"
    left_s = key.expires_at - now
    return f"expires in {counted(round(left_s / _DAY_S), 'day')}" if left_s > 0 else f"expired {ago(-left_s)}"


def _create(connection: Connection, command: Command, screen: Screen) -> int:
    expires_in_s = None if command.expires is None else command.expires * _DAY_S
    made = connection.keys.create(named(command, "the new key"), scopes=command.scopes or ("search",), expires_in_s=expires_in_s)
    if command.wants_json:
        screen.json(made)
    else:
        screen.line(made.secret)
        screen.note("keep it now: only its hash is stored, and it is not shown again")
    return 0


def _revoke(connection: Connection, command: Command, screen: Screen) -> int:
    name = named(command, "a key, or its number")
    if not may_remove(f"the key {name}, which is refused from then on", command, screen):
        screen.note("nothing was revoked")
        return NOTHING_FOUND
    revoked = connection.keys.revoke(name)
    if command.wants_json:
        screen.json({"revoked": revoked})
    else:
        screen.note(f"revoked {counted(len(revoked), 'key')}")
    return 0
