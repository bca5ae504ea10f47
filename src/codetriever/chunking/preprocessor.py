"""How does C look to a parser that has no preprocessor? Without macros before a class's name; when that does not parse, with one
branch of each `#if` and without the macros that stand alone on a line.

What goes is blanked out, so that every offset stays: names and chunks are taken from the text as it is.
"""

from __future__ import annotations

import re

PREPROCESSED = frozenset({"arduino", "c", "cpp", "cuda", "opencl"})

# Compiled for the first text of these languages: no other process should wait for that.
_MARKED_TYPE = (
    rb"\b(?:class|struct|union)\s+(?:\[\[\w+\]\]\s*)?([A-Z][A-Z0-9_]+(?:\s*\([^()\n]*\))?)"
    rb"(?=\s+[A-Za-z_][\w:]*\s*(?:<[^<>{};]*>\s*)?(?:final\s*)?[:{])"
)
_BARE_MACRO = rb"(?m)^[ \t]*[A-Z][A-Z0-9_]{3,}[ \t]*\([^(){};\n]*\)[ \t]*\r?$(?!\s*\{)"
_CONDITION = rb"(?m)^[ \t]*#[ \t]*(if|ifdef|ifndef|else|elif|elifdef|elifndef|endif)\b(?:\\\r?\n|[^\n])*"
_NEVER = rb"#[ \t]*if[ \t]+0[ \t]*(?:$|/)"
_TEXT = rb"[^\r\n]"
_MACRO = rb"(?m)^[ \t]*#[ \t]*define\b(?:\\\r?\n|[^\n])*"


def without_type_macros(source: bytes) -> bytes:
    """Blank the macro in `class EXPORT Name {`, which otherwise reads as a function."""
    return re.sub(_MARKED_TYPE, _without_first_group, source)


def _without_first_group(found: re.Match[bytes]) -> bytes:
    return found.group()[: found.start(1) - found.start()] + b" " * (found.end(1) - found.start(1))


def without_directives(source: bytes) -> bytes:
    """Blank macros that stand alone on a line, conditional directives, and of each `#if` all branches but one: the first not `#if 0`."""
    source = re.sub(_BARE_MACRO, lambda found: _blank(found.group()), source)
    parts: list[bytes] = []
    active: list[bool] = []  # for each open #if, whether the branch at hand is kept
    taken: list[bool] = []  # and whether one was kept so far
    position = 0
    for found in re.finditer(_CONDITION, source):
        text = source[position : found.start()]
        parts += (text if all(active) else _macros_alone(text), _blank(found.group()))
        position = found.end()
        word = found.group(1)
        if word in (b"if", b"ifdef", b"ifndef"):
            active.append(re.search(_NEVER, found.group()) is None)
            taken.append(active[-1])
        elif active and word == b"endif":
            active.pop()
            taken.pop()
        elif active:
            active[-1] = not taken[-1]
            taken[-1] = True
    rest = source[position:]
    return b"".join((*parts, rest if all(active) else _macros_alone(rest)))


def _macros_alone(text: bytes) -> bytes:
    """Blank all but the definitions of macros, which are whole in any branch."""
    parts: list[bytes] = []
    position = 0
    for macro in re.finditer(_MACRO, text):
        parts += (_blank(text[position : macro.start()]), macro.group())
        position = macro.end()
    return b"".join((*parts, _blank(text[position:])))


def _blank(text: bytes) -> bytes:
    return re.sub(_TEXT, b" ", text)
