"""Where does output go, and may it be coloured?

Answers go to the standard output; notes, progress and errors to the standard error. Text from files can hold anything, so nothing
reaches a terminal but printable characters: the rest is shown as an escape.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TextIO

from codetriever.wire import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetriever.cli.command import Command
    from codetriever.errors import CodetrieverError

# Colours out of the terminal's own sixteen, so that they fit its theme.
_STYLES: Final[Mapping[str, str]] = {
    "path": "1;35",
    "line": "32",
    "name": "1",
    "dim": "2",
    "good": "32",
    "warning": "33",
    "error": "1;31",
    "keyword": "34",
    "string": "32",
    "comment": "2;3",
    "number": "36",
    "definition": "1",
}
# C0 but tab, DEL, C1, and the characters that reorder or hide what is shown.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_SURROGATE: Final = re.compile("[\udc80-\udcff]")
_SHORT: Final = {"\n": "\\n", "\r": "\\r"}


def printable(text: str) -> str:
    """Show what would move the cursor, reorder text or start an escape sequence as an escape; tabs stay."""
    return _UNPRINTABLE.sub(lambda found: _SHORT.get(found[0]) or _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _raw_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode bytes of a path that are no text as they are, and characters that the encoding lacks as a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    rest = error.object[error.start : error.end]
    return b"".join(bytes([ord(one) - 0xDC00]) if _SURROGATE.match(one) else b"?" for one in rest), error.end


codecs.register_error("codetriever.raw", _raw_bytes)


class Screen:
    """The standard streams of one run."""

    def __init__(self, command: Command, *, color: str = "auto", stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.out = stdout or sys.stdout
        self.err = stderr or sys.stderr
        self.quiet = command.quiet
        self.verbose = command.verbose
        self.is_terminal = self.out.isatty()
        self.error_is_terminal = self.err.isatty()
        self.color = _wants_color(color, self.out)
        self.error_color = _wants_color(color, self.err)
        for stream in (self.out, self.err):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="codetriever.raw")

    @property
    def can_ask(self) -> bool:
        """True when a person sees a question and can answer it."""
        return self.error_is_terminal and sys.stdin is not None and sys.stdin.isatty()

    @cached_property
    def width(self) -> int:
        """Columns of the terminal; 80 when there is none."""
        import shutil

        return shutil.get_terminal_size().columns

    def style(self, text: str, name: str) -> str:
        """Colour text for the standard output."""
        return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if self.color and text else text

    def path(self, path: str) -> str:
        """Make a path fit to print: bytes that are no text go as they are to a pipe and as escapes to a terminal."""
        path = printable(path)
        return _SURROGATE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", path) if self.is_terminal else path

    def line(self, text: str = "") -> None:
        """Print a line of the answer."""
        self.out.write(text + "\n")

    def json(self, thing: Any) -> None:
        """Print one JSON text and a line feed, in UTF-8 whatever the locale."""
        self.out.flush()
        buffer = getattr(self.out, "buffer", None)
        if buffer is None:
            self.out.write(encode(thing).decode() + "\n")
        else:
            buffer.write(encode(thing) + b"\n")

    def note(self, text: str, *, style: str = "dim") -> None:
        """Say something about the answer on the standard error, unless it is to be quiet."""
        if not self.quiet:
            self._say(text, style)

    def detail(self, text: str) -> None:
        """Say something that only the curious want to know."""
        if self.verbose:
            self._say(text, "dim")

    def error(self, error: CodetrieverError) -> None:
        """Print what is wrong and what to do about it."""
        self._say(f"error: {error.message}", "error")
        if error.hint:
            self._say(f"hint: {error.hint}", "dim")

    def _say(self, text: str, style: str) -> None:
        self.out.flush()
        text = "\n".join(map(printable, text.split("\n")))
        self.err.write(f"\x1b[{_STYLES[style]}m{text}\x1b[0m\n" if self.error_color else text + "\n")
        self.err.flush()


def _wants_color(when: str, stream: TextIO) -> bool:
    """`--color` decides; else NO_COLOR, then FORCE_COLOR (each if not empty), then whether a person looks."""
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
