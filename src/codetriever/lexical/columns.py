"""Which terms do many texts contain, and how often? What `count_terms` tells one text at a time, for a batch and in columns.

Words repeat: every distinct one is analysed once, gets a number, and the numbers of its terms are kept beside it. The rest is sorting
numbers, which numpy does some three times as fast as dictionaries are filled.
"""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from codetriever.lexical.terms import derived_terms, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

_SEPARATOR = b"\xff"  # never a byte of UTF-8
_CACHE_WORDS = 1 << 16  # about 20 MB in each process that analyses
_WORD_BYTES = bytes(sign if sign >= 0x80 or chr(sign).isalnum() or sign == 0x5F else 0x20 for sign in range(256))

_Key = TypeVar("_Key")


class Expansion(dict[_Key, int], Generic[_Key]):
    """Numbers keys as they are first asked for, and knows the numbers that each of them stands for; for one thread at a time."""

    def __init__(self, stands_for: Callable[[_Key], Iterable[int]]) -> None:
        super().__init__()
        self._stands_for = stands_for
        self._values = array("I")
        self._ends = array("I", [0])

    def __missing__(self, key: _Key) -> int:
        self._values.extend(self._stands_for(key))
        self._ends.append(len(self._values))
        number = self[key] = len(self)
        return number

    def numbers(self, keys: Sequence[_Key]) -> NDArray[np.intp]:
        """Return the number of each key."""
        return np.fromiter(map(self.__getitem__, keys), np.intp, len(keys))

    def expand(self, numbers: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.uint32]]:
        """Return how many numbers each of these keys stands for, and all of those one after the other."""
        ends = np.frombuffer(self._ends, np.uint32)
        first = ends[numbers].astype(np.intp)
        sizes = ends[numbers + 1] - first
        starts = np.cumsum(sizes) - sizes
        places = np.repeat(first - starts, sizes)
        places += np.arange(len(places))
        return sizes, np.frombuffer(self._values, np.uint32)[places] if len(places) else np.zeros(0, np.uint32)


class _Numbers(dict[str, int]):
    """Numbers strings as they are first asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.in_order: list[str] = []

    def __missing__(self, key: str) -> int:
        self.in_order.append(key)
        number = self[key] = len(self)
        return number


class TermColumns(NamedTuple):
    """The terms of n texts: p pairs of a text and a term, those of one text together."""

    vocabulary: list[str]  # distinct terms, any order
    pair_counts: NDArray[np.uint32]  # (n,) distinct terms of the text
    pair_terms: NDArray[np.uint32]  # (p,) position in `vocabulary`, ascending within a text
    pair_frequencies: NDArray[np.uint32]  # (p,) occurrences
    lengths: NDArray[np.uint32]  # (n,) terms, repeats counted


class TermCounter:
    """Counts the terms of batches of texts, and remembers words from one batch to the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()

    def count(self, texts: Sequence[bytes]) -> TermColumns:
        """Return the terms of texts that `words_in` has made ready."""
        with self._lock:
            columns = self._count(texts)
            if len(self._words) > _CACHE_WORDS:
                self._forget()
        return columns

    def _count(self, texts: Sequence[bytes]) -> TermColumns:
        joined = (b" " + _SEPARATOR + b" ").join(texts)
        numbers = self._words.numbers(joined.translate(_WORD_BYTES).split())
        owners = np.cumsum(numbers == 0)
        sizes, terms = self._words.expand(numbers)
        width = max(len(self._names), 1)
        keys = np.repeat(owners, sizes) * width
        keys += terms
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        pair_owners, pair_terms = np.divmod(keys[first], width)
        vocabulary, positions = self._numbered(pair_terms)
        return TermColumns(
            vocabulary=vocabulary,
            pair_counts=np.bincount(pair_owners, minlength=len(texts)).astype(np.uint32),
            pair_terms=positions,
            pair_frequencies=np.diff(first, append=len(keys)).astype(np.uint32),
            lengths=np.bincount(owners, sizes, minlength=len(texts))[: len(texts)].astype(np.uint32),
        )

    def _numbered(self, terms: NDArray[np.intp]) -> tuple[list[str], NDArray[np.uint32]]:
        """Return the distinct ones of these terms by name, and the position of each there."""
        positions = np.zeros(len(self._names), np.uint32)
        positions[terms] = 1
        distinct = np.flatnonzero(positions)
        positions[distinct] = np.arange(len(distinct), dtype=np.uint32)
        return list(map(self._names.in_order.__getitem__, distinct.tolist())), positions[terms]

    def _terms_of(self, word: bytes) -> Iterable[int]:
        return () if word == _SEPARATOR else set(map(self._names.__getitem__, derived_terms(word.decode())))

    def _forget(self) -> None:
        self._names = _Numbers()
        self._words: Expansion[bytes] = Expansion(self._terms_of)
        self._words.numbers((_SEPARATOR,))


def words_in(text: bytes) -> bytes:
    """Make UTF-8 text ready for `TermCounter.count`; texts that are joined by a blank count as one."""
    return text if text.isascii() else " ".join(words_of(text.decode("utf-8", "replace"))).encode()
