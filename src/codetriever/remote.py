"""Repositories that are elsewhere: where is a copy of this address on this machine, and is it new enough?

Nothing is fetched unless `clone_addresses` allows the address. A copy is the newest commit alone, lies beside the folder of all indexes, is
fetched again when it is older than `clone_age_s`, and goes when nobody asked for it in a month.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from codetriever.config import store_folder
from codetriever.corpus.clone import clone, parse_address
from codetriever.errors import CloneFailed, CodetrieverError, SourceRefused
from codetriever.system import make_private_folder, try_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from codetriever.config import Settings

_FETCHED: Final = ".git/codetriever-fetched"
_USED: Final = ".git/codetriever-used"
_UNUSED_S: Final = 30 * 86_400.0
_POLL_S: Final = 0.1
_ALLOW: Final = "Set clone_addresses to what addresses may begin with, https://github.com/ for example; or clone it and name the clone."


def clones_folder(settings: Settings) -> Path:
    """Return the folder that copies are kept in."""
    store = store_folder(settings).path
    return store.with_name(f"{store.name}-clones")


def local_copy(address: str, settings: Settings, *, on_wait: Callable[[], None] = lambda: None) -> Path:
    """Return the copy of the repository at an address, fetched when there is none or it is too old.

    A copy that cannot be brought up to date is good as it is. `on_wait` is called a few times a second. Raises `SourceRefused` for what is
    not allowed or too large, `PathNotFound` and `CloneFailed`.
    """
    if not settings.clone_addresses:
        raise SourceRefused("Repositories elsewhere are not fetched here.", hint=_ALLOW)
    where = parse_address(address, allowed=tuple(settings.clone_addresses.split()))
    if where.credentials:
        raise SourceRefused(f"{where.url} was named with a password, which is not passed on.", hint="Clone it and name the clone.")
    folder = clones_folder(settings) / _name(where.url)
    make_private_folder(folder.parent)
    with _locked(folder, settings.clone_s, on_wait):
        if not _is_newer(folder / _FETCHED, settings.clone_age_s):
            try:
                clone(where, folder, timeout_s=settings.clone_s, max_bytes=settings.clone_bytes, on_wait=on_wait)
            except CodetrieverError as error:
                if not isinstance(error, CloneFailed) or not (folder / _FETCHED).exists():
                    shutil.rmtree(folder, ignore_errors=True)
                    raise
            else:
                (folder / _FETCHED).touch()
                _prune(folder.parent)
        (folder / _USED).touch()
    return folder


def _name(url: str) -> str:
    """Return the name of an address's folder: that of the repository, for people, and a digest, for all that differs."""
    last = url.rstrip("/").removesuffix(".git").rpartition("/")[2]
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip(".-")[:60]
    return f"{readable or 'repository'}-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


def _is_newer(stamp: Path, age_s: float) -> bool:
    try:
        return time.time() - stamp.stat().st_mtime < age_s
    except FileNotFoundError:
        return False


@contextmanager
def _locked(folder: Path, wait_s: float, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a copy; raises `CloneFailed` when another process keeps it for too long."""
    deadline = time.monotonic() + wait_s
    descriptor = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise CloneFailed("Another process is fetching it for longer than it may take.", hint="Ask again later.")
            on_wait()
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _prune(clones: Path) -> None:
    """Delete the copies that nobody asked for in a month; one that is being fetched stays."""
    for folder in [one for one in clones.iterdir() if one.is_dir()]:
        if (folder / _USED).exists() and not _is_newer(folder / _USED, _UNUSED_S):
            with suppress(CloneFailed, OSError), _locked(folder, 0.0):
                shutil.rmtree(folder)
