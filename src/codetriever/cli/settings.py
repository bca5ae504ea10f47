"""`config`: every setting, its value, and where the value comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from codetriever.cli.screen import printable
from codetriever.config import SETTINGS, Setting, format_value, project_file, user_file, usual_store

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings


def config(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `config [show|path]`."""
    if command.words == ("path",):
        _path(command, screen)
    else:
        _show(command, settings, screen)
    return 0


def _show(command: Command, settings: Settings, screen: Screen) -> None:
    if command.wants_json:
        screen.json({one.name: {"value": _value(one, settings), "origin": settings.origin(one.name)} for one in SETTINGS})
        return
    rows = [(one.name, _shown(one, getattr(settings, one.name)), settings.origin(one.name), one.help) for one in SETTINGS]
    name_width, value_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, value, origin, text in rows:
        is_set = origin != "default"
        shown = screen.style(f"{printable(value):<{value_width}}", "good") if is_set else f"{value:<{value_width}}"
        screen.line(f"{name:<{name_width}}  {shown}  {screen.style(printable(origin), 'line' if is_set else 'dim')}")
        screen.detail(f"{'':<{name_width}}  {text}")


def _value(setting: Setting, settings: Settings) -> Any:
    """Return a value for a program to read; nobody needs the password in an address."""
    value = getattr(settings, setting.name)
    return format_value(setting, value) if setting.kind == "url" else value


def _shown(setting: Setting, value: Any) -> str:
    return str(usual_store()) if setting.name == "store" and not value else format_value(setting, value)


def _path(command: Command, screen: Screen) -> None:
    files: dict[str, Any] = {"user": user_file(), "project": project_file(Path.cwd())}
    if command.wants_json:
        screen.json(files)
    else:
        for name, path in files.items():
            state = "" if path and path.is_file() else screen.style("  (no such file)", "dim")
            screen.line(f"{name:<8} {screen.path(str(path)) if path else '-'}{state}")
