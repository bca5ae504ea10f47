"""Which indexes are kept when there are many, and how does one go?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from codetriever.errors import CodetrieverError, StoreLocked
from codetriever.store.embedded.catalog import remove_catalog, translated
from codetriever.store.embedded.folder import folder_bytes
from codetriever.store.embedded.store import open_store, writer_lock

if TYPE_CHECKING:
    from pathlib import Path


def remove_store(folder: Path, *, wait_s: float = 10.0) -> None:
    """Delete an index, damaged ones too; raises `StoreLocked` while somebody writes it. Open snapshots go on answering."""
    if not folder.is_dir():
        return
    with writer_lock(folder, wait_s), translated(folder):
        remove_catalog(folder)
        shutil.rmtree(folder)


def limit_cache(store_root: Path, limit_bytes: int, *, keep: Path | None = None) -> list[Path]:
    """Delete the least recently used indexes until all together take at most `limit_bytes`; returns the deleted folders.

    `keep` stays, and so does an index that is being written.
    """
    sizes = {folder: folder_bytes(folder) for folder in store_root.iterdir() if folder.is_dir()} if store_root.is_dir() else {}
    total = sum(sizes.values())
    removed: list[Path] = []
    for folder in sorted(sizes, key=_used_at) if total > limit_bytes else ():
        if total <= limit_bytes:
            break
        if folder == keep:
            continue
        try:
            remove_store(folder, wait_s=0)
        except StoreLocked:
            continue
        total -= sizes[folder]
        removed.append(folder)
    return removed


def _used_at(folder: Path) -> float:
    """Return when an index was last used, 0 when it cannot be read."""
    try:
        with open_store(folder, model="", dimensions=0, read_only=True) as store:
            return max((view.used_at for view in store.views()), default=0.0)
    except CodetrieverError:
        return 0.0
