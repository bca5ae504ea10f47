"""How is code coloured? pygments reads it, our palette colours it; loaded only when a coloured answer is printed."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygments.lexer import Lexer

    from codetriever.cli.screen import Screen

# Our names of languages where pygments has another one.
_ALIASES: Final[Mapping[str, str]] = {
    "astro": "html",
    "batch": "batch",
    "dockerfile": "docker",
    "fsharp": "fsharp",
    "latex": "tex",
    "markdown": "markdown",
    "protobuf": "protobuf",
    "proto": "protobuf",
    "svelte": "html",
    "text": "",
    "tsx": "tsx",
    "vue": "html",
}
_LARGEST_TEXT: Final = 40_000
_TOKEN_STYLES: Final = (
    ("Comment", "comment"),
    ("Keyword", "keyword"),
    ("Operator.Word", "keyword"),
    ("Literal.String", "string"),
    ("Literal.Number", "number"),
    ("Name.Function", "definition"),
    ("Name.Class", "definition"),
)


def highlight(text: str, language: str, screen: Screen) -> list[str]:
    """Return the lines of `text`, coloured when the screen is; the text has to be printable already."""
    lexer = _lexer(language) if screen.color and len(text) <= _LARGEST_TEXT else None
    if lexer is None:
        return text.split("\n")
    lines = [""]
    styled = ((_style(str(token).removeprefix("Token.")), part) for token, part in lexer.get_tokens(text))
    for style, group in groupby(styled, key=itemgetter(0)):
        parts = "".join(part for _, part in group).split("\n")
        first, *rest = (screen.style(part, style) if style and part.strip() else part for part in parts)
        lines[-1] += first
        lines += rest
    return lines[: text.count("\n") + 1]


def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    alias = _ALIASES.get(language, language)
    try:
        return get_lexer_by_name(alias, stripnl=False, ensurenl=False) if alias else None
    except ClassNotFound:
        return None


def _style(token: str) -> str:
    return next((style for prefix, style in _TOKEN_STYLES if token.startswith(prefix)), "")
