"""The order of candidates does not depend on how they came, and says why it is what it is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codetriever.ranking.candidates import Candidates, concatenate
from codetriever.ranking.rank import rank
from codetriever.types import Role

SHARES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
ROWS = st.lists(st.tuples(st.integers(0, 4), SHARES, SHARES, SHARES, SHARES, st.integers(0, 4)), min_size=1, max_size=30)


def candidates(rows):
    """Candidates of (file, words, cosine, name, defines, role); row n is chunk n of its file, and its own key."""
    files, words, cosines, names, defines, roles = (np.array(column) for column in zip(*rows, strict=True))
    count = len(rows)
    columns = {
        "sources": np.zeros(count, np.int32),
        "ordinals": np.arange(count, dtype=np.int64),
        "files": files.astype(np.int64),
        "groups": files.astype(np.int64),
        "keys": np.arange(count, dtype=np.uint64)[::-1].copy(),
        "roles": roles.astype(np.uint8),
        "words": words,
        "coverage": words,
        "cosines": cosines,
        "paths": words,
        "names": names,
        "defines": defines,
    }
    dtypes = {name: column if column.dtype != np.float64 else column.astype(np.float32) for name, column in columns.items()}
    return Candidates(**{name: column for name, column in dtypes.items() if name in Candidates.__dataclass_fields__})


def ranked(columns, *, intent=frozenset(), is_symbol=False, **more):
    def places(rows):
        return [(f"file{columns.files[row]}", int(columns.ordinals[row])) for row in rows.tolist()]

    return rank(columns, is_symbol=is_symbol, intent=intent, places=places, **more)


@given(ROWS, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_arrival_decides_nothing(rows, chance, is_symbol):
    columns = candidates(rows)
    shuffled = np.array(chance.sample(range(len(rows)), len(rows)))
    other = columns.take(shuffled)
    one, two = ranked(columns, is_symbol=is_symbol), ranked(other, is_symbol=is_symbol)
    assert columns.ordinals[one.order].tolist() == other.ordinals[two.order].tolist()


@given(ROWS)
def test_every_candidate_is_ranked_once_best_first(rows):
    ranking = ranked(candidates(rows))
    assert sorted(ranking.order.tolist()) == list(range(len(rows)))
    assert np.all(np.diff(ranking.scores[ranking.order]) <= 0)


@given(ROWS)
def test_the_effects_of_the_signals_are_the_score(rows):
    ranking = ranked(candidates(rows))
    for row in range(len(rows)):
        total = sum(signal.effect for signal in ranking.explain(row))
        assert abs(total - float(ranking.scores[row])) < 1e-5


def test_equals_are_ordered_by_path_and_line():
    columns = candidates([(file, 0.5, 0.5, 0.0, 0.0, 0) for file in (3, 1, 2, 0)])
    assert columns.files[ranked(columns).order].tolist() == [0, 1, 2, 3]


def test_a_role_that_is_asked_for_loses_nothing():
    columns = candidates([(0, 0.9, 0.9, 0.0, 0.0, 0), (1, 1.0, 1.0, 0.0, 0.0, list(Role).index(Role.TEST))])
    assert columns.files[ranked(columns).order].tolist() == [0, 1]
    assert columns.files[ranked(columns, intent=frozenset((Role.TEST,))).order].tolist() == [1, 0]


def test_a_commit_that_names_tests_asks_for_the_code_as_well():
    test = list(Role).index(Role.TEST)
    columns = candidates([(0, 0.85, 0.85, 0.0, 0.0, 0), (1, 1.0, 1.0, 0.0, 0.0, test), (2, 0.6, 0.6, 0.0, 0.0, 0)])
    intent = frozenset((Role.TEST,))
    assert columns.files[ranked(columns, intent=intent).order].tolist() == [1, 0, 2]
    assert columns.files[ranked(columns, intent=intent, is_change=True).order].tolist() == [0, 1, 2]
    assert columns.files[ranked(columns).order].tolist() == [0, 2, 1]


def test_candidates_of_several_snapshots_are_joined_in_their_order():
    one, two = candidates([(0, 1, 1, 0, 0, 0)]), candidates([(1, 0.5, 1, 0, 0, 0), (2, 0, 0, 0, 0, 0)])
    assert concatenate([one, two]).files.tolist() == [0, 1, 2]
    assert len(concatenate([one])) == 1
