"""Each signal alone: bounds, monotony, and independence of the order of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from codetriever.ranking import signals, weights
from codetriever.types import Role

SCORES = npst.arrays(np.float32, st.integers(1, 40), elements=st.floats(-1, 50, width=32))


@given(SCORES, st.floats(0, 1))
def test_fused_evidence_is_in_0_to_1_and_the_best_of_both_is_1(words: np.ndarray, share: float) -> None:
    fused = signals.fused(words, words, vector_share=share)
    assert fused.min() >= 0.0
    assert fused.max() <= 1.0 + 1e-5
    if words.max() > 0:
        assert fused[words.argmax()] == pytest.approx(1.0, abs=1e-5)


def test_no_evidence_fuses_to_nothing() -> None:
    nothing = np.zeros(3, dtype=np.float32)
    assert signals.fused(nothing, nothing, vector_share=0.5).tolist() == [0, 0, 0]


@given(SCORES.map(np.abs), st.integers(0, 9))
def test_file_support_is_the_same_for_all_of_a_file_and_grows_with_each_good_chunk(scores: np.ndarray, seed: int) -> None:
    groups = np.arange(len(scores)) // 3
    support = signals.file_support(groups, scores)
    assert ((support >= 0.0) & (support < 1.0)).all()
    assert all(len(set(support[groups == group].tolist())) == 1 for group in groups.tolist())
    more = signals.file_support(np.append(groups, groups[0]), np.append(scores, scores.max()).astype(np.float32))
    assert more[0] >= support[0]
    shuffled = np.random.default_rng(seed).permutation(len(scores))
    assert np.allclose(signals.file_support(groups[shuffled], scores[shuffled]), support[shuffled], atol=1e-5)


def test_one_good_chunk_makes_a_better_file_than_many_poor_ones() -> None:
    scores = np.array([0.9, 0.25, 0.25, 0.25, 0.25], dtype=np.float32)
    support = signals.file_support(np.array([0, 1, 1, 1, 1]), scores)
    assert support[0] > support[1]


def test_a_role_counts_less_unless_it_is_asked_for() -> None:
    roles = np.arange(len(Role), dtype=np.uint8)
    plain = signals.role_factor(roles, frozenset())
    asked = signals.role_factor(roles, frozenset({Role.TEST}))
    test = list(Role).index(Role.TEST)
    assert plain[0] == 1.0
    assert (plain[1:] < 1.0).all()
    assert asked[test] == 1.0
    assert np.delete(asked, test).tolist() == np.delete(plain, test).tolist()


def test_a_role_that_a_commit_names_counts_more_than_one_that_nobody_names_and_less_than_one_that_is_asked_for() -> None:
    roles = np.arange(len(Role), dtype=np.uint8)
    everything = frozenset(Role)
    plain, asked = signals.role_factor(roles, frozenset()), signals.role_factor(roles, everything)
    named = signals.role_factor(roles, everything, is_change=True)
    assert (named[1:] > plain[1:]).all()
    assert (named[1:] < asked[1:]).all()
    assert named[0] == 1.0


def test_each_further_chunk_of_a_file_decays() -> None:
    groups = np.array([7, 3, 7, 7, 3])
    order = np.array([2, 1, 0, 4, 3])
    second, third = 2**-weights.SAME_FILE_DECAY, 3**-weights.SAME_FILE_DECAY
    assert signals.same_file_decay(groups, order) == pytest.approx([second, 1, 1, third, second])
