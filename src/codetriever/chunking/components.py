"""Which languages does a file mix, and where? Single-file components and pages, as layers of one text.

A layer is the whole text with everything of other languages blanked out, so that offsets and lines are those of the file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

TEMPLATES: dict[str, str] = {"astro": "html", "html": "html", "svelte": "svelte", "vue": "html"}
"""Languages with parts in other languages, and the grammar of what is around the parts."""

_SCRIPT_DEFAULTS = {"astro": "typescript"}
_LANGUAGES = {
    "babel": "javascript",
    "css": "css",
    "importmap": "json",
    "javascript": "javascript",
    "js": "javascript",
    "json": "json",
    "jsx": "javascript",
    "ld+json": "json",
    "module": "javascript",
    "pcss": "css",
    "postcss": "css",
    "scss": "scss",
    "ts": "typescript",
    "tsx": "tsx",
    "typescript": "typescript",
}

_PART = re.compile(
    rb"<!--.*?(?:-->|\Z)|<(?P<tag>script|style)\b(?P<attributes>(?:[^>\"']|\"[^\"]{0,999}\"|'[^']{0,999}'){0,999}+)>(?P<body>.*?)(?:</(?P=tag)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_LANGUAGE = re.compile(rb"\b(?:lang|type)\s*=\s*[\"']?(?:text/|application/)?(?:x-)?([\w+-]+)", re.IGNORECASE)
_FRONT_MATTER = re.compile(rb"\A\s*---[ \t]*\r?\n(?P<body>.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_BLANK = bytes(sign if sign in b"\r\n" else 0x20 for sign in range(256))


class Part(NamedTuple):
    """A stretch of a file in a language of its own; "" when that language has no grammar."""

    language: str
    start: int
    end: int


class Layer(NamedTuple):
    """All that one language has in a file: the file's text, up to the end of the last part in it, with the rest blanked out."""

    language: str
    source: bytes
    parts: tuple[Part, ...] = ()


def find_parts(source: bytes, language: str) -> list[Part]:
    """Return the scripts, styles and front matter of a component or page, in byte order."""
    parts = []
    start = 0
    if language == "astro" and (front := _FRONT_MATTER.match(source)):
        parts.append(Part("typescript", *front.span("body")))
        start = front.end()
    for found in _PART.finditer(source, start):
        if found["tag"] is None:
            continue  # a comment
        is_script = found["tag"].lower() == b"script"
        default = _SCRIPT_DEFAULTS.get(language, "javascript") if is_script else "css"
        told = _LANGUAGE.search(found["attributes"])
        parts.append(Part(_LANGUAGES.get(told[1].decode().lower(), "") if told else default, *found.span("body")))
    return parts


def component_layers(source: bytes, language: str) -> list[Layer]:
    """Return what is around a component's parts, then one layer for each language of its parts."""
    parts = find_parts(source, language)
    layers = [Layer(TEMPLATES[language], blank_out(source, [(part.start, part.end) for part in parts]))]
    for inner in dict.fromkeys(part.language for part in parts if part.language):
        mine = tuple(part for part in parts if part.language == inner)
        between = zip([0, *(part.end for part in mine)], [part.start for part in mine], strict=False)
        layers.append(Layer(inner, blank_out(source[: mine[-1].end], between), mine))
    return layers


def blank_out(source: bytes, stretches: Iterable[tuple[int, int]]) -> bytes:
    """Return a text with blanks for these stretches, which ascend; line ends stay."""
    pieces = []
    end = 0
    for start, stop in stretches:
        pieces += [source[end:start], source[start:stop].translate(_BLANK)]
        end = stop
    return b"".join([*pieces, source[end:]])
