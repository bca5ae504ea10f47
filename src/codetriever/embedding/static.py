"""The default embedder: where is a text in space, by its words alone?

A text's vector is the weighted sum of its terms' vectors, one table row each, brought to unit length; a term that occurs n times counts
1 + log n times. How much a term says is folded into its row. This is the smooth inverse frequency weighting of Arora, Liang and Ma, "A
simple but tough-to-beat baseline for sentence embeddings" (2017), where the table was not trained to do better.

A word without a row is split greedily into known ones, longest first (`websocketserver` is `websocket` and `server`). In questions, a
word that cannot be split is taken for a known one with a typing error, when one edit makes it so. Words that are still unknown,
most of other scripts among them, have no share in the vector: the word index finds those.
"""

from __future__ import annotations

import math
import threading
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np

from codetriever.embedding.table import open_table
from codetriever.lexical.columns import Expansion
from codetriever.lexical.terms import ANALYSER_VERSION, count_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from codetriever.embedding.table import Table

_BUNDLED = "static.table"
_MIN_PIECE_CHARS = 3  # shorter pieces are found in every word, and say nothing
_MAX_SPLIT_CHARS = 48
_ANY_LENGTH = -1 << _MIN_PIECE_CHARS  # as in `_Rows.lengths`: a bit for each length a piece may have
_MANY_TERMS = 4096  # after which it is worth 10 ms to know the lengths that there are
_MIN_TYPED_CHARS = 5
_CACHE_TERMS = 1 << 17  # splits remembered, about 20 MB in each process that analyses
_TEXTS_AT_ONCE = 25  # of one file or folder, so that they share words: of 8 to 100 texts at once the fastest
_FINE = 1 << 20  # the largest scale as a whole number, and 1,024 the weight of a term that occurs once: both finer than the table is
_COUNT_WEIGHTS = np.array([0.0] + [1.0 + math.log(count) for count in range(1, 256)], dtype=np.float32)
_WHOLE_COUNT_WEIGHTS = np.rint(_COUNT_WEIGHTS * np.float64(1024)).astype(np.int64)


def load_static(path: Path | None = None) -> StaticEmbedder:
    """Open the table at `path`, or the one that is part of the package. Raises `ModelUnavailable`."""
    return StaticEmbedder(open_table(path or Path(__file__).with_name(_BUNDLED)))


