"""Did the last analysis in a process like this one never come back?

Of little work this process does a share or all, and there a parser's crash takes the program with it. So a mark is left while it is under
way: whoever finds the mark knows that it ended badly, and leaves all to parser processes, which tell the bad file from the others.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK = "analysing"


def ended_badly(folder: Path | None) -> bool:
    """Say whether a mark is left. The caller is the only writer, so it is nobody's who is still at work."""
    return folder is not None and (folder / MARK).exists()


@contextmanager
def marked(folder: Path | None) -> Iterator[None]:
    """Leave a mark while the block runs; an exception is no bad end."""
    if folder is None:
        yield
        return
    with suppress(OSError):
        (folder / MARK).touch()
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / MARK).unlink()
