"""How much of a file's name does the question say?"""

from __future__ import annotations

from functools import lru_cache
from math import fsum, log1p
from typing import TYPE_CHECKING

import numpy as np

from codetriever.lexical.inflection import base_form
from codetriever.lexical.terms import word_terms, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.store.store import Snapshot

_base_form = lru_cache(1 << 12)(base_form)  # names share their words
_TELLS_NOTHING = frozenset(("index", "init", "mod", "main", "lib", ""))


def name_shares(snapshot: Snapshot, files: NDArray[np.int64], terms: Sequence[str], found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for each file the share of its name's words that the question has, weighed by their rarity among paths, in 0..1.

    `found` is over the view's files, and above 0 for those that have a word of the question in their path: no others are looked at.
    In a folder where every name ends in `Utils` that word says little.
    """
    asked = {base_form(term) for term in terms}
    shares = np.zeros(len(found), dtype=np.float32)
    names: dict[int, frozenset[str]] = snapshot.kept.setdefault("words of file names", {})
    totals: dict[int, float] = snapshot.kept.setdefault("what file names say", {})
    rarity: dict[str, float] = snapshot.kept.setdefault("rarity of path words", {})
    for file in set(files[found[files] > 0].tolist()):
        name = names.get(file)
        if name is None:
            name = names[file] = name_words(snapshot.files.paths[file])
        if said := asked & name:
            if file not in totals:
                rarity |= {word: _rarity(snapshot, word) for word in name if word not in rarity}
                totals[file] = fsum(map(rarity.__getitem__, name))
            shares[file] = fsum(map(rarity.__getitem__, said)) / totals[file]
    return shares[files]


def _rarity(snapshot: Snapshot, word: str) -> float:
    return log1p(len(snapshot.file_first) / (1 + len(snapshot.path_postings(word)[0])))


def name_words(path: str) -> frozenset[str]:
    """Return the words of a file's name in their base forms; a name that says nothing (index, init, mod, main) is that of its folder."""
    folder, _, name = path.rpartition("/")
    stem = name.split(".")[0].strip("_")
    if stem.casefold() in _TELLS_NOTHING:
        stem = folder.rpartition("/")[2]
    words = {_base_form(term) for word in words_of(stem) for term in word_terms(word) if term.isalpha()}
    return frozenset(words - {stem.casefold()} or words)