class StaticEmbedder:
    """Term vectors mapped into memory; costs nothing until it is asked."""

    def __init__(self, table: Table) -> None:
        self.dimensions = table.rows.shape[1]
        self.model = f"static-{ANALYSER_VERSION}-{table.identity[:12]}"
        self._table = table
        self._row_of = _Rows(table)
        self._splits: dict[str, tuple[int, ...]] = {}
        self._lock = threading.Lock()
        self._pieces: Expansion[str] = Expansion(self._rows_of)

    def __reduce__(self) -> tuple[Callable[[Path], StaticEmbedder], tuple[Path]]:
        """Travel to another process as the table's path: the other one maps the same file."""
        return load_static, (self._table.path,)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows, `(len(texts), dimensions) float32`; a text without known words is a zero row."""
        return self.project([count_terms(text) for text in texts])

    def project(self, counts: Sequence[Mapping[str, int]]) -> NDArray[np.float32]:
        """Return what `embed` does, `(len(counts), dimensions) float32`, from the terms that `count_terms` found in each text."""
        sizes = np.fromiter(map(len, counts), np.intp, len(counts))
        times = np.fromiter(chain.from_iterable(terms.values() for terms in counts), np.int64, int(sizes.sum()))
        return self._project(sizes, list(chain.from_iterable(counts)), None, times)

    def project_columns(
        self,
        vocabulary: Sequence[str],
        pair_counts: NDArray[np.uint32],
        pair_terms: NDArray[np.uint32],
        pair_frequencies: NDArray[np.uint8],
    ) -> NDArray[np.float32]:
        """Do what `project` does, to the bit, for counts in columns as `AnalysedBlobs` has them; each distinct term is looked up once."""
        return self._project(pair_counts.astype(np.intp), vocabulary, pair_terms, pair_frequencies.astype(np.int64))

    def _project(
        self, pair_counts: NDArray[np.intp], terms: Sequence[str], pair_terms: NDArray[np.uint32] | None, times: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return unit rows for texts of so many pairs of a term, which is one of `terms` or the next of them, and how often it occurs."""
        self._checked_rows  # noqa: B018
        with self._lock:
            numbers = self._pieces.numbers(terms)
            sizes, rows = self._pieces.expand(numbers if pair_terms is None else numbers[pair_terms])
            if len(self._pieces) > _CACHE_TERMS:
                self._pieces = Expansion(self._rows_of)
        owners = np.repeat(np.repeat(np.arange(len(pair_counts)), pair_counts), sizes)
        return self._unit_sums(len(pair_counts), owners, rows.astype(np.intp), np.repeat(times, sizes))

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a question, `(dimensions,) float32`; zero when it has no known word."""
        rows, weights = self.weigh({self._mend(term): count for term, count in count_terms(text).items()})
        vector: NDArray[np.float32] = (weights * self._table.scales[rows]) @ self._table.rows[rows].astype(np.float32)
        vector /= np.maximum(np.sqrt(np.dot(vector, vector)), np.float32(1e-12))
        return vector

    @cached_property
    def _checked_rows(self) -> bool:
        """Checking reads the whole table, so it waits for the first bulk work: questions touch a few rows only."""
        self._table.check_rows()
        return True

    def _unit_sums(self, size: int, owners: NDArray[np.intp], rows: NDArray[np.intp], times: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return `size` unit rows from ascending owners, a row of the table for each, and how often it occurs.

        Weights are made whole numbers, so small that every sum of products is exact in float32: so the vector of a text depends neither on
        the order of its terms nor on which texts are computed with it, and many are one product of matrices.
        """
        table = self._table.rows
        out = np.zeros((size, self.dimensions), dtype=np.float32)
        owners, rows, weights = self._whole_weights(size, owners, rows, times)
        bounds = np.searchsorted(owners, np.arange(0, size + _TEXTS_AT_ONCE, _TEXTS_AT_ONCE)).tolist()
        places = np.empty(len(table), np.intp)
        for number, (start, end) in enumerate(pairwise(bounds)):
            first = number * _TEXTS_AT_ONCE
            is_chosen = np.zeros(len(table), np.bool_)  # this finds the distinct rows in a third of the time that `unique` sorts them in
            is_chosen[rows[start:end]] = True
            chosen = np.flatnonzero(is_chosen)
            places[chosen] = np.arange(len(chosen))
            block = np.zeros((min(_TEXTS_AT_ONCE, size - first), len(chosen)), np.float32)
            block[owners[start:end] - first, places[rows[start:end]]] = weights[start:end]
            np.dot(block, table[chosen].astype(np.float32), out=out[first : first + len(block)])
        out /= np.maximum(np.sqrt(np.einsum("ij,ij->i", out, out)), np.float32(1e-12))[:, None]
        return out

    def _whole_weights(
        self, size: int, owners: NDArray[np.intp], rows: NDArray[np.intp], times: NDArray[np.int64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Return the distinct pairs of an owner and a row, ascending, and the weight of each as a whole number."""
        width = len(self._table.rows)
        keys = owners * width + rows
        order = np.argsort(keys)
        keys = keys[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        fine = (self._whole_scales[rows] * _WHOLE_COUNT_WEIGHTS[np.minimum(times, 255)])[order]
        fine = np.add.reduceat(fine, first) if len(first) else fine
        owners, rows = np.divmod(keys[first], width)
        totals = np.zeros(size, np.int64)
        np.add.at(totals, owners, fine)
        most = (1 << 24) / 127 - np.bincount(owners, minlength=size) / 2
        weights = np.rint(fine * (most / np.maximum(totals, 1))[owners])
        return owners, rows, weights.astype(np.float32)

    @cached_property
    def _whole_scales(self) -> NDArray[np.int64]:
        scales = self._table.scales.astype(np.float64)
        whole: NDArray[np.int64] = np.rint(scales * (_FINE / max(float(scales.max(initial=0)), 1e-30))).astype(np.int64)
        return whole

    def _rows_of(self, term: str) -> tuple[int, ...]:
        row = self._row_of.get(term)
        return self._cut(term) if row is None else (row,)

    def weigh(self, counts: Mapping[str, int]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return the rows of these terms and the weight of each; a row may occur several times."""
        rows: list[int] = []
        times: list[int] = []
        row_of = self._row_of
        for term, count in counts.items():
            row = row_of.get(term)
            if row is not None:
                rows.append(row)
                times.append(count)
            else:
                pieces = self._split(term)
                rows += pieces
                times += [count] * len(pieces)
        return np.array(rows, dtype=np.intp), _COUNT_WEIGHTS[np.minimum(np.array(times, dtype=np.intp), 255)]

    def _split(self, term: str) -> tuple[int, ...]:
        """Return what `_cut` does, and remember it."""
        pieces = self._splits.get(term)
        if pieces is None:
            if len(self._splits) >= _CACHE_TERMS:
                self._splits.clear()
            pieces = self._splits[term] = self._cut(term)
        return pieces

    def _cut(self, term: str) -> tuple[int, ...]:
        """Return the rows of the known words that make up most of an unknown one; none when they do not."""
        if len(term) > _MAX_SPLIT_CHARS or not term.isalpha():
            return ()
        row_of = self._row_of.all()
        lengths = self._row_of.lengths if len(self._splits) + len(self._pieces) >= _MANY_TERMS else None
        size = len(term)
        rows: list[int] = []
        start = left_out = 0
        while start < size:
            known = _ANY_LENGTH if lengths is None else lengths.get(term[start : start + _MIN_PIECE_CHARS], 0)
            possible = known & ((2 << (size - start)) - 1)
            row = None
            while possible and row is None:
                length = possible.bit_length() - 1
                row = row_of.get(term[start : start + length])
                possible ^= 1 << length
            if row is None:
                start += 1
                left_out += 1
                if 4 * left_out > size:
                    return ()
            else:
                rows.append(row)
                start += length
        return tuple(rows)

    def _mend(self, term: str) -> str:
        """Return the term, or the most frequent known word that one edit makes of an unknown one."""
        if len(term) < _MIN_TYPED_CHARS or not term.isalpha() or self._row_of.get(term) is not None or self._split(term):
            return term
        known = [row for edited in _edits(term) if (row := self._row_of.get(edited)) is not None]
        return self._table.terms()[min(known)] if known else term


class _Rows:
    """Finds the row of a term. A question's few terms are searched in the text; more look-ups are worth a dictionary, some 15 ms."""

    _FEW = 32

    def __init__(self, table: Table) -> None:
        self._table = table
        self._asked = 0
        self._rows: dict[str, int] | None = None

    def get(self, term: str) -> int | None:
        rows = self._rows
        if rows is None:
            self._asked += 1
            if self._asked <= self._FEW:
                return self._table.find(term)
            rows = self.all()
        return rows.get(term)

    def all(self) -> dict[str, int]:
        """Return the row of every term."""
        if self._rows is None:
            terms = self._table.terms()
            self._rows = dict(zip(terms, range(len(terms)), strict=True))
        return self._rows

    @cached_property
    def lengths(self) -> dict[str, int]:
        """How long the terms are that begin with these characters: a bit for each length."""
        lengths: dict[str, int] = {}
        for term in self.all():
            if len(term) >= _MIN_PIECE_CHARS:
                beginning = term[:_MIN_PIECE_CHARS]
                lengths[beginning] = lengths.get(beginning, 0) | 1 << len(term)
        return lengths


def _edits(word: str) -> set[str]:
    """Return the strings that are one transposition, deletion, replacement or insertion away (Damerau, 1964)."""
    splits = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]  # the first letter is rarely the wrong one
    edited = {left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1}
    edited |= {left + right[1:] for left, right in splits if right}
    edited |= {left + letter + right[1:] for left, right in splits if right for letter in ascii_lowercase}
    return edited | {left + letter + right for left, right in splits for letter in ascii_lowercase}
