"""`db`: run a PostgreSQL on this machine, bring a database's schema up to date, and spread it over servers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings

STOPPED: Final = 1
_ROOTS_FOLDER: Final = Path("/var/lib/codetriever/database")  # below root's home nobody else could enter it


def db(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `db start|stop|status|migrate|distribute [FOLDER]`; `status` is 1 when nothing runs."""
    run = {"start": _start, "stop": _stop, "status": _status, "migrate": _migrate, "distribute": _distribute}[command.words[0]]
    folder = Path(command.words[1]).absolute() if len(command.words) > 1 else usual_folder()
    return run(folder, command, settings, screen)


def usual_folder() -> Path:
    """Return where the database of this user is unless another folder is named."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return _ROOTS_FOLDER
    from platformdirs import user_data_path

    return user_data_path("codetriever", appauthor=False) / "database"


def _start(folder: Path, command: Command, settings: Settings, screen: Screen) -> int:
    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.launcher import start

    server = start(folder)
    with Database(server.url) as database:
        database.migrate()
    if command.wants_json:
        screen.json({"folder": folder, "url": server.url, "running": True})
    else:
        screen.line(server.url)
        screen.note("use it with --database-url, or set CODETRIEVER_DATABASE_URL")
    return 0


def _stop(folder: Path, command: Command, settings: Settings, screen: Screen) -> int:
    from codetriever.store.postgres.launcher import stop

    ran = stop(folder)
    if command.wants_json:
        screen.json({"folder": folder, "running": False, "ran": ran})
    else:
        screen.note("stopped" if ran else f"no database runs in {folder}")
    return 0


def _status(folder: Path, command: Command, settings: Settings, screen: Screen) -> int:
    from codetriever.store.postgres.launcher import status

    server = status(folder)
    if command.wants_json:
        screen.json({"folder": folder, "url": server.url, "running": server.is_running})
    elif server.is_running:
        screen.line(server.url)
    else:
        screen.note(f"no database runs in {folder}")
    return 0 if server.is_running else STOPPED


def _migrate(folder: Path, command: Command, settings: Settings, screen: Screen) -> int:
    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.launcher import status

    with Database(settings.database_url or status(folder).url) as database:
        steps = database.migrate()
    if command.wants_json:
        screen.json({"applied": [{"version": step.version, "name": step.name} for step in steps]})
    else:
        for step in steps:
            screen.line(f"{step.version:04}  {step.name}")
        screen.note(f"the schema is current: {len(steps)} steps were missing" if steps else "the schema is current")
    return 0


def _distribute(folder: Path, command: Command, settings: Settings, screen: Screen) -> int:
    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.launcher import status

    with Database(settings.database_url or status(folder).url) as database:
        tables = database.distribute()
    if command.wants_json:
        screen.json({"distributed": tables})
    else:
        for table in tables:
            screen.line(table)
        screen.note(f"spread over the servers: {len(tables)} tables" if tables else "every table was spread already")
    return 0
