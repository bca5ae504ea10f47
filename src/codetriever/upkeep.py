"""What of the indexes may go, how does the rest become small again, and how much is there?"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever.config import store_folder
from codetriever.corpus.git import has_branch
from codetriever.errors import CodetrieverError
from codetriever.store.embedded.cache import remove_store
from codetriever.store.embedded.store import open_store
from codetriever.system import folder_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from codetriever.config import Settings
    from codetriever.connection import Connection
    from codetriever.types import ViewInfo, ViewKey

UNUSED_DAYS: Final = 30
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What went, or with a dry run would go: branches, whole indexes; and what stayed although nobody uses it, with the reason."""

    views: tuple[str, ...]
    indexes: tuple[str, ...]
    skipped: tuple[str, ...]
    before_bytes: int
    after_bytes: int


@dataclass(frozen=True, slots=True)
class Compacted:
    """One index, or one table of the database, before and after; `dead_rows` are what of a table was deleted and not yet given back."""

    name: str
    before_bytes: int
    after_bytes: int
    dead_rows_before: int = 0
    dead_rows_after: int = 0
    skipped: str = ""


def clean(settings: Settings, *, unused_days: float = UNUSED_DAYS, dry_run: bool = False) -> Cleaned:
    """Delete views that were not used for so many days, or whose checkout or branch is gone, and what no view lists.

    In the folder of all stores, or, when the settings name a database, among the repositories of their tenant. What is being written, or
    belongs to a job that is not done, stays. Searching counts as use.
    """
    if settings.database_url:
        with connected(settings) as connection:
            return _clean_database(connection, unused_days * _DAY_S, dry_run=dry_run)
    return _clean_folder(store_folder(settings).path, time.time() - unused_days * _DAY_S, dry_run=dry_run)


def compact(settings: Settings) -> list[Compacted]:
    """Merge what is searched into as few pieces as there can be and give back room; what is being written is left out.

    Of a database this is the work of its owner: every table is vacuumed and every index remade while others go on, and the repositories of
    the settings' tenant are merged. An index in a folder needs as much room again while it is at work.
    """
    if settings.database_url:
        with connected(settings) as connection:
            return _compact_database(connection)
    return [_compact_folder(folder) for folder in _folders(store_folder(settings).path)]


def statistics(settings: Settings) -> dict[str, Any]:
    """Return how much is stored: sums over the indexes in the folder, or what the tenant has and what each table of the database takes."""
    if settings.database_url:
        from codetriever.store.postgres.maintenance import table_sizes

        with connected(settings) as connection:
            sizes = table_sizes(connection.database)
            return {
                "place": connection.database.name,
                **asdict(connection.repositories.statistics()),
                "size_bytes": sum(size.total_bytes for size in sizes),
                "tables": [asdict(size) for size in sizes],
                "pools": [asdict(pool) for pool in connection.pool_statistics()],
            }
    folder = store_folder(settings).path
    views = [view for index in _folders(folder) for view in _views(index)]
    return {
        "place": str(folder),
        "indexes": len(_folders(folder)),
        "views": len(views),
        "files": sum(view.files for view in views),
        "chunks": sum(view.chunks for view in views),
        "text_bytes": sum(view.text_bytes for view in views),
        "size_bytes": folder_bytes(folder),
        "limit_bytes": settings.cache_limit_bytes,
    }


def connected(settings: Settings) -> AbstractContextManager[Connection]:
    """Return the door to the database that the settings name."""
    from codetriever.connection import Connection

    return Connection(settings.database_url, tenant=settings.tenant, read_url=settings.database_read_url, settings=settings)


# In a folder


def _folders(store: Path) -> list[Path]:
    return sorted(folder for folder in store.iterdir() if folder.is_dir()) if store.is_dir() else []


def _views(folder: Path) -> Sequence[ViewInfo]:
    try:
        with open_store(folder, model="", dimensions=0, read_only=True) as store:
            return store.views()
    except CodetrieverError:
        return ()


def _clean_folder(store: Path, before: float, *, dry_run: bool) -> Cleaned:
    size = folder_bytes(store) if store.is_dir() else 0
    gone: list[str] = []
    emptied: list[str] = []
    skipped: list[str] = []
    for folder in _folders(store):
        views = _views(folder)
        unused = [view.key for view in views if view.used_at < before or not _exists(view.key)]
        try:
            if not dry_run:
                _clean_index(folder, unused, is_all=bool(views) and len(unused) == len(views))
        except CodetrieverError as error:
            skipped.append(f"{folder.name}: {error.message}")
            continue
        gone += map(_called, unused)
        emptied += [views[0].key.root] if views and len(unused) == len(views) else []
    return Cleaned(tuple(gone), tuple(emptied), tuple(skipped), size, folder_bytes(store) if store.is_dir() else 0)


def _clean_index(folder: Path, unused: Sequence[ViewKey], *, is_all: bool) -> None:
    """Delete views, and the folder when nothing else is in it; raises `StoreLocked` while somebody writes it."""
    if is_all:
        remove_store(folder, wait_s=0)
        return
    with open_store(folder, model="", dimensions=0) as store, store.writer(wait_s=0) as writer:
        writer.remove(tuple(unused))
        writer.sweep()


def _exists(key: ViewKey) -> bool:
    """Say whether what a view lists can still be there; of another disk that is not mounted it is not known, so that its views stay."""
    root = Path(key.root)
    if root.is_dir():
        return has_branch(root, key.branch)
    return not root.parent.is_dir()


def _called(key: ViewKey) -> str:
    return f"{key.root} on {key.branch}" if key.branch else key.root


def _compact_folder(folder: Path) -> Compacted:
    before = folder_bytes(folder)
    name = next((view.key.root for view in _views(folder)), folder.name)
    try:
        with open_store(folder, model="", dimensions=0) as store, store.writer(wait_s=0) as writer:
            writer.sweep()
            writer.compact()
    except CodetrieverError as error:
        return Compacted(name, before, before, skipped=error.message)
    return Compacted(name, before, folder_bytes(folder))


# In a database


def _clean_database(connection: Connection, unused_s: float, *, dry_run: bool) -> Cleaned:
    from codetriever.store.postgres.maintenance import clean_repository, unused_views

    before = _database_bytes(connection)
    acting = connection.acting()
    gone: list[str] = []
    emptied: list[str] = []
    skipped: list[str] = []
    for unused in unused_views(acting, unused_s):
        why_not = unused.why_not or ("" if dry_run else clean_repository(acting, unused))
        if why_not:
            skipped.append(f"{unused.repository}: {why_not}")
            continue
        gone += (f"{unused.repository} on {key.branch}" if key.branch else unused.repository for key in unused.views)
        emptied += [unused.repository] if unused.is_all else []
    return Cleaned(tuple(gone), tuple(emptied), tuple(skipped), before, _database_bytes(connection))


def _compact_database(connection: Connection) -> list[Compacted]:
    from codetriever.store.postgres.maintenance import merge_repositories, remake, table_sizes

    before = {size.table: size for size in table_sizes(connection.database)}
    busy = merge_repositories(connection.acting(), [one.name for one in connection.repositories.list()])
    remake(connection.database)
    after = table_sizes(connection.database)
    tables = [
        Compacted(one.table, before[one.table].total_bytes, one.total_bytes, before[one.table].dead_rows, one.dead_rows)
        for one in after
        if one.table in before
    ]
    return [*tables, *(Compacted(name, 0, 0, skipped="it is being written") for name in busy)]


def _database_bytes(connection: Connection) -> int:
    from codetriever.store.postgres.maintenance import table_sizes

    return sum(size.total_bytes for size in table_sizes(connection.database))
