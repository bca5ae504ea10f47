"""`python -m codetriever` is the command line."""

from __future__ import annotations

import gc
from typing import NoReturn

INTERRUPTED = 130
# Young objects before the first look for cycles; with the usual 700 a search looks a hundred times at modules that stay anyway.
_YOUNG_OBJECTS = 100_000


def start() -> NoReturn:
    """Be the program `codetriever`. Whoever interrupts it while it still loads sees no traceback either."""
    gc.set_threshold(_YOUNG_OBJECTS)
    try:
        from codetriever.cli.main import program
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    program()


if __name__ == "__main__":
    start()
