"""How do several workers share a machine? Each in a process of its own, started again when it dies: what kills one kills one job.

A worker's standard input is a pipe whose other end the supervisor holds and never writes to. When it ends, the supervisor is gone, however
that came about, and so are the worker's share of the machine and who would start it again: it ends as if it had been told to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codetriever.config import Settings

LEAST_MEMORY_BYTES = 64 << 20
_LOOK_S = 0.2
_FIRST_REST_S, _LONGEST_REST_S = 1.0, 30.0
_LIVED_WELL_S = 30.0
_IS_SUPERVISED = "CODETRIEVER_SUPERVISED"  # set where the standard input is the supervisor's pipe
_UNUSABLE = 2  # the exit code of a worker that no other start would help


def share_of(settings: Settings, count: int) -> dict[str, str]:
    """Return the variables that give each of so many workers its share of the memory, and of the processors."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = settings.workers or max(1, processors // count)
    memory = max(LEAST_MEMORY_BYTES, settings.memory // count)
    return {"CODETRIEVER_MEMORY": str(memory), "CODETRIEVER_WORKERS": str(workers)}


def end_with_supervisor(stop: threading.Event) -> None:
    """Set `stop` once the supervisor that started this process is gone, if one did."""
    if os.environ.pop(_IS_SUPERVISED, ""):
        threading.Thread(target=_await_end, args=(stop,), name="supervisor", daemon=True).start()


def _await_end(stop: threading.Event) -> None:
    with suppress(OSError):
        while os.read(sys.stdin.fileno(), 1):
            pass
    stop.set()


def supervise(
    words: Sequence[str],
    count: int,
    *,
    environment: Mapping[str, str],
    stop: threading.Event,
    tell: Callable[..., None],
    once: bool = False,
) -> int:
    """Run `codetriever WORDS` in so many processes until `stop` is set or, with `once`, all have ended; return the highest exit code.

    One that dies is started again after a pause; when one cannot work at all (exit code 2), all are ended.
    """
    children = [_Child(words, environment) for _ in range(count)]
    codes: set[int] = set()
    is_ending = False
    while children:
        if stop.is_set() and not is_ending:
            is_ending = True
            for child in children:
                child.end()
        for child in tuple(children):
            code = child.ended()
            if code is None:
                continue
            if code and not is_ending:
                tell("worker_process_died", process=child.process.pid, exit_code=code)
            if code == _UNUSABLE:
                stop.set()
            if is_ending or once or code == _UNUSABLE:
                children.remove(child)
                codes.add(0 if is_ending and code == -signal.SIGTERM else abs(code))  # it had not yet begun to listen
            else:
                child.start_again()
        time.sleep(_LOOK_S)
    return max(codes, default=0)


class _Child:
    """A worker process, and when it may be started again."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-P", "-m", "codetriever", *words]
        self._environment = {**os.environ, **environment, _IS_SUPERVISED: "1"}
        self._rest_s = 0.0
        self._start_at = 0.0
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._started = time.monotonic()
        return subprocess.Popen(self._command, env=self._environment, stdin=subprocess.PIPE)

    def ended(self) -> int | None:
        """Return the exit code once; start the process when its pause is over."""
        if self._start_at:
            if time.monotonic() >= self._start_at:
                self._start_at = 0.0
                self.process = self._start()
            return None
        code = self.process.poll()
        if code is not None and self.process.stdin is not None:
            self.process.stdin.close()
        return code

    def start_again(self) -> None:
        """Start the process after a pause that grows while it does not live long."""
        lived_well = time.monotonic() - self._started > _LIVED_WELL_S
        self._rest_s = _FIRST_REST_S if lived_well or not self._rest_s else min(2 * self._rest_s, _LONGEST_REST_S)
        self._start_at = time.monotonic() + self._rest_s

    def end(self) -> None:
        """Ask the process to end, or do not start it again."""
        if self._start_at:
            self._start_at = 0.0
        elif self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
