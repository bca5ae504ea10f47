"""How much memory does a piece of work take?"""

import threading
import time
import tracemalloc

import pytest

from codetriever import metrics
from codetriever.cli.profiling import profiled

LARGE_BYTES = 60_000_000


def hold(size_bytes):
    held = bytearray(b"x") * size_bytes
    time.sleep(0.6)
    return len(held)


def test_without_memray_the_rate_is_estimated_and_said_to_be():
    result, profile = profiled(lambda: hold(LARGE_BYTES))
    assert result == LARGE_BYTES
    assert profile["peak_memory_bytes"] > LARGE_BYTES
    assert profile["allocation_bytes_per_s"] > 0
    assert profile["allocation_source"].startswith("estimated")
    assert profile["top_sites"][0]["site"].startswith(__file__)
    assert profile["top_sites"][0]["bytes"] >= LARGE_BYTES
    assert metrics.snapshot()["peak_memory_bytes"] >= profile["peak_memory_bytes"]


def test_work_that_fails_leaves_nothing_running():
    def fail():
        raise ValueError

    threads = threading.active_count()
    with pytest.raises(ValueError):  # noqa: PT011 - raised by this test
        profiled(fail)
    assert threading.active_count() == threads
    assert not tracemalloc.is_tracing()
