"""Which terms does a text contain? One analysis for code, prose, file paths and questions.

A word is a run of letters, digits and underscores. It yields itself, folded, and its parts: split on case, underscore and digits,
each part with its base form when it is a plural or an -ed/-ing form. `HTTPServerConfigs` yields `httpserverconfigs`, `http`,
`server`, `configs` and `config`; `sha256_sum` yields `sha256_sum`, `sha256`, `sha` and `sum`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from codetriever.lexical.inflection import base_form

ANALYSER_VERSION = 2

MAX_TERM_CHARS = 96
"""Longer words are cut to their first characters, on both sides of a look-up."""

CUT = "\u2026"
"""The term of every text with a word that was cut: not all of that word is in its terms."""

_BLOB_CHARS = 16  # what is kept of digests and encoded data: enough to find one again, without a vocabulary full of them
_MIN_BLOB_CHARS = 24
_MAX_PARTS = 24
_MAX_UNSPACED_CHARS = 8  # longer runs of a script without spaces are sentences, not names
_CACHE_WORDS = 1 << 16  # about 20 MB in each process that analyses
_CACHE_PARTS = 1 << 13

_ASCII_WORD = re.compile(r"\w+", re.ASCII)
# Python's \w leaves out combining marks and joiners, without which words of many scripts fall to pieces.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f"
    "\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u0f71-\u0f84\u200c\u200d"
)
_ANY_WORD = rf"[\w{_MARKS}]+"
_PART = re.compile(
    r"""(?: [A-Z]{2,}s(?![a-z])        # URLs, IDs
          | [A-Z]+(?![a-z])            # the HTTP of HTTPServer
          | [A-Z]?[a-z]+ ) [0-9]*      # Server, utf8
        | [0-9]{2,}""",
    re.VERBOSE,
)
# Scripts written without spaces, or with endings glued on: cut into pairs of characters. Compiled when a text has more than ASCII, not
# at every start: that takes a millisecond.
_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_HEX = re.compile(r"(?:0[xX])?[0-9a-fA-F]{24,}")

_QUALIFIED = re.compile(r"[^\W\d][\w$]*(?:(?:::|\.|->|#)~?[^\W\d][\w$]*)*")
_HUMP = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2,}[a-z]{2,}")

_STOP_WORDS = """
    a about after all also am an and any are as at be because been before being between both but by can cannot could did do does doing
    don during each either else for from get gets give given has have having he her here his how i if in into is isn it its itself just
    let like ll many may me might more most much must my need needs no nor of off on one or other our out over own please re s same
    shall she should show so some such t than that the their them then there these they this those to too under until up us ve very via
    was we were what when where whether which while who whom whose why will with within without would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that ask or connect: dropped from questions, unless nothing else is left."""

_cache: dict[str, tuple[str, ...]] = {}


def count_terms(text: str) -> dict[str, int]:
    """Return how often each term occurs in the text.

    Terms of texts joined by white space are the sum of the terms of the texts.
    """
    counts: dict[str, int] = {}
    for word, occurrences in Counter(words_of(text)).items():
        terms = _cache.get(word)
        if terms is None:
            terms = _analyse(word)
        for term in terms:
            counts[term] = counts.get(term, 0) + occurrences
    return counts


def query_terms(text: str) -> list[str]:
    """Return the distinct terms of a question in order, without the words that only make it a question."""
    words = words_of(text)
    telling = [word for word in words if word.casefold() not in STOP_WORDS or (word.isupper() and len(word) > 1)]
    return list(dict.fromkeys(term for word in telling or words for term in word_terms(word)))


def word_terms(word: str) -> tuple[str, ...]:
    """Return the distinct terms of one word, the whole of it first; nothing for a single digit or punctuation."""
    terms = _cache.get(word)
    return _analyse(word) if terms is None else terms


def literal_parts(literal: str) -> list[str]:
    """Return strings each of which lies within a term of every text that holds the literal, unless that text has the term `CUT`.

    They are folded, and may be parts of words: the literal may begin and end within one.
    """
    parts: dict[str, None] = {}
    for word in words_of(literal):
        for piece in re.split(_UNSPACED, word):
            if len(piece) > 1 or piece.isalpha():
                parts[piece.casefold()] = None
        for run in re.findall(_UNSPACED, word):
            parts.update(dict.fromkeys(_pairs(run)))
    return list(parts)


def identifiers(text: str) -> list[str]:
    """Return the distinct words of a question that look like names in code, as they are spelt, in order.

    These are words with humps, underscores or qualification (`a.b`, `A::b`, `a->b`, `A#b`), in capitals, called or in back-ticks;
    and a question's only word.
    """
    found = [(match.group().rstrip("$"), match.start(), match.end()) for match in _QUALIFIED.finditer(text)]
    if len(found) == 1 and len(words_of(text)) == len(words_of(found[0][0])):
        return [found[0][0]]
    return list(dict.fromkeys(word for word, start, end in found if _looks_named(word) or _is_marked(text, start, end)))


def words_of(text: str) -> list[str]:
    """Return the words of a text in order."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return re.findall(_ANY_WORD, unicodedata.normalize("NFKC", text))


