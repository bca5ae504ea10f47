import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.evaluation.measures import (
    MISS_TOKENS,
    Place,
    Score,
    Span,
    file_ranks,
    first_span_rank,
    mean,
    ndcg,
    overlaps,
    recall,
    score,
    tokens_to_first_span,
)

ranks = st.one_of(st.none(), st.integers(1, 30))
places = st.lists(st.builds(Place, st.sampled_from("abc"), st.integers(1, 9), st.integers(9, 20), st.integers(0, 4000)), max_size=15)
spans = st.lists(st.builds(Span, st.sampled_from("abcd"), st.integers(1, 9), st.integers(9, 20)), min_size=1, max_size=5)


def test_a_hit_overlaps_a_span_when_it_shows_one_of_its_lines():
    span = Span("a.py", 10, 12)
    assert overlaps(Place("a.py", 1, 10), span)
    assert overlaps(Place("a.py", 12, 40), span)
    assert not overlaps(Place("a.py", 1, 9), span)
    assert not overlaps(Place("a.py", 13, 13), span)
    assert not overlaps(Place("b.py", 10, 12), span)
    assert overlaps(Place("a.py", 500, 600), Span("a.py"))


def test_ndcg_of_known_lists():
    assert ndcg([1], 1) == 1.0
    assert ndcg([3], 1) == pytest.approx(1 / math.log2(4))
    assert ndcg([1, 2], 2) == pytest.approx(1.0)
    assert ndcg([None, 2], 2) == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert ndcg([11], 1) == 0.0
    assert ndcg([], 0) == 0.0


@given(st.lists(ranks, min_size=1, max_size=12))
def test_ndcg_is_a_share_and_never_falls_when_a_rank_improves(found):
    value = ndcg(found, len(found))
    assert 0.0 <= value <= 1.0 + 1e-12
    unique = list(dict.fromkeys(rank for rank in found if rank))
    if unique and unique[0] > 1 and unique[0] - 1 not in unique:
        better = [rank - 1 if rank == unique[0] else rank for rank in found if rank]
        assert ndcg(better, len(found)) >= value - 1e-12


def test_recall_counts_targets_within_k():
    assert recall([1, None, 11, 10]) == 0.5
    assert recall([]) == 0.0


def test_files_count_once_however_many_spans_they_hold():
    hits = [Place("b.py", 1, 5), Place("a.py", 1, 5)]
    assert file_ranks(hits, [Span("a.py", 50, 60), Span("a.py", 1, 2), Span("c.py", 1, 1)]) == [2, None]


def test_tokens_are_a_quarter_of_the_characters_read_up_to_the_first_relevant_hit():
    hits = [Place("b.py", 1, 5, 400), Place("a.py", 1, 5, 100), Place("a.py", 6, 9, 8000)]
    assert tokens_to_first_span(hits, [Span("a.py", 5, 5)]) == 125.0
    assert tokens_to_first_span(hits, [Span("a.py", 100, 100)]) == MISS_TOKENS
    assert tokens_to_first_span([Place("a.py", 1, 5, 10**6)], [Span("a.py", 1, 1)]) == MISS_TOKENS


def test_a_span_after_the_tenth_hit_is_a_miss():
    hits = [Place("b.py", 1, 5, 4)] * 10 + [Place("a.py", 1, 5, 4)]
    assert first_span_rank(hits, [Span("a.py", 1, 1)]) is None
    assert first_span_rank(hits, [Span("a.py", 1, 1)], k=11) == 11


@given(places, spans)
def test_the_measures_of_one_question_agree_with_each_other(hits, wanted):
    got = score(hits, wanted)
    assert 0.0 <= got.ndcg10 <= 1.0 + 1e-12
    assert 0.0 <= got.tokens <= MISS_TOKENS
    assert got.span10 in (0.0, 1.0)
    if got.span10:
        assert got.recall10 > 0
        assert got.ndcg10 > 0
    else:
        assert got.tokens == MISS_TOKENS


def test_the_mean_is_plain_and_that_of_nothing_is_zero():
    assert mean([Score(1, 1, 1, 100), Score(0, 0.5, 0, 300)]) == Score(0.5, 0.75, 0.5, 200)
    assert mean([]) == Score(0, 0, 0, 0)
