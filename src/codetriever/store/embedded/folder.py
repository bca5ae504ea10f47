"""Where is a repository's index, and which indexes are there?"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def repository_folder(store_root: Path, identity: str) -> Path:
    """Return the folder of the index of the repository that `identity` names; its name starts with a word that people recognise."""
    parts = [part for part in PurePath(identity).parts if part != ".git"]
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", parts[-1]).strip("-")[:40] if parts else ""
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:20]
    return store_root / f"{word or 'repository'}-{digest}"


def new_name(suffix: str) -> str:
    """Return the name of a file of an index, which no other had before."""
    return f"{os.urandom(8).hex()}.{suffix}"
