"""How well do a chunk's words answer the question's words?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.lexical import bm25
from codetriever.lexical.bm25 import K1, B


def score(postings, lengths):
    """The sum over the terms of what each is worth in each chunk."""
    lengths = np.array(lengths, dtype=np.uint32)
    total = np.zeros(len(lengths), dtype=np.float32)
    for ordinals, frequencies in postings:
        ordinals = np.array(ordinals, dtype=np.int64)
        worth = bm25.saturation(np.array(frequencies), lengths[ordinals], float(lengths.mean()))
        total[ordinals] += np.float32(bm25.idf(len(ordinals), len(lengths))) * worth
    return total


def test_the_formula():
    lengths, average = [10, 20, 30], 20
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = [0.0, *(idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / average)) for tf, length in ((1, 20), (4, 30)))]
    assert score([([1, 2], [1, 4])], lengths) == pytest.approx(expected, rel=1e-6)


def test_more_occurrences_rarer_words_and_shorter_chunks_count_more():
    assert np.diff(score([([0, 1, 2], [1, 2, 9])], [10, 10, 10, 10])[:3]).min() > 0
    assert np.diff(score([([0, 1, 2], [1, 1, 1])], [30, 20, 10, 10])[:3]).min() > 0
    assert bm25.idf(1, 100) > bm25.idf(50, 100) > bm25.idf(100, 100) > 0


def test_a_path_word_adds_to_the_frequency_before_it_saturates():
    twice = score([([0], [2])], [10, 10])[0]
    assert score([([0], [1.0 + 1.0])], [10, 10])[0] == twice
    assert score([([0], [1]), ([0], [1])], [10, 10])[0] > twice


def test_no_chunks_and_no_terms():
    assert score([], []).shape == (0,)
    assert score([([], [])], [5]).tolist() == [0.0]


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30), st.randoms())
def test_scores_do_not_depend_on_how_chunks_are_numbered(chunks, random):
    order = list(range(len(chunks)))
    random.shuffle(order)

    def scores(rows):
        postings = [([i for i, row in enumerate(rows) if row[term]], [row[term] for row in rows if row[term]]) for term in (1, 2)]
        return score(postings, [row[0] for row in rows])

    assert scores(chunks)[order].tobytes() == scores([chunks[i] for i in order]).tobytes()
