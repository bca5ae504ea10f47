"""When was something used last? Marks in the index's folder, whose times say so."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from codetriever.store.embedded.catalog import USED
from codetriever.system import PRIVATE_FILE

if TYPE_CHECKING:
    from pathlib import Path


def mark_used(folder: Path, name: str) -> None:
    """Note that something was used now, if the folder can be written."""
    path = folder / USED / name
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, PRIVATE_FILE))
        os.utime(path)
    except OSError:
        return


def used_at(folder: Path, name: str) -> float | None:
    """Return when something was marked last, in seconds since the epoch, or None when it never was."""
    try:
        return (folder / USED / name).stat().st_mtime
    except OSError:
        return None


def model_mark(model: str) -> str:
    """Return the name of a model's mark; views have their numbers for names."""
    return "model-" + hashlib.sha256(model.encode()).hexdigest()[:16]
