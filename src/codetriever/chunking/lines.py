"""Where can a text be cut when no grammar says so? At its lines, and inside of a line that is too long."""

from __future__ import annotations

import re

_HEADING = re.compile(rb"#{1,6} |={3,}|-{3,}|\[")
_BLANK = b" \t\r\n\f\v"
_DEEPEST_INDENT = 8
_SEPARATORS = (b" \t\r\n\f\v", b";,}])>")


def best_line(source: bytes, start: int, end: int, wanted: int) -> tuple[int, int] | None:
    """Return where the text is best cut before a line that begins in `start .. end - 1`, as (byte, depth); None when no such line has text.

    A heading cuts best, then a line after a blank one, then less indented lines before more indented ones; among equals the one
    nearest to `wanted`. The smaller the depth, the better the place.
    """
    best = -1
    best_depth = distance = 0
    after_blank = False
    place = start and source.find(b"\n", start) + 1
    lines = source[place:end].rstrip(_BLANK).split(b"\n") if place or not start else ()
    for line in lines:
        if text := line.lstrip():
            indent = min(len(line) - len(text), _DEEPEST_INDENT)
            depth = 1 + indent if after_blank else 2 + _DEEPEST_INDENT + indent
            if depth == 1 and _HEADING.match(source, place):
                depth = 0
            if best < 0 or depth < best_depth or (depth == best_depth and abs(place - wanted) < distance):
                best, best_depth, distance = place, depth, abs(place - wanted)
            after_blank = False
        else:
            after_blank = True
        place += len(line) + 1
    return None if best < 0 else (best, best_depth)


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
