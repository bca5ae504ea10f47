"""`mcp`: serve coding agents."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from codetriever.errors import ExtraMissing, InvalidArguments

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings


def mcp(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `mcp` until the client goes, or, over HTTP, until it is interrupted."""
    if find_spec("mcp") is None:
        raise ExtraMissing("The server for coding agents is not installed.", hint="pip install 'codetriever[mcp]'")
    from codetriever.mcp.serving import leave, serve_http, serve_stdio

    if command.http:
        serve_http(
            settings,
            command.settings,
            allowed=command.allow,
            admin=command.admin,
            address=command.address,
            announce=lambda url: screen.note(f"serving {url}; Ctrl-C ends it"),
        )
    elif command.address:
        raise InvalidArguments("--address is for --http.", hint="Add --http, or leave --address out.")
    else:
        serve_stdio(settings, command.settings, allowed=command.allow, admin=command.admin)
    leave()
    return 0
