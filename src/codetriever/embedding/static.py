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
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.embedding.table import open_table
from codetriever.lexical.terms import ANALYSER_VERSION, count_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from codetriever.embedding.table import Table

_BUNDLED = "static.table"
_MIN_PIECE_CHARS = 3  # shorter pieces are found in every word, and say nothing
_MAX_SPLIT_CHARS = 48
_MIN_TYPED_CHARS = 5
_CACHE_TERMS = 1 << 17  # splits remembered, about 20 MB in each process that analyses
_COUNT_WEIGHTS = np.array([0.0] + [1.0 + math.log(count) for count in range(1, 256)], dtype=np.float32)


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

    def __reduce__(self) -> tuple[Callable[[Path], StaticEmbedder], tuple[Path]]:
        """Travel to another process as the table's path: the other one maps the same file."""
        return load_static, (self._table.path,)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows, `(len(texts), dimensions) float32`; a text without known words is a zero row."""
        return self.project([count_terms(text) for text in texts])

    def project(self, counts: Sequence[Mapping[str, int]]) -> NDArray[np.float32]:
        """Return what `embed` does, `(len(counts), dimensions) float32`, from the terms that `count_terms` found in each text."""
        self._checked_rows  # noqa: B018
        return self._sum_rows(counts)

    def project_columns(
        self,
        vocabulary: Sequence[str],
        pair_counts: NDArray[np.uint32],
        pair_terms: NDArray[np.uint32],
        pair_frequencies: NDArray[np.uint8],
    ) -> NDArray[np.float32]:
        """Do what `project` does, to the bit, for counts in columns as `AnalysedBlobs` has them; each distinct term is looked up once."""
        self._checked_rows  # noqa: B018
        pieces = [self._rows_of(term) for term in vocabulary]
        first = _starts(np.fromiter(map(len, pieces), np.intp, len(pieces)))
        rows = np.fromiter(chain.from_iterable(pieces), np.intp, int(first[-1]))
        sizes = (first[1:] - first[:-1])[pair_terms]
        starts = _starts(sizes)
        picked = rows[np.repeat(first[pair_terms] - starts[:-1], sizes) + np.arange(starts[-1])]
        weights = np.repeat(_COUNT_WEIGHTS[pair_frequencies], sizes)
        bounds = starts[_starts(pair_counts)].tolist()
        return self._unit_sums([(picked[a:b], weights[a:b]) for a, b in pairwise(bounds)])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a question, `(dimensions,) float32`; zero when it has no known word."""
        counts = count_terms(text)
        mended = {self._mend(term): count for term, count in counts.items()}
        vector: NDArray[np.float32] = self._sum_rows([mended])[0]
        return vector

    @cached_property
    def _checked_rows(self) -> bool:
        """Checking reads the whole table, so it waits for the first bulk work: questions touch a few rows only."""
        self._table.check_rows()
        return True

    def _sum_rows(self, counts: Sequence[Mapping[str, int]]) -> NDArray[np.float32]:
        return self._unit_sums([self.weigh(terms) for terms in counts])

    def _unit_sums(self, weighed: Sequence[tuple[NDArray[np.intp], NDArray[np.float32]]]) -> NDArray[np.float32]:
        """Return one unit row for each (rows of the table, weights)."""
        table, scales = self._table.rows, self._table.scales
        out = np.zeros((len(weighed), self.dimensions), dtype=np.float32)
        for position, (rows, weights) in enumerate(weighed):
            if len(rows):
                np.dot(weights * scales[rows], table[rows].astype(np.float32), out=out[position])
        out /= np.maximum(np.sqrt(np.einsum("ij,ij->i", out, out)), np.float32(1e-12))[:, None]
        return out

    def _rows_of(self, term: str) -> tuple[int, ...]:
        row = self._row_of.get(term)
        return self._split(term) if row is None else (row,)

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
        """Return the rows of the known words that make up most of an unknown one; none when they do not."""
        pieces = self._splits.get(term)
        if pieces is None:
            if len(self._splits) >= _CACHE_TERMS:
                self._splits.clear()
            pieces = self._splits[term] = self._cut(term) if term.isalpha() and len(term) <= _MAX_SPLIT_CHARS else ()
        return pieces

    def _cut(self, term: str) -> tuple[int, ...]:
        rows: list[int] = []
        start = left_out = 0
        while start < len(term):
            end = next(
                (end for end in range(len(term), start + _MIN_PIECE_CHARS - 1, -1) if self._row_of.get(term[start:end]) is not None), 0
            )
            row = self._row_of.get(term[start:end])
            if row is not None:
                rows.append(row)
                start = end
            else:
                left_out += 1
                start += 1
        return tuple(rows) if 4 * left_out <= len(term) else ()

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
        if self._rows is None:
            self._asked += 1
            if self._asked <= self._FEW:
                return self._table.find(term)
            self._rows = {known: row for row, known in enumerate(self._table.terms())}
        return self._rows.get(term)


def _starts(sizes: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Return where each group begins when groups of these sizes follow one another, and the end: `(n + 1,)`."""
    starts = np.zeros(len(sizes) + 1, np.intp)
    np.cumsum(sizes, out=starts[1:])
    return starts


def _edits(word: str) -> set[str]:
    """Return the strings that are one transposition, deletion, replacement or insertion away (Damerau, 1964)."""
    splits = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]  # the first letter is rarely the wrong one
    edited = {left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1}
    edited |= {left + right[1:] for left, right in splits if right}
    edited |= {left + letter + right[1:] for left, right in splits if right for letter in ascii_lowercase}
    return edited | {left + letter + right for left, right in splits for letter in ascii_lowercase}
