"""`model`: which embedders are there, what is one, which is to be used, does it work?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from codetriever.cli.doctor import print_checks
from codetriever.cli.hits import counted
from codetriever.cli.screen import printable
from codetriever.config import BY_NAME, store_folder, write_user_setting
from codetriever.errors import CodetrieverError, InvalidArguments
from codetriever.models import REMOTE, embedder_for, found_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings

    Act = Callable[[Command, Settings, Screen], int]

FAILED: Final = 2


def model(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `model list`, `model info [MODEL]`, `model use MODEL` or `model check [MODEL]`."""
    what, *named = command.words
    if what == "list" and named:
        raise InvalidArguments("`model list` takes no more words.", hint=f"codetriever model info {named[0]}")
    if what == "use" and not named:
        raise InvalidArguments("`model use` needs a model.", hint="codetriever model list")
    if named:
        settings = replace(settings, model=named[0], origins={**settings.origins, "model": "the command line"})
    return _ACTS[what](command, settings, screen)


def _list(command: Command, settings: Settings, screen: Screen) -> int:
    models = found_models(settings)
    if command.wants_json:
        screen.json({"model": settings.model, "models": models})
        return 0
    width = max(len(found.setting) for found in models)
    for found in models:
        is_used = found.setting == settings.model
        name = printable(f"{found.setting:<{width}}")
        state = screen.style(printable(found.problem), "error") if found.problem else screen.style(printable(found.found), "dim")
        screen.line(f"{'*' if is_used else ' '} {screen.style(name, 'name') if is_used else name}  {state}")
    screen.note("a model in a folder: transformer:FOLDER; a service: remote:SERVICE/MODEL, which sends the texts of your code there")
    return 0


def _info(command: Command, settings: Settings, screen: Screen) -> int:
    from codetriever.model_checks import model_facts, shown_facts

    facts = model_facts(settings)
    if command.wants_json:
        screen.json(facts)
        return 0
    rows = list(shown_facts(facts))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        screen.line(f"{name:<{width}}  {printable(value)}")
    return 0


def _use(command: Command, settings: Settings, screen: Screen) -> int:
    from codetriever.model_checks import waiting_for

    embedder = embedder_for(settings)
    waiting, chunks = waiting_for(store_folder(settings).path, embedder)
    path = write_user_setting("model", settings.model)
    if command.wants_json:
        screen.json({"model": settings.model, "name": embedder.model, "file": path, "indexes": waiting, "chunks": chunks})
        return 0
    screen.line(f"{settings.model} is used from now on ({screen.path(str(path))})")
    if waiting:
        lack = f"{counted(waiting, 'index', 'indexes')} without its vectors: {counted(chunks, 'chunk')} will be embedded when next used,"
        screen.line(f"{lack}\nfrom what is stored; no file is read again, and the vectors of the model before stay for a month")
    if settings.model.startswith(REMOTE):
        screen.note("the texts of the files that are indexed, and every question, are sent to that service", style="warning")
    overriding = _overriding(command)
    if overriding:
        screen.note(f"{overriding} says otherwise, and decides", style="warning")
    return 0


def _overriding(command: Command) -> str:
    """Return what beats the user's file here: an environment variable or a flag."""
    import os

    variable = BY_NAME["model"].variable
    return variable if os.environ.get(variable) else BY_NAME["model"].flag if "model" in command.settings else ""


def _check(command: Command, settings: Settings, screen: Screen) -> int:
    from codetriever.model_checks import check_model
    from codetriever.operations import ERROR, Check

    checks = []
    try:
        for check in check_model(settings):
            checks.append(check)
            if not command.wants_json:
                print_checks([check], screen)
    except CodetrieverError as error:
        checks.append(Check("model", ERROR, error.message, error.hint))
        if not command.wants_json:
            print_checks(checks[-1:], screen)
    if command.wants_json:
        screen.json({"model": settings.model, "checks": checks})
    return FAILED if any(check.state == ERROR for check in checks) else 0


_ACTS: Final[dict[str, Act]] = {"list": _list, "info": _info, "use": _use, "check": _check}
