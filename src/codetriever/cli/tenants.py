"""`tenants`: who shares the database, and what was changed in whose name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codetriever.cli.hits import ago, counted
from codetriever.cli.opening import connected, may_remove
from codetriever.cli.screen import printable
from codetriever.cli.searching import NOTHING_FOUND
from codetriever.errors import InvalidArguments

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.connection import Connection


def tenants(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `tenants list|create|remove|audit [NAME]`."""
    run = {"list": _list, "create": _create, "remove": _remove, "audit": _audit}[command.words[0]]
    with connected(settings) as connection:
        return run(connection, command, screen)


def named(command: Command, what: str) -> str:
    """Return the name that the action needs; raises `InvalidArguments`."""
    if len(command.words) < 2:
        action = f"codetriever {command.verb}"
        raise InvalidArguments(f"`{command.verb} {command.words[0]}` needs the name of {what}.", hint=f"`{action} list` shows them.")
    return command.words[1]


def _list(connection: Connection, command: Command, screen: Screen) -> int:
    found = connection.tenants.list()
    if command.wants_json:
        screen.json({"tenants": found})
    for tenant in () if command.wants_json else found:
        facts = screen.style(f"{tenant.tenant_id}  made {ago(time.time() - tenant.created_at)}", "dim")
        screen.line(f"{screen.style(printable(tenant.name), 'name')}  {facts}")
    return 0


def _create(connection: Connection, command: Command, screen: Screen) -> int:
    tenant = connection.tenants.create(named(command, "the new tenant"))
    if command.wants_json:
        screen.json({"tenant": tenant})
    else:
        screen.note(f"made {tenant.name}; its repositories are those of --tenant {tenant.name}")
    return 0


def _remove(connection: Connection, command: Command, screen: Screen) -> int:
    tenant = connection.tenants.get(named(command, "a tenant"))
    has = len(connection.as_tenant(tenant.tenant_id).repositories.list())
    if not may_remove(f"the tenant {tenant.name} with {counted(has, 'repository', 'repositories')}", command, screen):
        screen.note("nothing was removed")
        return NOTHING_FOUND
    connection.tenants.remove(tenant.tenant_id)
    if command.wants_json:
        screen.json({"removed": tenant})
    else:
        screen.note(f"removed {tenant.name}")
    return 0


def _audit(connection: Connection, command: Command, screen: Screen) -> int:
    entries = connection.tenants.audit()
    if command.wants_json:
        screen.json({"audit": entries})
    for entry in () if command.wants_json else entries:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.happened_at))
        screen.line(f"{screen.style(when, 'dim')}  {printable(entry.actor)}  {entry.action}  {printable(entry.subject)}")
    return 0 if entries else NOTHING_FOUND
