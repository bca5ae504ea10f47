"""Where are clones kept between jobs? Beside the folder of all indexes, so that the next job of an address fetches only what is new.

A clone belongs to one tenant, and to one job at a time: a worker that finds it taken makes another, for once. Its lock file tells its size
and when it was used last; those that were used longest ago go when all together are larger than `job_clones_bytes`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from codetriever.config import store_folder
from codetriever.corpus.clone import clone
from codetriever.errors import DiskFull
from codetriever.system import PRIVATE_FILE, folder_bytes, make_private_folder, try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from codetriever.config import Settings
    from codetriever.corpus.clone import Address, Cloned

_LOCK = ".lock"


def clones_folder(settings: Settings) -> Path:
    """Return the folder that clones are kept in."""
    store = store_folder(settings).path
    return store.with_name(f"{store.name}-job-clones")


@contextmanager
def kept_clone(settings: Settings, tenant: UUID, url: str, otherwise: Path) -> Iterator[Path]:
    """Give the folder of an address's clone, which may be there already; `otherwise` when none is kept or another job has it."""
    if not settings.job_clones_bytes:
        yield otherwise
        return
    clones = clones_folder(settings)
    make_private_folder(clones)
    folder = clones / hashlib.sha256(f"{tenant} {url}".encode()).hexdigest()[:32]
    with _locked(folder) as is_ours:
        try:
            yield folder if is_ours else otherwise
        finally:
            if is_ours:
                folder.with_suffix(_LOCK).write_text(str(folder_bytes(folder)), encoding="ascii")
    prune_clones(clones, settings.job_clones_bytes)


def fetch_clone(address: Address, folder: Path, **limits: Any) -> Cloned:
    """Do as `clone` does; a folder in which that failed, or was killed, does not stay."""
    unfinished = folder.with_suffix(".unfinished")
    if unfinished.exists():
        _delete(folder)
    unfinished.touch(PRIVATE_FILE)
    try:
        return clone(address, folder, **limits)
    except BaseException as error:
        _delete(folder)
        if isinstance(error, DiskFull):
            prune_clones(folder.parent, 0)
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def prune_clones(clones: Path, most_bytes: int) -> int:
    """Delete the clones that were used longest ago until the rest are no larger, but for those that a job has; return how many."""
    known = []
    for lock in clones.glob(f"*{_LOCK}"):
        with suppress(OSError, ValueError):
            known.append((lock.stat().st_mtime, int(lock.read_text(encoding="ascii") or "0"), lock))
    total, count = sum(size for _, size, _ in known), 0
    for _, size, lock in sorted(known):
        if total <= most_bytes:
            break
        with _locked(lock.with_suffix("")) as is_ours:
            if is_ours and size:
                _delete(lock.with_suffix(""))
                lock.write_text("0", encoding="ascii")
                total -= size
                count += 1
    return count


def _delete(folder: Path) -> None:
    """Delete a clone, out of the way of the next one: a git that outlived its worker may still be writing into it."""
    gone = folder.with_suffix(".gone")
    shutil.rmtree(gone, ignore_errors=True)
    with suppress(OSError):
        folder.rename(gone)
    for left in (gone, folder):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Say whether a clone is free, and keep it for the time of the block if so."""
    descriptor = os.open(folder.with_suffix(_LOCK), os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        yield try_lock(descriptor)
    finally:
        os.close(descriptor)
