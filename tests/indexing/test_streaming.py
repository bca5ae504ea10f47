import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from codetriever.indexing.messages import RawBlob
from codetriever.indexing.streaming import (
    BATCH_CHUNKS,
    BATCH_FILES,
    CHUNK_BYTES,
    READ_BYTES,
    READ_FILES,
    READ_GROUPS,
    Bound,
    batches,
    in_flight,
    read_ahead,
)


def blobs_of(*sizes):
    return [RawBlob(bytes([number % 256]) * 32, "text", b"x" * size) for number, size in enumerate(sizes)]


class Counting:
    """Gives things one by one and records how many were out at once: taken, and not yet marked as done."""

    def __init__(self, things):
        self._things = things
        self.out = self.most_out = 0

    def __iter__(self):
        for thing in self._things:
            self.out += 1
            self.most_out = max(self.most_out, self.out)
            yield thing

    def done(self, count=1):
        self.out -= count


def test_a_batch_is_ten_files_or_a_hundred_chunks():
    small = list(batches(blobs_of(*[100] * 25)))
    assert [len(batch) for batch in small] == [10, 10, 5]
    middling = list(batches(blobs_of(*[BATCH_CHUNKS * CHUNK_BYTES // 2] * 5)))
    assert [len(batch) for batch in middling] == [2, 2, 1]
    assert BATCH_FILES == 10
    assert BATCH_CHUNKS == 100


def test_a_huge_file_is_a_batch_of_its_own():
    assert [len(batch) for batch in batches(blobs_of(10, 10, 5_000_000, 10, 10))] == [2, 1, 2]


def test_no_more_is_in_flight_than_the_bound_allows():
    with ThreadPoolExecutor(8) as executor:
        running = most_running = 0
        lock = threading.Lock()

        def work(number):
            nonlocal running, most_running
            with lock:
                running += 1
                most_running = max(most_running, running)
            time.sleep(0.002)
            with lock:
                running -= 1
            return number

        source = Counting(range(60))
        results = []
        for result in in_flight(source, lambda number: executor.submit(work, number), Bound(4, 1 << 30), size=lambda _: 1):
            source.done()
            results.append(result)
    assert results == list(range(60))
    assert most_running <= 4
    assert source.most_out <= 4 + 1  # the one that waits to be let in


def test_bytes_bound_what_is_in_flight_too_but_one_input_always_passes():
    sizes = [40, 40, 40, 500, 10, 95]
    out = most_out = 0

    def submit(size):
        nonlocal out, most_out
        out += size
        most_out = max(most_out, out if size != 500 else 0)
        future = Future()
        threading.Timer(0.002, future.set_result, [size]).start()
        return future

    for size in in_flight(sizes, submit, Bound(100, 100), size=lambda size: size):
        out -= size
    assert out == 0
    assert most_out <= 100


def test_near_the_limit_nothing_is_taken_in_before_the_rest_is_out():
    source = Counting(range(20))
    with ThreadPoolExecutor(4) as executor:
        stream = in_flight(
            source, lambda number: executor.submit(lambda: number), Bound(8, 1 << 30), size=lambda _: 1, must_drain=lambda: True
        )
        for _ in stream:
            source.done()
    assert source.most_out <= 2


def settled_by_the_next(outcome):
    """Three futures and what submits them; the first is settled when the second is submitted."""
    futures = [Future() for _ in range(3)]

    def submit(number):
        if number == 1:
            outcome(futures[0])
        return futures[number]

    return futures, submit


def test_what_fails_is_raised_and_the_rest_is_cancelled():
    futures, submit = settled_by_the_next(lambda future: future.set_exception(ValueError("broken")))
    with pytest.raises(ValueError, match="broken"):
        next(in_flight(range(3), submit, Bound(3, 100), size=lambda _: 1))
    assert futures[1].cancelled()


def test_closing_the_stream_cancels_what_is_under_way():
    futures, submit = settled_by_the_next(lambda future: future.set_result("first"))
    stream = in_flight(range(3), submit, Bound(3, 100), size=lambda _: 1)
    assert next(stream) == "first"
    stream.close()
    assert futures[1].cancelled()


def test_reading_runs_ahead_by_a_bounded_number_of_files_in_order():
    files = Counting(range(1000))
    seen = []
    for group in read_ahead(files, lambda number: number, size=lambda _: 1000):
        assert len(group) <= READ_FILES
        files.done(len(group))
        seen += group
    assert seen == list(range(1000))
    assert files.most_out <= (READ_GROUPS + 1) * READ_FILES + 1


def test_reading_ahead_is_bounded_by_bytes():
    files = Counting(range(60))
    for group in read_ahead(files, lambda number: number, size=lambda _: READ_BYTES // 2):
        assert len(group) <= 2
        files.done(len(group))
    assert files.most_out <= 2 * 3 + 1
