import random
import threading

import pytest

from codetriever import metrics


@pytest.fixture(autouse=True)
def _fresh():
    metrics.reset()
    yield
    metrics.reset()


def test_counters_add_up_and_the_highest_value_is_kept():
    metrics.count("files_read_total")
    metrics.count("files_read_total", 4)
    metrics.count("parsing_s_total", 0.25)
    for value in (5, 9, 7):
        metrics.highest("peak_memory_bytes", value)
    assert metrics.snapshot() == {"files_read_total": 5, "parsing_s_total": 0.25, "peak_memory_bytes": 9}


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_within_the_promised_error(seed):
    chance = random.Random(seed)
    values = sorted(chance.lognormvariate(1, 2) for _ in range(4000))
    for value in chance.sample(values, len(values)):
        metrics.observe("store_add_ms", value)
    found = metrics.snapshot()
    for label, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = values[int(share * len(values)) - 1]
        assert found[f"store_add_ms_{label}"] == pytest.approx(exact, rel=0.03)
    assert found["store_add_ms_count"] == len(values)
    assert found["store_add_ms_max"] == values[-1]
    assert found["store_add_ms_mean"] == pytest.approx(sum(values) / len(values))


def test_zero_and_a_single_value_have_quantiles():
    metrics.observe("store_known_ms", 0.0)
    metrics.observe("store_flush_ms", 12.0)
    found = metrics.snapshot()
    assert found["store_known_ms_p99"] == 0.0
    assert found["store_flush_ms_p50"] == pytest.approx(12.0, rel=0.03)


def test_a_block_that_raises_is_timed_as_well():
    with pytest.raises(KeyError), metrics.timed("refresh_ms"):
        raise KeyError
    assert metrics.snapshot()["refresh_ms_count"] == 1


def test_threads_lose_no_counts():
    def work():
        for _ in range(2000):
            metrics.count("files_read_total")
            metrics.observe("classify_us", 1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.snapshot()["files_read_total"] == 8000
    assert metrics.snapshot()["classify_us_count"] == 8000


def test_embedding_throughput_follows_from_chunks_and_seconds():
    metrics.count("chunks_embedded_total", 500)
    metrics.count("embedding_s_total", 0.25)
    assert metrics.snapshot()["embedding_chunks_per_s"] == 2000


def test_a_later_process_finds_what_was_kept(tmp_path):
    metrics.observe("store_switch_ms", 5.0)
    metrics.count("files_read_total", 3)
    metrics.keep(tmp_path / metrics.KEPT_FILE)
    assert metrics.kept(tmp_path / metrics.KEPT_FILE) == metrics.snapshot()


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": []}', "{"])
def test_a_damaged_or_missing_file_of_metrics_is_no_trouble(tmp_path, text):
    (tmp_path / "damaged").write_text(text)
    assert metrics.kept(tmp_path / "damaged") == {}
    assert metrics.kept(tmp_path / "missing") == {}
    metrics.keep(tmp_path / "no such folder" / "file")
