"""Streamable HTTP: who may reach the server? This machine, or whoever knows the token; never a web page of somebody else."""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio.to_thread

from codetriever.errors import CodetrieverError, InvalidArguments, InvalidSetting
from codetriever.mcp.server import KEY
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcp.server.lowlevel import Server
    from starlette.types import ASGIApp, Receive, Scope, Send

DEFAULT_ADDRESS: Final = "127.0.0.1:8085"
PATH: Final = "/mcp"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LEAST_TOKEN: Final = 16
_MAX_BODY_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Say whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_wildcard(self) -> bool:
        """Say whether it stands for every address of the machine."""
        return self.host in ("0.0.0.0", "::", "")


def parse_address(text: str) -> Address:
    """Read `HOST:PORT`; raises `InvalidArguments`."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or not host:
        raise InvalidArguments(f"--address {text!r} is not HOST:PORT.", hint=f"For example: {DEFAULT_ADDRESS}")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def read_token(path: Path) -> str:
    """Return the token that a file holds; raises `InvalidSetting`."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"mcp_token_file {path} cannot be read: {error}.", hint="Name a file with one line of ASCII.") from None
    if len(token) < _LEAST_TOKEN or not token.isprintable() or " " in token:
        hint = "python -c 'import secrets; print(secrets.token_urlsafe())' makes one."
        raise InvalidSetting(f"mcp_token_file {path} holds no token of {_LEAST_TOKEN} characters or more.", hint=hint)
    return token


def run(
    server: Server[Any], address: Address, token: str, announce: Callable[[str], None], check_key: Callable[[str], Any] | None = None
) -> None:
    """Listen until interrupted; `announce` is told the URL. Without a token, and without keys, only loopback addresses are served.

    `check_key` returns the key for what a request shows, which is then found in its scope, or raises why it is not good.
    """
    import uvicorn
    from mcp.server.transport_security import TransportSecuritySettings

    if not token and check_key is None and not address.is_loopback:
        raise InvalidArguments(
            f"{address.host} can be reached by others, and there is no token.", hint="Set mcp_token_file, or listen on 127.0.0.1."
        )
    # The gate checks Host and Origin for every address, the SDK only for loopback ones, so its own check is left out.
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=_MAX_BODY_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.create_server((address.host, address.port), family=family) as listening:
        host = f"[{address.host}]" if ":" in address.host else address.host
        announce(f"http://{host}:{listening.getsockname()[1]}{PATH}")
        config = uvicorn.Config(Gate(app, address, token, check_key), log_level="warning", timeout_graceful_shutdown=2, server_header=False)
        uvicorn.Server(config).run(sockets=[listening])


class Gate:
    """Lets a request pass when its Host and Origin are this server's own and its token is right."""

    def __init__(self, app: ASGIApp, address: Address, token: str, check_key: Callable[[str], Any] | None = None) -> None:
        self._app = app
        self._check_key = check_key
        self._token = token.encode()
        # A page that rebinds its name to this machine cannot know the token, which every address but loopback has.
        self._hosts = None if address.is_wildcard else _LOOPBACK | {address.host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        refusal = self._refusal(headers)
        if refusal is None and self._check_key is not None:
            secret = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
            try:
                scope[KEY] = await anyio.to_thread.run_sync(self._check_key, secret)
            except CodetrieverError as error:
                refusal = error.status, error.code, error.message
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await _refuse(send, *refusal)

    def _refusal(self, headers: dict[bytes, bytes]) -> tuple[int, str, str] | None:
        """Return status, code and message of a refusal."""
        host = _hostname("//" + headers.get(b"host", b"").decode("latin-1"))
        if not host or (self._hosts is not None and host not in self._hosts):
            return 421, "wrong_host", "The Host header does not name this server."
        origin = headers.get(b"origin")
        if origin is not None and _hostname(origin.decode("latin-1")) not in (self._hosts or {host}):
            return 403, "wrong_origin", "Pages of other origins may not use this server."
        if self._token and not hmac.compare_digest(headers.get(b"authorization", b""), b"Bearer " + self._token):
            return 401, "unauthorized", "The token is missing or wrong."
        return None


def _hostname(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


async def _refuse(send: Send, status: int, code: str, message: str) -> None:
    hint = "Send the header Authorization: Bearer TOKEN." if status == 401 else ""
    body = json.dumps({"error": {"code": code, "message": message, "hint": hint}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
