"""How is the server reached? Over the standard input and output, or over HTTP."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp.server.stdio import stdio_server

from codetriever.mcp.opened import Shelf
from codetriever.mcp.roots import starting_roots
from codetriever.mcp.server import State, make_server
from codetriever.system import limit_arenas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codetriever.config import Settings

_ARENAS: Final = 2


def serve_stdio(settings: Settings, flags: Mapping[str, Any], *, allowed: Sequence[str], admin: bool) -> None:
    """Serve one client until it closes the standard input."""
    state = State(starting_roots(allowed), Shelf(flags), settings, admin)
    server = make_server(state)
    limit_arenas(_ARENAS)

    async def serve() -> None:
        async with stdio_server() as (received, sent):
            await server.run(received, sent, server.create_initialization_options())

    try:
        anyio.run(serve)
    finally:
        state.shelf.close()


def serve_http(
    settings: Settings, flags: Mapping[str, Any], *, allowed: Sequence[str], admin: bool, address: str, announce: Callable[[str], None]
) -> None:
    """Serve many clients until interrupted. The roots they name count for nothing: whoever reaches the port would decide what is read.

    With a database and without a token, requests show keys of the database, and see what the key's tenant has there.
    """
    from codetriever.mcp.http import DEFAULT_ADDRESS, parse_address, read_token, run

    where = parse_address(address or DEFAULT_ADDRESS)
    token = read_token(Path(settings.mcp_token_file)) if settings.mcp_token_file else ""
    state = State(starting_roots(allowed), Shelf(flags), settings, admin, asks_roots=False)
    if settings.database_url and not token:
        from codetriever.mcp.tenants import Tenants

        state.tenants = Tenants(settings)
    limit_arenas(_ARENAS)
    try:
        run(make_server(state), where, token, announce, state.tenants.check if state.tenants else None)
    finally:
        state.shelf.close()
        if state.tenants:
            state.tenants.close()


def leave() -> None:
    """End the process without waiting for threads that are still at work for a client that is gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
