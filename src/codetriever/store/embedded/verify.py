"""Is everything in the index what was written?"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from codetriever.store.embedded.catalog import CATALOG, SEGMENTS, VECTORS, VIEWS
from codetriever.store.embedded.sections import Sections, damaged

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


def verify_store(folder: Path, connection: sqlite3.Connection) -> None:
    """Read the catalog, every file it names and every content, and compare checksums; raises `StoreDamaged`."""
    from codetriever.compression import ZstdError, decompressed

    connection.execute("BEGIN")
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise damaged(folder / CATALOG, found)
    for place, question in (
        (SEGMENTS, "SELECT file FROM segments"),
        (VECTORS, "SELECT file FROM vectors"),
        (VIEWS, "SELECT file FROM views"),
    ):
        for (name,) in connection.execute(question).fetchall():
            path = folder / place / name
            try:
                Sections(path).verify()
            except FileNotFoundError:
                raise damaged(path, "it is missing") from None
    for blob, digest, content in connection.execute("SELECT blob, digest, content FROM blobs"):
        try:
            data = decompressed(content)
        except ZstdError as error:
            raise damaged(folder / CATALOG, f"the content of blob {blob} cannot be read: {error}") from error
        if hashlib.sha256(data).digest() != digest:
            raise damaged(folder / CATALOG, f"the content of blob {blob} is not what was written")
