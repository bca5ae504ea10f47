"""Where do the lines of a file begin, whatever its encoding, and where in its bytes does a text occur?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# In these a line feed is a whole unit of several bytes; in every other encoding it is the one byte.
_WIDE_UNITS = {"utf-16-le": "<u2", "utf-16-be": ">u2", "utf-32-le": "<u4", "utf-32-be": ">u4"}


def line_starts(content: bytes, encoding: str) -> NDArray[np.int64]:
    """Return the byte offset at which each line begins; every file has a first line."""
    units = np.dtype(_WIDE_UNITS.get(encoding, "u1"))
    values = np.frombuffer(content, dtype=units, count=len(content) // units.itemsize)
    starts = (np.flatnonzero(values == ord("\n")) + 1) * units.itemsize
    return np.concatenate((np.zeros(1, dtype=np.int64), starts[starts < len(content)]))


def find_literal(content: bytes, literal: str, encoding: str) -> NDArray[np.int64]:
    """Return the byte offsets of all occurrences of a text; they do not overlap."""
    if encoding != "utf-8":
        return _find_in_text(content, re.compile(re.escape(literal)), encoding)
    try:
        sought = literal.encode(encoding, errors="surrogateescape")
    except UnicodeEncodeError:
        return np.empty(0, dtype=np.int64)
    if sought not in content:
        return np.empty(0, dtype=np.int64)
    return np.array([found.start() for found in re.finditer(re.escape(sought), content)], dtype=np.int64)


def find_word(content: bytes, word: str, encoding: str) -> NDArray[np.int64]:
    """Return the byte offsets at which a name stands as a word of its own."""
    pattern = rf"(?<!\w){re.escape(word)}(?!\w)"
    if encoding == "utf-8" and content.isascii():
        found = re.finditer(pattern.encode(), content) if word.isascii() else ()
        return np.array([one.start() for one in found], dtype=np.int64)
    return _find_in_text(content, re.compile(pattern), encoding)


def _find_in_text(content: bytes, pattern: re.Pattern[str], encoding: str) -> NDArray[np.int64]:
    damaged = "surrogateescape" if encoding == "utf-8" else "replace"
    text = content.decode(encoding, damaged)
    offsets, offset, counted = [], 0, 0
    for found in pattern.finditer(text):
        offset += len(text[counted : found.start()].encode(encoding, damaged))
        counted = found.start()
        offsets.append(offset)
    return np.array(offsets, dtype=np.int64)
