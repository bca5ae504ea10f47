"""How is the server reached? Over the standard input and output, or over HTTP."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.stdio import stdio_server

from codetriever.mcp.opened import Shelf
from codetriever.mcp.roots import starting_roots
from codetriever.mcp.server import State, make_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codetriever.config import Settings


def serve_stdio(settings: Settings, flags: Mapping[str, Any], *, allowed: Sequence[str], admin: bool) -> None:
    """Serve one client until it closes the standard input."""
    state = State(starting_roots(allowed), Shelf(flags), settings, admin)
    server = make_server(state)

    async def serve() -> None:
        async with stdio_server() as (received, sent):
            await server.run(received, sent, server.create_initialization_options())

    try:
        anyio.run(serve)
    finally:
        state.shelf.close()


def leave() -> None:
    """End the process without waiting for threads that are still at work for a client that is gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
