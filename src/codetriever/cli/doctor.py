"""`doctor`: is everything well, and if not, what mends it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetriever.cli.install import check_agents
from codetriever.cli.screen import printable
from codetriever.operations import ERROR, OK, WARNING, examine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.operations import Check

FAILED = 2
_STYLES = {OK: "good", WARNING: "warning", ERROR: "error"}


def doctor(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `doctor`; 2 when something is broken, 0 with warnings."""
    checks = [*examine(settings), *check_agents()]
    if command.wants_json:
        screen.json({"checks": checks})
    else:
        print_checks(checks, screen)
    return FAILED if any(check.state == ERROR for check in checks) else 0


def print_checks(checks: Sequence[Check], screen: Screen) -> None:
    """Print what was looked at, and how to mend what is not well."""
    for check in checks:
        screen.line(f"{screen.style(f'{check.state:<8}', _STYLES[check.state])}{check.name:<12}{printable(check.found)}")
        if check.mend and check.state != OK:
            screen.line(f"{'':20}to mend: {printable(check.mend)}")
