"""`install` and `uninstall`: make Codetriever known to coding agents, and take it out again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever.agents.clients import CLIENTS, NAME
from codetriever.agents.plan import carry_out, chosen, installing, settings_file, snippet, uninstalling
from codetriever.cli.opening import ask
from codetriever.errors import ConfirmationNeeded, ExtraMissing, InvalidArguments, InvalidSetting
from codetriever.operations import ERROR, OK, WARNING, Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codetriever.agents.clients import Client
    from codetriever.agents.plan import Change
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings

FAILED: Final = 2
_ANSWER_S: Final = 20.0


def install(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `install [CLIENT...]`."""
    if command.show:
        known = chosen(command.words, Path.home())[0] if command.words else None
        screen.out.write(snippet(known, _program(None)))
        return 0
    project = Path.cwd() if command.project else None
    clients = _clients(command, project)
    if command.check:
        return _check(clients, project, command, screen)
    if find_spec("mcp") is None:
        raise ExtraMissing("The server for coding agents is not installed.", hint="pip install 'codetriever[mcp]'")
    changes = list(installing(clients, Path.home(), project, _program(project)))
    if not _carry_out(changes, command, screen):
        return 0
    for client in clients:
        if client.hint and settings_file(client, Path.home(), project):
            screen.note(f"{client.title}: restart it. {client.hint}")
    return 0


def uninstall(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `uninstall [CLIENT...]`; without names, from every client."""
    project = Path.cwd() if command.project else None
    clients = chosen(command.words, Path.home()) if command.words else list(CLIENTS.values())
    _carry_out(list(uninstalling(clients, Path.home(), project)), command, screen)
    return 0


def _clients(command: Command, project: Path | None) -> list[Client]:
    clients = chosen(command.words, Path.home())
    if not clients:
        raise InvalidArguments("None of the clients that are known was found here.", hint=f"Name one: {', '.join(CLIENTS)}.")
    lacking = [client for client in clients if settings_file(client, Path.home(), project) is None]
    if lacking and command.words:
        other = "without --project" if project else "with --project"
        raise InvalidArguments(f"{lacking[0].title} documents no such file.", hint=f"Install it {other}. See {lacking[0].docs}")
    return [client for client in clients if client not in lacking]


def _carry_out(changes: Sequence[Change], command: Command, screen: Screen) -> bool:
    """Show the plan, ask, and do it; False when nothing was done."""
    effective = [change for change in changes if change.does != "unchanged"]
    for change in () if command.wants_json else effective:
        screen.line(f"{change.does:8} {screen.path(str(change.path))}")
        if command.dry_run and change.after is not None:
            _show_added(change, screen)
    if not effective:
        screen.note("nothing to change")
    is_wanted = not command.dry_run and (not effective or _may_change(command, screen))
    if is_wanted:
        carry_out(effective)
    if command.wants_json:
        screen.json({"changes": [{"path": str(change.path), "does": change.does} for change in changes], "done": is_wanted})
    return is_wanted and bool(effective)


def _may_change(command: Command, screen: Screen) -> bool:
    if not command.yes and (command.wants_json or not screen.can_ask):
        raise ConfirmationNeeded("These files would be changed.", hint="Say --yes, or --dry-run to look first.")
    return command.yes or ask("Change these files?", screen)


def _show_added(change: Change, screen: Screen) -> None:
    import difflib

    lines = difflib.unified_diff((change.before or "").splitlines(), (change.after or "").splitlines(), lineterm="", n=1)
    for line in list(lines)[2:]:
        screen.line(f"    {line}")


def _check(clients: Sequence[Client], project: Path | None, command: Command, screen: Screen) -> int:
    """Say whether the server starts and answers, and which clients know it."""
    answer = _ask_server()
    about = answer.get("serverInfo")
    rows = [(client, path, _knows(client, path, project)) for client in clients if (path := settings_file(client, Path.home(), project))]
    if command.wants_json:
        named = [{"client": client.name, "path": path, "knows": knows} for client, path, knows in rows]
        screen.json({"server": {"answers": about is not None, "found": about or answer["error"]}, "clients": named})
    else:
        screen.line(f"server   starts and answers: {about['name']} {about['version']}" if about else f"server   {answer['error']}")
        for client, path, knows in rows:
            state = "knows the server" if knows else "does not know it, or another command"
            screen.line(f"{client.title}: {state} ({screen.path(str(path))})")
    return 0 if about and all(knows for *_, knows in rows) else FAILED


def _knows(client: Client, path: Path, project: Path | None) -> bool:
    """Say whether a client's settings start this server."""
    changes = installing([client], Path.home(), project, _program(project))
    return next(change for change in changes if change.path == path).does == "unchanged"


def check_agents() -> Iterator[Check]:
    """Look at the clients in use here: does each know the server, and does that start and answer?"""
    known = []
    for client in chosen((), Path.home()):
        path = settings_file(client, Path.home(), None)
        if path is None:
            continue
        try:
            change = next(iter(installing([client], Path.home(), None, _program(None))))
        except InvalidSetting as error:
            yield Check(client.name, WARNING, error.message, error.hint)
            continue
        if change.does == "unchanged":
            known.append(client.title)
        elif NAME in (change.before or ""):
            yield Check(client.name, WARNING, f"{path} starts another command", f"codetriever install {client.name}")
    if known:
        answer = _ask_server()
        if "serverInfo" in answer:
            yield Check("agents", OK, f"the server answers; {', '.join(known)} know{'s' if len(known) == 1 else ''} it")
        else:
            yield Check("agents", ERROR, f"the server {answer['error']}", "pip install 'codetriever[mcp]'")
    else:
        yield Check("agents", OK, "no coding agent here knows the server; `codetriever install` tells those that it finds")


def _ask_server() -> dict[str, Any]:
    if find_spec("mcp") is None:
        return {"error": "the extra is not installed: pip install 'codetriever[mcp]'"}
    about = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": NAME, "version": "check"}}
    asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}) + "\n"
    try:
        done = subprocess.run([_program(None), "mcp"], input=asked, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[0])["result"]
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError) as error:
        return {"error": f"does not answer: {type(error).__name__}"}
    return answer


def _program(project: Path | None) -> str:
    """Return the command: by its name for a project, which others share, else by its path, since desktop programs have another PATH."""
    if project is not None:
        return NAME
    beside = Path(sys.argv[0])
    if beside.stem == NAME and beside.is_file():
        return str(beside.resolve())
    return shutil.which(NAME) or NAME
