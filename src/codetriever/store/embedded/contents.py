"""Which contents were unpacked lately? What is shown of one question is often shown of the next."""

from __future__ import annotations

import threading

# Of the files that the answers to twenty questions show one after the other, half to four fifths were shown before, and are found in so
# much; in twice as much not one more. To read and unpack one takes some 50 microseconds.
_MOST_BYTES = 4 << 20


class Contents:
    """The contents read last, with their encodings, by blob; for any number of threads."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[bytes, str]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, blob: int) -> tuple[bytes, str] | None:
        """Return content and encoding of a blob, and keep it longer than others; None when it is not here."""
        with self._lock:
            found = self._kept.pop(blob, None)
            if found is not None:
                self._kept[blob] = found
            return found

    def put(self, blob: int, content: bytes, encoding: str) -> None:
        """Keep a content, and forget those that were not asked for longest."""
        if len(content) > _MOST_BYTES // 4:
            return
        with self._lock:
            self._bytes += len(content) - len(self._kept.pop(blob, (b"", ""))[0])
            self._kept[blob] = content, encoding
            while self._bytes > _MOST_BYTES:
                forgotten, _ = self._kept.pop(next(iter(self._kept)))
                self._bytes -= len(forgotten)
