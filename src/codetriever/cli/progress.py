"""How far is it? One line on the standard error that a person can read, redrawn a few times a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from codetriever.cli.screen import Screen
    from codetriever.types import Progress

_REDRAW_S: Final = 0.1
_QUIET_START_S: Final = 0.3
_BAR: Final = 24
_PARTS: Final = " ▏▎▍▌▋▊▉█"


class ProgressBar:
    """Draws files done of files in all; nothing on anything but a terminal, and nothing for work that is over at once.

    Other work than indexing files may be named, and what it counts.
    """

    def __init__(self, screen: Screen, *, doing: str = "indexing", unit: str = "files") -> None:
        self._screen = screen
        self._doing, self._unit = doing, unit
        self._visible = screen.error_is_terminal and not screen.quiet
        self._started = self._drawn = time.monotonic()
        self._is_shown = False

    def __call__(self, progress: Progress) -> None:
        """Take note of the progress."""
        now = time.monotonic()
        done, total = progress.files_done, progress.files_total
        if not self._visible or now - self._started < _QUIET_START_S or (now - self._drawn < _REDRAW_S and done < total):
            return
        self._drawn = now
        self._is_shown = True
        line = render(done, total, now - self._started, columns=self._screen.width, doing=self._doing, unit=self._unit)
        self._screen.err.write("\r\x1b[2K" + line)
        self._screen.err.flush()

    def close(self) -> None:
        """Leave an empty line behind."""
        if self._is_shown:
            self._screen.err.write("\r\x1b[2K")
            self._screen.err.flush()
            self._is_shown = False


def render(done: int, total: int, elapsed_s: float, *, columns: int, doing: str = "indexing", unit: str = "files") -> str:
    """Return the line: bar, files, files per second and the time left, cut to the terminal's width."""
    share = min(1.0, done / total) if total else 0.0
    eighths = round(share * _BAR * 8)
    bar = _PARTS[8] * (eighths // 8) + (_PARTS[eighths % 8] if eighths % 8 else "")
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    left = f" · {_clock((total - done) / rate)} left" if rate and done < total else ""
    if done >= total and doing == "indexing":
        left = " · writing"
    return f"{doing} {bar:<{_BAR}} {share:4.0%} · {done:,} of {total:,} {unit} · {rate:,.0f}/s{left}"[: max(columns - 1, 10)]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
