"""Is everything done once, in order, and never more of it at a time than may be?"""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.embedding.batching import by_size, workers


@given(st.lists(st.integers(0, 600)), st.integers(1, 8), st.integers(1, 1000))
def test_batches_hold_everything_once_within_their_bounds(sizes, most, most_size):
    batches = by_size(sizes, most=most, most_size=most_size)
    assert sorted(position for batch in batches for position in batch) == list(range(len(sizes)))
    for batch in batches:
        largest = max(sizes[position] for position in batch)
        assert len(batch) <= most
        assert len(batch) == 1 or len(batch) * largest <= most_size


@given(st.lists(st.integers(0, 600), min_size=1))
def test_the_largest_go_first(sizes):
    ordered = [sizes[position] for batch in by_size(sizes, most=3, most_size=900) for position in batch]
    assert ordered == sorted(sizes, reverse=True)


@given(st.lists(st.integers()), st.integers(1, 4))
def test_results_come_in_the_order_of_the_things(things, size):
    with workers(size, "test") as some:
        assert list(some.map(lambda thing: thing * 2, things)) == [thing * 2 for thing in things]


class Crowd:
    """Counts how many are at work at the same time."""

    def __init__(self):
        self.now = self.most = self.done = 0
        self._lock = threading.Lock()

    def work(self, thing):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.002)
        with self._lock:
            self.now -= 1
            self.done += 1
        return thing


def test_no_more_than_the_limit_are_in_flight_and_the_limit_is_used():
    crowd = Crowd()
    with workers(3, "test") as some:
        assert list(some.map(crowd.work, range(30))) == list(range(30))
    assert crowd.most == 3


def test_several_callers_share_the_limit():
    crowd = Crowd()
    with workers(2, "test") as some:
        callers = [threading.Thread(target=lambda: list(some.map(crowd.work, range(10)))) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert crowd.done == 40
    assert crowd.most <= 2


def test_things_are_taken_only_as_fast_as_results_are():
    taken = []

    def things():
        for thing in range(100):
            taken.append(thing)
            yield thing

    with workers(2, "test") as some:
        results = some.map(lambda thing: thing, things())
        assert next(results) == 0
        assert len(taken) <= 4
        results.close()
        assert len(taken) <= 4


@pytest.mark.parametrize("size", [1, 3])
def test_a_failure_is_raised_in_its_turn_and_nothing_new_is_started(size):
    started = []

    def work(thing):
        started.append(thing)
        if thing == 4:
            raise ValueError("four")
        return thing

    seen = []
    with workers(size, "test") as some:
        with pytest.raises(ValueError, match="four"):
            seen.extend(some.map(work, range(50)))
        assert seen in ([], [0, 1, 2, 3])
        assert len(started) <= 4 + 2 * size
        assert list(some.map(lambda thing: thing, [1, 2])) == [1, 2]  # and they can be used again
