"""Where can a text be cut when no grammar says so? At its lines, and inside of a line that is too long."""

from __future__ import annotations

import re

_HEADING = re.compile(rb"#{1,6} |={3,}|-{3,}|\[")
_BLANK = b" \t\r\n\f\v"
_DEEPEST_INDENT = 8
_SEPARATORS = (b" \t\r\n\f\v", b";,}])>")


def line_boundaries(source: bytes, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Return where lines start, as (byte, depth): the smaller the depth, the better the text can be cut there.

    A heading cuts best, then a line after a blank one, then less indented lines before more indented ones.
    """
    found = []
    place = start and source.find(b"\n", start) + 1
    if place or not start:
        after_blank = False
        for line in source[place:end].rstrip(_BLANK).split(b"\n"):
            text = line.lstrip(_BLANK)
            if text:
                indent = min(len(line) - len(text), _DEEPEST_INDENT)
                depth = 2 + _DEEPEST_INDENT + indent
                if after_blank:
                    depth = 0 if not indent and _HEADING.match(source, place) else 1 + indent
                found.append((place, depth))
            after_blank = not text
            place += len(line) + 1
    return found


def lines_around(source: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the line of the first of these bytes begins, and where that of the last one ends."""
    after = source.find(b"\n", end)
    return source.rfind(b"\n", 0, start) + 1, after + 1 or len(source)


def place_in_line(source: bytes, start: int, limit: int) -> int:
    """Return a place in `start + 1 .. limit` to cut a line that is too long.

    That is after the last white space, else after the last closing sign, in the second half of the range; else between two
    characters of UTF-8; else, in bytes that are no text, at the limit.
    """
    middle = start + max(1, (limit - start) // 2)
    for separators in _SEPARATORS:
        after = max(source.rfind(bytes((sign,)), middle, limit) for sign in separators) + 1
        if after > start:
            return after
    place = limit
    while place > max(start + 1, limit - 3) and place < len(source) and source[place] & 0xC0 == 0x80:
        place -= 1
    return place if place < len(source) and source[place] & 0xC0 != 0x80 else limit
