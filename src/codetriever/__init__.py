"""Codetriever finds code by meaning.

>>> import codetriever
>>> with codetriever.open("path/to/repository") as index:  # doctest: +SKIP
...     index.refresh()
...     for hit in index.search("where are sessions refreshed").hits:
...         print(hit.path, hit.start_line, hit.score)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetriever.errors import CodetrieverError

if TYPE_CHECKING:
    from os import PathLike

    from codetriever.api import Index
    from codetriever.config import Settings
    from codetriever.connection import Connection
    from codetriever.types import Answer, Filter, Hit, IndexReport, Role

__version__ = "0.1.0"

__all__ = ["Answer", "CodetrieverError", "Filter", "Hit", "Index", "IndexReport", "Role", "__version__", "connect", "open"]


def open(*paths: str | PathLike[str], store: str | PathLike[str] | None = None, settings: Settings | None = None) -> Index:  # noqa: A001 - used as codetriever.open
    """Open the index of one or several paths, by default of the working directory; a context manager.

    `store` is the folder that indexes are kept in; by default it is where the settings say, which are read from the
    environment and the configuration files unless given. A path may be an https address that `clone_addresses` allows, of which a copy
    is fetched. Call `refresh` to index, `search` to ask.
    """
    from pathlib import Path

    from codetriever.api import Index
    from codetriever.config import is_address, load_settings

    flags = {"store": None if store is None else str(store)}
    here = [Path(path) for path in paths if not is_address(str(path))]
    settings = settings or load_settings(flags=flags, start=here[0] if here else None)
    if len(here) < len(paths):
        from codetriever.remote import local_copy

        paths = tuple(local_copy(str(path), settings) if is_address(str(path)) else path for path in paths)
    return Index(*(Path(path) for path in paths), settings=settings)


def connect(url: str, tenant: str | None = None, *, settings: Settings | None = None) -> Connection:
    """Name a PostgreSQL database, and the tenant whose repositories are meant, by default the one that is always there.

    Needs the extra `postgres`. `connect(url).open(path)` is the index of a checkout in the database; nothing is connected before that.
    """
    from codetriever.connection import Connection

    return Connection(url, tenant=tenant, settings=settings)


def __getattr__(name: str) -> Any:
    if name == "Index":
        from codetriever.api import Index

        return Index
    if name in __all__:
        import codetriever.types

        return getattr(codetriever.types, name)
    raise AttributeError(f"module 'codetriever' has no attribute {name!r}")
