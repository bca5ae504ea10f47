"""What does SQLite know? Which files are visible, the contents of blobs, and nothing that is searched."""

from __future__ import annotations

import errno
import os
import sqlite3
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codetriever.errors import (
    CodetrieverError,
    DiskFailed,
    DiskFull,
    StoreDamaged,
    StoreFormatUnsupported,
    StoreLocked,
    StoreNotWritable,
)
from codetriever.store.embedded.sections import REBUILD
from codetriever.store.format import FORMAT_VERSION
from codetriever.system import PRIVATE_FILE, is_disk_full

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codetriever.types import ViewKey

CATALOG = "catalog.sqlite"
SEGMENTS = "segments"
VECTORS = "vectors"
VIEWS = "views"
USED = "used"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
    blob INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: segments may still hold the chunks of a deleted blob
    digest BLOB NOT NULL,
    language TEXT NOT NULL,
    features TEXT NOT NULL,
    encoding TEXT NOT NULL,
    size INTEGER NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (digest, language, features)
);
CREATE TABLE IF NOT EXISTS segments (
    file TEXT PRIMARY KEY,
    chunks INTEGER NOT NULL,
    dead_chunks INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (
    segment TEXT NOT NULL,
    model TEXT NOT NULL,
    file TEXT NOT NULL,
    missing INTEGER NOT NULL,  -- chunks that were to be embedded, and were not, when the file was written
    PRIMARY KEY (segment, model)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS views (
    view INTEGER PRIMARY KEY AUTOINCREMENT,
    root TEXT NOT NULL,
    branch TEXT NOT NULL,
    generation INTEGER NOT NULL,
    head TEXT NOT NULL,
    features TEXT NOT NULL,
    file TEXT NOT NULL,
    indexed_at REAL NOT NULL,
    files INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    text_bytes INTEGER NOT NULL,
    total_length INTEGER NOT NULL,
    UNIQUE (root, branch)
);
"""
# A reader without the right to write the folder cannot make the file that WAL needs.
_UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_BUSY_MS = 10_000
_LARGE_LOG_BYTES = 1 << 20
_LEAST_FREE_BYTES = 1 << 20


def open_for_writing(folder: Path, identity: str) -> sqlite3.Connection:
    """Open the catalog, made when it is missing or of an older format. The caller holds the writer's lock."""
    path = folder / CATALOG
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, PRIVATE_FILE))
    connection = _connect(path, "rw")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        check_version(version, folder)
        if 0 < version < FORMAT_VERSION:
            connection.close()
            remove_catalog(folder)
            return open_for_writing(folder, identity)
        if version == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            connection.executescript(f"BEGIN;{_SCHEMA}")
            meta = "INSERT INTO meta VALUES ('identity', ?), ('epoch', 0), ('swept_blob', 0), ('unswept', 0)"
            connection.execute(meta, (as_column(identity),))
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def as_column(text: str) -> str | bytes:
    """Return a text as SQLite takes it: the name of a file need not be text, and is kept as its bytes then."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text


def from_column(value: str | bytes) -> str:
    """Return the text that `as_column` was given."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def row_key(key: ViewKey) -> tuple[str | bytes, str | bytes]:
    """Return root and branch of a view as they stand in its row."""
    return as_column(key.root), as_column(key.branch)


def close_after_writing(connection: sqlite3.Connection, folder: Path) -> None:
    """Close the catalog, and empty a log that has grown.

    Whoever closes the catalog last does that too, so a small log stays only while there are readers.
    """
    log = folder / (CATALOG + "-wal")
    if log.exists() and log.stat().st_size > _LARGE_LOG_BYTES:
        empty_log(connection)
    connection.close()


def empty_log(connection: sqlite3.Connection) -> None:
    """Copy the log into the catalog, unless somebody reads an older state: that is not waited for."""
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")


def remove_catalog(folder: Path) -> None:
    """Delete the catalog: without it an index is empty, whatever else is left."""
    for suffix in ("", "-wal", "-shm"):
        (folder / (CATALOG + suffix)).unlink(missing_ok=True)


