"""`python -m codetriever` is the command line."""

from __future__ import annotations

from typing import NoReturn

INTERRUPTED = 130


def start() -> NoReturn:
    """Be the program `codetriever`. Whoever interrupts it while it still loads sees no traceback either."""
    try:
        from codetriever.cli.main import program
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    program()


if __name__ == "__main__":
    start()
