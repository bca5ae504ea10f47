"""Where does a worker put what it fetches? In a temporary folder with a lock; what a dead worker left is deleted by the next."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever.system import PRIVATE_FILE, try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "codetriever-job-"
_LOCK = "lock"
_YOUNG_S = 60.0  # a folder that has no lock yet may get one


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty private folder, and delete it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
    try:
        try_lock(descriptor)
        inner = folder / "work"
        inner.mkdir()
        yield inner.resolve()
    finally:
        os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def sweep_scratch() -> int:
    """Delete the folders whose holders are dead, and return how many."""
    count = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
                count += 1
    return count


def _is_abandoned(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return folder.stat().st_mtime < time.time() - _YOUNG_S
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)
