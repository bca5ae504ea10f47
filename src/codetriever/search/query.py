"""What does the question ask for?"""

from __future__ import annotations

import re

from codetriever.errors import InvalidQuery
from codetriever.lexical.terms import identifiers, query_terms
from codetriever.types import Role
from codetriever.values import dataclass

MAX_QUERY_CHARACTERS = 1000

_QUOTED = re.compile(r'"([^"]+)"|`([^`]+)`')
_SEPARATOR = re.compile(r"\.|::|->|#|/|\\")
_SYMBOL = re.compile(r"[^\W\d][\w$]*[?!]?(?:(?:\.|::|->|#|/|\\)[^\W\d][\w$]*[?!]?)*(?:\(\))?")

# Words by which a question asks for files of another role than code. They are looked for in the question's own words.
_INTENT_WORDS = {
    Role.TEST: frozenset("test tests testing tested spec specs unittest unittests testcase testcases fixture fixtures".split()),
    Role.DOCS: frozenset("doc docs documentation documented readme changelog tutorial guide manual license".split()),
    Role.CONFIG: frozenset("workflow ci yaml toml json makefile dockerfile dependency dependencies".split()),
    Role.GENERATED: frozenset("generated vendored minified lockfile vendor bundled".split()),
}


# A question that begins so tells what a commit does: where it names tests or documentation it means code as often.
_CHANGES = """
    add added adding adds adjust adjusted allow allowed avoid bump change changed changes clarify clean cleanup convert correct corrected
    corrects delete deleted deprecate disable disabled drop dropped enable enabled ensure expand extend extract fix fixed fixes fixing
    handle implement implemented improve improved improves introduce make makes mark mention merge migrate move moved optimise optimize
    polish prevent re reduce reenable refactor refactored refactoring refine refined remove removed removes removing rename renamed
    reorganise reorganize replace replaced restore restructure revert revisit rewrite rework reworked simplified simplify split support
    supported switch tidy tweak update updated updates upgrade use used
"""
_CHANGE_WORDS = frozenset(_CHANGES.split())


@dataclass(frozen=True, slots=True)
class Query:
    """A question, understood: its words, the symbols it names, what must occur literally, and what it is about."""

    text: str
    terms: tuple[str, ...]  # distinct, in the question's order
    identifiers: tuple[str, ...]  # in their original spelling
    literals: tuple[str, ...]  # must occur in a hit's file, byte for byte
    is_symbol: bool  # one (qualified) name and nothing else
    is_literal: bool  # nothing but what must occur literally
    intent: frozenset[Role]  # roles that the question asks for in words
    is_change: bool = False  # tells what a commit does, as its subject would


def parse_query(text: str, *, exact: bool = False) -> Query:
    """Understand a question; with `exact` all of it has to occur literally. Raises `InvalidQuery`."""
    stripped = text.strip()
    if not stripped:
        raise InvalidQuery("The query is empty.", hint='Ask in words, for example: codetriever "where are sessions refreshed"')
    if len(text) > MAX_QUERY_CHARACTERS:
        raise InvalidQuery(
            f"The query has {len(text):,} characters; at most {MAX_QUERY_CHARACTERS:,} are allowed.",
            hint="Ask a shorter question, or use `similar` to search with a piece of code.",
        )
    literals = (text if text == stripped else stripped,) if exact else tuple(a or b for a, b in _QUOTED.findall(stripped))
    rest = "" if exact else _QUOTED.sub(" ", stripped)
    plain = stripped if exact else _QUOTED.sub(lambda found: f" {found[1] or found[2]} ", stripped).strip()
    return Query(
        text=stripped,
        terms=tuple(dict.fromkeys(query_terms(plain))),
        identifiers=tuple(dict.fromkeys(identifiers(plain))),
        literals=tuple(literal for literal in literals if literal.strip()),
        is_symbol=is_symbol(plain),
        is_literal=not rest.strip(),
        intent=_intent(plain),
        is_change=_is_change(plain),
    )


def is_symbol(text: str) -> bool:
    """Return whether a text is one name, perhaps qualified or called, and nothing else."""
    return _SYMBOL.fullmatch(text) is not None


def simple_name(identifier: str) -> str:
    """Return the last part of a qualified name: `a.b::c()` gives `c`."""
    return _SEPARATOR.split(identifier.removesuffix("()"))[-1]


def is_qualified_as(qualified_name: str, symbol: str) -> bool:
    """Return whether a definition's qualified name ends in all parts of the symbol that was asked for, compared with case folded."""
    return _separated(qualified_name).endswith(_separated(symbol))


def _separated(name: str) -> str:
    """Return a qualified name with dots between and before its parts, case folded."""
    return "".join("." + part for part in _SEPARATOR.split(name.casefold().removesuffix("()")))


def _intent(text: str) -> frozenset[Role]:
    words = set(re.findall(r"[^\W_]+", text.casefold()))
    return frozenset(role for role, hints in _INTENT_WORDS.items() if words & hints)


def _is_change(text: str) -> bool:
    first = re.search(r"[^\W_]+", text)
    return first is not None and first.group().casefold() in _CHANGE_WORDS and not is_symbol(text)