def open_for_reading(folder: Path) -> tuple[sqlite3.Connection, bool] | None:
    """Open the catalog read-only, or return None when nothing was ever indexed here.

    The second value tells whether the connection sees later changes, and so may be used again: where the folder cannot be written
    SQLite can only be told that the file will never change.
    """
    path = folder / CATALOG
    if not path.exists():
        return None
    for mode in ("ro", "ro&immutable=1"):
        connection = _connect(path, mode)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.OperationalError as error:
            connection.close()
            if mode == "ro" and error.sqlite_errorcode & 0xFF in _UNWRITABLE:
                if has_log(folder):
                    raise not_writable(
                        folder, "its writer was interrupted, and only one who may write it can read what is in its log"
                    ) from error
                continue
            raise
        except BaseException:
            connection.close()
            raise
        if version < FORMAT_VERSION:
            connection.close()
            return None
        check_version(version, folder)
        return connection, mode == "ro"
    return None


def has_log(folder: Path) -> bool:
    """Say whether some of what was committed is in the log alone; then the catalog itself may be half of two states."""
    try:
        return (folder / (CATALOG + "-wal")).stat().st_size > 0
    except FileNotFoundError:
        return False


def check_version(version: int, folder: Path) -> None:
    """Raise `StoreFormatUnsupported` for a store of a newer format."""
    if version > FORMAT_VERSION:
        raise StoreFormatUnsupported(
            f"The index in {folder} has format {version}; this version of Codetriever reads formats up to {FORMAT_VERSION}.",
            hint="Upgrade Codetriever, or name another folder with --store.",
        )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = "file:" + urllib.parse.quote(os.fsencode(path.absolute())) + "?mode=" + mode
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1000)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all or nothing; joins a transaction that is open already, and ends it."""
    if not connection.in_transaction:
        connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def durable(connection: sqlite3.Connection) -> Iterator[None]:
    """Let commits reach the disk before they return, with all that was committed before them. No transaction may be open.

    Other commits reach it in order, some time later: what they did may be lost with the power, but not with the process.
    """
    connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = NORMAL")


def make_durable(connection: sqlite3.Connection) -> None:
    """Let all that was committed reach the disk."""
    with durable(connection), transaction(connection):
        mark_changed(connection)


def mark_changed(connection: sqlite3.Connection) -> None:
    """Tell open stores that what they know of segments and views is old."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'epoch'")


def mark_unswept(connection: sqlite3.Connection) -> None:
    """Note, in the transaction that changes a list, that a sweep is due."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE name IN ('epoch', 'unswept')")


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Let no error of SQLite or the system escape: raise the store's own instead."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate_sqlite(error, folder) from error
    except OSError as error:
        raise _translate_os(error, folder) from error


def _translate_sqlite(error: sqlite3.Error, folder: Path) -> CodetrieverError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return _disk_full(folder)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreLocked(f"The index in {folder} is busy.", hint="Try again.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return not_writable(folder, str(error))
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM):
        return _disk_failed(folder, f"{error}, {getattr(error, 'sqlite_errorname', '')}")
    return StoreDamaged(f"The index in {folder} is damaged: {error}.", hint=REBUILD)


def _translate_os(error: OSError, folder: Path) -> CodetrieverError:
    if is_disk_full(error):
        return _disk_full(folder)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        return not_writable(folder, error.strerror or str(error))
    if error.errno in (errno.ENOENT, errno.EISDIR):
        return StoreDamaged(f"The index in {folder} cannot be read: {error}.", hint=REBUILD)
    return _disk_failed(folder, str(error))


def _disk_full(folder: Path) -> DiskFull:
    return DiskFull(
        f"There is no room left on the disk of {folder}.", hint="Free some space, or name a folder on another disk with --store."
    )


def _disk_failed(folder: Path, why: str) -> CodetrieverError:
    """Return the error for what the system refused: SQLite says the same of a full disk, a quota, a network folder and a broken disk."""
    from shutil import disk_usage

    if disk_usage(folder).free < _LEAST_FREE_BYTES:
        return _disk_full(folder)
    return DiskFailed(
        f"The system would not read or write the index in {folder}: {why}.",
        hint="Look for free space, quota and the disk's health, then try again: what was indexed is still there.",
    )


def not_writable(folder: Path, why: str) -> StoreNotWritable:
    """Return the error for a folder that cannot be written."""
    return StoreNotWritable(f"The index in {folder} cannot be written: {why}.", hint="Name a folder that you may write with --store.")
