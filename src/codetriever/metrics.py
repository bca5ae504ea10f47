"""How is it going? One registry of counters, highest values and histograms for this process; standard library only.

Names end in their unit. Counters add up, highest values remember the largest they saw, histograms keep quantiles in constant memory:
a value falls into a bucket 5 % wide, so a quantile is at most 2.5 % off.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT_FILE = "metrics.json"
"""Beside an index: the metrics of the process that wrote it last."""

DESCRIPTIONS: dict[str, str] = {
    "peak_memory_bytes": "highest memory of the process tree that was sampled, shared pages counted once",
    "allocation_bytes_per_s": "memory allocated per second while profiling",
    "files_read_total": "files read while indexing",
    "bytes_read_total": "bytes read while indexing",
    "blobs_analysed_total": "blobs cut, counted and projected",
    "chunks_embedded_total": "chunks for which a vector was computed",
    "embedding_s_total": "seconds spent computing vectors, over all processes: of the processor where it is computed here",
    "embedding_chunks_per_s": "chunks embedded per second of embedding, over the life of the process",
    "parsing_s_total": "processor seconds spent cutting files, over all processes",
    "terms_s_total": "processor seconds spent counting terms, over all processes",
    "compression_s_total": "processor seconds spent compressing contents, over all processes",
    "classify_us": "microseconds to tell a file's language and role",
    "store_known_ms": "milliseconds to ask the store which blobs it has",
    "store_add_ms": "milliseconds to hand a batch to the store",
    "store_flush_ms": "milliseconds to make a batch durable",
    "store_switch_ms": "milliseconds to switch a view to its next generation",
    "refresh_ms": "milliseconds of a refresh, end to end",
    "workers_lost_total": "parser processes that died and were replaced",
}
"""What each metric of the product means; `status -v` prints it beside the value."""

_LOG_WIDTH = math.log(1.05)
_QUANTILES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))


class Histogram:
    """The distribution of non-negative values in buckets of equal relative width. Not locked: the registry does that."""

    __slots__ = ("_buckets", "count", "largest", "total")

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.total = 0.0
        self.largest = 0.0

    def observe(self, value: float) -> None:
        """Add one value; anything not above a billionth counts as zero."""
        self._buckets[math.floor(math.log(value) / _LOG_WIDTH) if value > 1e-9 else -1000] += 1
        self.count += 1
        self.total += value
        self.largest = max(self.largest, value)

    def quantile(self, share: float) -> float:
        """Return the value below which `share` of the values lie, 0 when there are none."""
        rank = share * self.count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(math.exp((bucket + 0.5) * _LOG_WIDTH), self.largest) if bucket > -1000 else 0.0
        return 0.0


_lock = threading.Lock()
_counters: dict[str, float] = {}
_highest: dict[str, float] = {}
_histograms: dict[str, Histogram] = {}


def count(name: str, amount: float = 1) -> None:
    """Add to a counter."""
    with _lock:
        _counters[name] = _counters.get(name, 0.0) + amount


def highest(name: str, value: float) -> None:
    """Remember the value if none was larger."""
    with _lock:
        _highest[name] = max(value, _highest.get(name, value))


def observe(name: str, value: float) -> None:
    """Add a value to a histogram."""
    with _lock:
        histogram = _histograms.get(name)
        if histogram is None:
            histogram = _histograms[name] = Histogram()
        histogram.observe(value)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Observe how many milliseconds the block takes, also when it raises."""
    start = time.perf_counter()
    try:
        yield
    finally:
        observe(name, (time.perf_counter() - start) * 1000)


def snapshot() -> dict[str, float]:
    """Return every metric's value by name; a histogram gives `_count`, `_mean`, `_max`, `_p50`, `_p95` and `_p99`."""
    with _lock:
        values = dict(_counters)
        values.update(_highest)
        for name, histogram in _histograms.items():
            values[f"{name}_count"] = float(histogram.count)
            values[f"{name}_mean"] = histogram.total / histogram.count
            values[f"{name}_max"] = histogram.largest
            values.update({f"{name}_{label}": histogram.quantile(share) for label, share in _QUANTILES})
    if values.get("embedding_s_total"):
        values["embedding_chunks_per_s"] = values.get("chunks_embedded_total", 0.0) / values["embedding_s_total"]
    return dict(sorted(values.items()))


def description(name: str) -> str:
    """Return what a metric means, or one number of a histogram; "" for an unknown one."""
    return DESCRIPTIONS.get(name) or DESCRIPTIONS.get(name.rpartition("_")[0], "")


def keep(file: Path) -> None:
    """Write the snapshot to a file, for processes that come later; a file that cannot be written is left as it is."""
    with suppress(OSError):
        file.write_text(json.dumps(snapshot()), encoding="utf-8")


def kept(file: Path) -> dict[str, float]:
    """Return the snapshot that a process wrote, nothing when there is none."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): float(value) for name, value in values.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def reset() -> None:
    """Forget everything; for benchmarks and tests that measure one run."""
    with _lock:
        _counters.clear()
        _highest.clear()
        _histograms.clear()
