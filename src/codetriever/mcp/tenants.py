"""Repositories of a database, for whoever shows a key: what the key's tenant has is all that a call sees, and no folder of this machine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from codetriever.connection import Connection
from codetriever.mcp.opened import Opened

if TYPE_CHECKING:
    from codetriever.config import Settings
    from codetriever.mcp.arguments import Request

SCOPE: Final = "search"


class Tenants:
    """A database whose keys open it. Methods may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        """Name the database of the settings; nothing is connected before a key is shown."""
        self._settings = settings
        self._connection = Connection(settings.database_url, read_url=settings.database_read_url, settings=settings, actor="mcp")

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    def check(self, secret: str) -> Any:
        """Return the key (`Connection.keys.check`) if it is good for searching; raises `KeyRejected` and `ScopeMissing`."""
        return self._connection.keys.check(secret, scope=SCOPE)

    def opened(self, key: Any, request: Request) -> tuple[Opened, Request]:
        """Return the repositories that a call is about, and the call with its file's path inside of one.

        `path` names a repository; so does what stands before the colon of a `file_path`, as answers about several write it.
        """
        name, colon, rest = request.file_path.partition(":")
        named, inner = (name, rest) if colon and not request.path else (request.path, rest if name == request.path else request.file_path)
        connection = self._connection.as_tenant(key.tenant_id, actor=key.name)
        return SharedOpened(connection, self._settings, named), replace(request, path=named, file_path=inner)


class SharedOpened(Opened):
    """Stands for repositories of a database where calls expect folders; there are none."""

    def __init__(self, connection: Connection, settings: Settings, name: str) -> None:
        """Mean the repository of this name, or all that the tenant has."""
        self.folders = ()
        self.settings = settings
        self.job = None
        self.name = name
        self.index = connection.search_in(*([name] if name else []))

    def where(self) -> str:
        """Return what was searched, for people."""
        return self.name or "your repositories (path names one)"
