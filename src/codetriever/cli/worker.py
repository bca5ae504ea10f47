"""`worker`: do the jobs that wait, until it is told to end."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.screen import printable
from codetriever.config import BY_NAME
from codetriever.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings

MOST_WORKERS: Final = 256
_NUMBER_DIGITS: Final = 3


def worker(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `worker [--concurrency N] [--once]`. SIGTERM and Ctrl-C end it: the job it is at goes back to those that wait."""
    if not settings.database_url:
        raise InvalidArguments("A worker needs a database.", hint="Name it with --database-url, or set CODETRIEVER_DATABASE_URL.")
    if not 1 <= command.concurrency <= MOST_WORKERS:
        raise InvalidArguments(f"--concurrency can be 1 to {MOST_WORKERS}.")
    log = Log(command, screen)
    with stopping() as stop:
        from codetriever.jobs.supervision import end_with_supervisor, share_of, supervise

        if command.concurrency == 1:
            from codetriever.jobs.worker import work

            end_with_supervisor(stop)
            work(settings, stop=stop, tell=log, once=command.once)
            return 0
        words = ["worker", "--concurrency", "1", *(["--once"] if command.once else []), *(["--json"] if command.wants_json else [])]
        typed = {BY_NAME[name].variable: value for name, value in command.settings.items()}
        environment = typed | share_of(settings, command.concurrency)
        return supervise(words, command.concurrency, environment=environment, stop=stop, tell=log, once=command.once)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and Ctrl-C set; afterwards these do what they did."""
    stop = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class Log:
    """Writes events to the standard error, a line each: `time event name=value ...`, or JSON. Contents and secrets are never in them."""

    def __init__(self, command: Command, screen: Screen) -> None:
        self._screen = screen
        self._wants_json = command.wants_json
        self._lock = threading.Lock()

    def __call__(self, event: str, **facts: Any) -> None:
        """Write one event."""
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        if self._wants_json:
            from codetriever.wire import encode

            line = encode({"time": when, "event": event} | facts).decode()
        else:
            line = " ".join([when, event, *(f"{name}={_shown(value)}" for name, value in facts.items())])
        with self._lock:
            self._screen.note(printable(line))  # a line feed in a value would look like another event


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.{_NUMBER_DIGITS}f}"
    text = str(value)
    return text if text and not set(text) & set(" =\"'\n\r\t\\") else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