def _fold(word: str) -> str:
    return word.casefold()[:MAX_TERM_CHARS]


def _analyse(word: str) -> tuple[str, ...]:
    if len(_cache) >= _CACHE_WORDS:
        _cache.clear()
    terms = _cache[word] = tuple(dict.fromkeys(derived_terms(word)))
    return terms


def derived_terms(word: str) -> list[str]:
    """Return what `word_terms` does, without remembering it, and perhaps with repeats."""
    if len(word) < _MIN_BLOB_CHARS and word.isascii():
        return _derive_short(word)
    if len(word) >= _MIN_BLOB_CHARS and _HEX.fullmatch(word):
        return [word.lower()[:_BLOB_CHARS], CUT]
    if not word.isascii() and re.search(_UNSPACED, word):
        return _derive_unspaced(word)
    shape = word if word.isascii() else "".join(map(_shape, word))
    spans = [] if word[0].isdecimal() else [part.span() for part in _PART.finditer(shape)]
    if _is_blob(word, len(spans)):
        return [_fold(word)[:_BLOB_CHARS], CUT]
    terms = [_fold(word)]
    for start, end in spans[:_MAX_PARTS]:
        terms += _part_terms(_fold(word[start:end]))
    return [*terms, CUT] if len(word) > MAX_TERM_CHARS else terms


def _derive_short(word: str) -> list[str]:
    """Return the terms of a word in ASCII that is too short for encoded data: of nearly every word there is."""
    folded = word.lower()
    if word.isalpha() and (word == folded or word.istitle()):
        return [folded, *_part_terms(folded)]
    if len(word) == 1:
        return []
    terms = [folded]
    if not word[0].isdecimal():
        for part in _PART.findall(word):
            terms += _part_terms(part.lower())
    return terms


@lru_cache(_CACHE_PARTS)
def _part_terms(part: str) -> tuple[str, ...]:
    letters = part.rstrip("0123456789")
    if letters == part:
        return part, base_form(part)
    return (part, letters) if len(letters) > 1 else (part,)


def _is_blob(word: str, parts: int) -> bool:
    """True for encoded data and digests: long, and falling into many tiny parts."""
    return len(word) >= _MIN_BLOB_CHARS and 5 * parts > 2 * len(word)


def _derive_unspaced(word: str) -> list[str]:
    """Return the terms of a word that is written, in part, in a script without spaces: pairs of characters there, words elsewhere."""
    runs = re.findall(_UNSPACED, word)
    terms = [_fold(word)] if sum(map(len, runs)) <= _MAX_UNSPACED_CHARS else []
    for run in runs:
        terms += _pairs(run)
    for piece in re.split(_UNSPACED, word):
        terms += derived_terms(piece) if piece else []
    return terms


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def _shape(character: str) -> str:
    """Return the ASCII character that stands for this one when a word is split by case."""
    if character in "s_":
        return character
    if character.isdecimal():
        return "0"
    return "A" if character.isupper() else "a"


def _looks_named(word: str) -> bool:
    pieces = re.split(r"::|->|[.#~]+", word)
    if len(pieces) > 1:
        return any(len(piece) > 1 for piece in pieces)
    return "_" in word.strip("_") or word.startswith("_") or bool(_HUMP.search(word)) or (len(word) > 1 and word.isupper())


def _is_marked(text: str, start: int, end: int) -> bool:
    """True for a word in back-ticks or followed by a call's parenthesis."""
    return text[end : end + 1] == "(" or (text[start - 1 : start] == "`" and text[end : end + 1] == "`")
