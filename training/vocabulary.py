"""Which terms get a row of the table?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codetriever.lexical.terms import count_terms, word_terms
from training.checkouts import iter_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MIN_CHECKOUTS = 2  # a term of one project says nothing about others
MIN_COMPOUND_CHECKOUTS = 4  # a whole identifier of several parts has to be a word of its own, like `github`
MAX_TERM_CHARS = 32


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Terms, most frequent first. `frequencies` are occurrences in all files, `checkouts` in how many projects."""

    terms: tuple[str, ...]
    frequencies: tuple[int, ...]
    total: int


def count_checkouts(checkouts: Sequence[Path]) -> tuple[Counter[str], Counter[str]]:
    """Return how often each term occurs, a checkout's share capped by the square root, and in how many checkouts."""
    occurrences: Counter[str] = Counter()
    spread: Counter[str] = Counter()
    for checkout in checkouts:
        found: Counter[str] = Counter()
        for file in iter_files(checkout, prose=True):
            found.update(count_terms(file.text))
        occurrences.update(found)
        spread.update(found.keys())
    return occurrences, spread


def choose(occurrences: Counter[str], spread: Counter[str], general: Iterable[str], *, size: int) -> Vocabulary:
    """Choose the terms of most checkouts, then of most occurrences; fill up with `general` English words."""
    own = [term for term in occurrences if _is_useful(term, spread[term])]
    own.sort(key=lambda term: (-spread[term], -occurrences[term], term))
    chosen = dict.fromkeys(own[:size])
    for word in general:
        if len(chosen) >= size:
            break
        chosen.setdefault(word)
    terms = sorted(chosen, key=lambda term: (-occurrences[term], term))
    return Vocabulary(tuple(terms), tuple(max(occurrences[term], 1) for term in terms), sum(occurrences.values()))


def _is_useful(term: str, checkouts: int) -> bool:
    # The start vectors come from an English model, so a row of another script would say nothing.
    if len(term) > MAX_TERM_CHARS or not term.isascii() or not any(map(str.isalpha, term)):
        return False
    compound = "_" in term.strip("_")
    return checkouts >= (MIN_COMPOUND_CHECKOUTS if compound else MIN_CHECKOUTS)


def general_words(wordpieces: Path) -> list[str]:
    """Return the whole words of a BERT vocabulary file, most frequent first, and their base forms."""
    words = [line for line in wordpieces.read_text(encoding="utf-8").splitlines() if line.isascii() and line.isalpha() and len(line) > 2]
    return list(dict.fromkeys(term for word in words for term in word_terms(word)))
