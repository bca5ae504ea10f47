"""Indexing in a process of its own, so that the server stays small and answers meanwhile.

The child reads one line of JSON (folders, settings) from its standard input, and writes lines of JSON: progress, and at last a report or an
error. When its input ends, because the work was given up or the server died, it stops as after Ctrl-C: what was analysed is kept.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from codetriever.config import SETTINGS, Settings
from codetriever.errors import CodetrieverError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codetriever.types import Progress

_REPORT_EVERY_S: Final = 0.2
_STOP_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: the fields of the report that interfaces show, or the error's code, message and hint."""

    report: dict[str, Any] | None
    error: dict[str, str] | None


class Job:
    """One run of the indexer in the background. `done` is set when it is over; `files_done` of `files_total` meanwhile."""

    def __init__(self, folders: Sequence[Path], settings: Settings) -> None:
        """Start the process."""
        self.done = threading.Event()
        self.started = time.monotonic()
        self.files_done = self.files_total = 0
        self.outcome: Outcome | None = None
        # -P: the working directory is not searched for modules, whatever lies there.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "codetriever.mcp.job"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        told = {"folders": [str(folder) for folder in folders], "settings": {one.name: getattr(settings, one.name) for one in SETTINGS}}
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        self._process.stdin.flush()
        threading.Thread(target=self._follow, name="codetriever-job", daemon=True).start()

    def stop(self) -> None:
        """Give the work up; what was analysed is kept for the next time."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def error(self) -> CodetrieverError | None:
        """Return what went wrong, if anything did."""
        if self.outcome is None or self.outcome.error is None:
            return None
        found = self.outcome.error
        error = CodetrieverError(found["message"], hint=found["hint"])
        error.code = found["code"]
        return error

    def _follow(self) -> None:
        outcome = Outcome(None, {"code": "error", "message": "Indexing ended before it was done.", "hint": "Call index to go on with it."})
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "progress" in said:
                self.files_done, self.files_total = said["progress"]
            else:
                outcome = Outcome(said.get("report"), said.get("error"))
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self.outcome = outcome
        self.done.set()


def main() -> None:
    """Be the child."""
    told = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_stop_with_input, daemon=True).start()
    try:
        said: dict[str, Any] = {"report": _index(told["folders"], Settings(**told["settings"]))}
    except CodetrieverError as error:
        said = {"error": error.as_dict()}
    except KeyboardInterrupt:
        return
    _say(said)


def _index(folders: Sequence[str], settings: Settings) -> dict[str, Any]:
    from codetriever.api import Index
    from codetriever.operations import keep_metrics

    with Index(*folders, settings=settings) as index:
        report = index.refresh(progress=_Reporter())
        keep_metrics(index)
    wanted = ("generation", "files", "chunks", "pending", "took_s", "note")
    return {name: value for name, value in asdict(report).items() if name in wanted}


class _Reporter:
    """Says how far the work is, a few times a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _REPORT_EVERY_S
            _say({"progress": [progress.files_done, progress.files_total]})


def _say(said: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise KeyboardInterrupt from None


def _stop_with_input() -> None:
    sys.stdin.buffer.read()
    if sys.platform == "win32":
        import _thread

        _thread.interrupt_main()
    else:
        os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
