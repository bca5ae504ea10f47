"""Where is the SQL? In `queries/*.sql`, each statement with a name and a sentence; Python never builds one from pieces."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def queries() -> dict[str, str]:
    """Return every named statement."""
    found: dict[str, str] = {}
    for file in files(__package__).joinpath("queries").iterdir():
        if file.name.endswith(".sql"):
            _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
            found.update(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))
    return found


def query(name: str) -> str:
    """Return a statement by its name."""
    return queries()[name]
