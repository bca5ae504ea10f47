"""The command line: read the words, run the verb, end with the right code.

Exit codes: 0 found or done, 1 nothing found, 2 any error, 130 interrupted. A reader that closes the pipe ends the program quietly.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever.cli.arguments import parse
from codetriever.cli.command import VERBS, Command
from codetriever.cli.screen import Screen
from codetriever.config import load_settings
from codetriever.errors import CodetrieverError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from codetriever.config import Settings

FAILED = 2
INTERRUPTED = 130
_MISTAKE = "This is a mistake in Codetriever or its installation. `codetriever doctor` examines the latter; -v shows where it happened."


def program() -> NoReturn:
    """Be the program `codetriever`: as `main`, in a process that is ours alone.

    The matrix library of numpy starts a thread for each processor as it is loaded, a third of the time that numpy takes; nothing here
    multiplies matrices that are worth one. At the end the interpreter would take everything apart, numpy's modules above all, that
    the system takes back in one go.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os._exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    _open_missing_streams()
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_stdout()
        return 0
    except OSError as error:  # the last words could not be written
        _abandon_stdout()
        sys.stderr.write(f"error: The answer could not be written: {error.strerror}.\n")
        return FAILED
    return code


def _run(argv: Sequence[str]) -> int:
    command = Command(output="json" if _asks_for_json(argv) else "text")
    screen = Screen(command)
    try:
        command = parse(argv)
        screen = Screen(command)
        settings = load_settings(flags=command.settings, start=_first_path(command))
        screen = Screen(command, color=settings.color)
        return _verb(command.verb)(command, settings, screen)
    except CodetrieverError as error:
        return _fail(error, command, screen)
    except SystemExit as end:  # argparse, after printing a help text
        return int(end.code or 0)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _fail(CodetrieverError(f"{error.strerror or error}{where}."), command, screen)
    except Exception as error:
        if command.verbose:
            sys.excepthook(type(error), error, error.__traceback__)
        return _fail(CodetrieverError(f"{type(error).__name__}: {error}", hint=_MISTAKE), command, screen)


def _fail(error: CodetrieverError, command: Command, screen: Screen) -> int:
    if command.wants_json:
        screen.json({"error": error.as_dict()})
    else:
        screen.error(error)
    return error.exit_code


def _verb(name: str) -> Callable[[Command, Settings, Screen], int]:
    """Load the function that runs a verb, and with it only what that verb needs."""
    module, function = VERBS[name].run.split(":")
    run: Callable[[Command, Settings, Screen], int] = getattr(import_module(f"codetriever.cli.{module}"), function)
    return run


def _asks_for_json(argv: Sequence[str]) -> bool:
    """Say whether JSON was asked for, of words that perhaps cannot be parsed."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    return any(word in ("--json", "--jsonl", "--format=json", "--format=jsonl") for word in options)


def _first_path(command: Command) -> Path:
    """Return the path whose project file counts: the first that is named, else the working directory."""
    named = command.words[1:] if VERBS[command.verb].words.startswith(("QUERY", "SYMBOL", "WHAT")) else command.words
    if command.verb in ("config", "completion") or not named:
        return Path.cwd()
    return Path(named[0].partition(":")[0] if command.verb == "context" else named[0])


def _open_missing_streams() -> None:
    """Give a program that was started with closed streams (`>&-`) streams that lead nowhere.

    They take the numbers 0 to 2, which the next files to be opened would get: what is printed would be written into the index.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _abandon_stdout() -> None:
    """Keep the interpreter from flushing, at its end, into a pipe that nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
