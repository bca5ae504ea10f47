"""Which indexes are kept when there are many, and how does one go?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from codetriever.errors import CodetrieverError, StoreLocked
from codetriever.store.embedded.catalog import remove_catalog, translated
from codetriever.store.embedded.store import open_store, writer_lock
from codetriever.system import folder_bytes

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def remove_store(folder: Path, *, wait_s: float = 10.0) -> None:
    """Delete an index, damaged ones too; raises `StoreLocked` while somebody writes it. Open snapshots go on answering."""
    if not folder.is_dir():
        return
    with writer_lock(folder, wait_s), translated(folder):
        remove_catalog(folder)
        shutil.rmtree(folder)


def limit_cache(store_root: Path, limit_bytes: int, *, keep: Collection[Path] = ()) -> list[str]:
    """Delete the least recently used indexes until all together take at most `limit_bytes`; returns the roots that they were of.

    Those in `keep` stay, and so does an index that is being written.
    """
    sizes = {folder: folder_bytes(folder) for folder in store_root.iterdir() if folder.is_dir()} if store_root.is_dir() else {}
    total = sum(sizes.values())
    removed: list[str] = []
    known = {folder: _last_use(folder) for folder in sizes if folder not in keep} if total > limit_bytes else {}
    for folder, (_, root) in sorted(known.items(), key=lambda one: one[1]):
        if total <= limit_bytes:
            break
        try:
            remove_store(folder, wait_s=0)
        except StoreLocked:
            continue
        total -= sizes[folder]
        removed.append(root)
    return removed


def _last_use(folder: Path) -> tuple[float, str]:
    """Return when an index was last used, 0 when it cannot be read, and a root that it is of."""
    try:
        with open_store(folder, model="", dimensions=0, read_only=True) as store:
            views = store.views()
    except CodetrieverError:
        views = ()
    return (views[0].used_at, views[0].key.root) if views else (0.0, str(folder))
