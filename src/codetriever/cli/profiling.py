"""How much memory does a piece of work take? For `index --profile-memory`.

The peak is that of the whole process tree, shared pages counted once, sampled four times a second. What is allocated per second, and where,
is measured by memray when the extra `profile` is installed; else it is estimated from the samples, and said to be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from codetriever import metrics
from codetriever.errors import CodetrieverError
from codetriever.system import tree_memory_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")
_SAMPLE_S: Final = 0.25
_SITES: Final = 10
_ALLOCATOR: Final = "PYTHONMALLOC"
# A new snapshot of the sites is taken when this much more is allocated than at the last one: each costs as much as many samples.
_WORTH_A_SNAPSHOT: Final = 1.2


def profiled(work: Callable[[], _Result]) -> tuple[_Result, dict[str, Any]]:
    """Run `work` and return its result with the profile as plain values: sizes in bytes, rates in bytes per second."""
    result, profile = _measured(work) if _has_memray() and os.environ.get(_ALLOCATOR) == "malloc" else _estimated(work)
    metrics.highest("peak_memory_bytes", profile["peak_memory_bytes"])
    metrics.highest("allocation_bytes_per_s", profile["allocation_bytes_per_s"])
    return result, profile


def use_malloc() -> None:
    """Start the program over with the system's allocator when memray is going to measure it, else do nothing.

    memray and tree-sitter free each other's memory, and abort, where Python allocates by itself.
    """
    is_program = Path(sys.argv[0]).stem in ("codetriever", "__main__")
    if _has_memray() and is_program and os.environ.get(_ALLOCATOR) != "malloc":
        os.execve(sys.executable, [sys.executable, "-m", "codetriever", *sys.argv[1:]], {**os.environ, _ALLOCATOR: "malloc"})


def _has_memray() -> bool:
    return find_spec("memray") is not None


class _Sampler(threading.Thread):
    """Samples the memory of the process tree until it is stopped; when tracemalloc traces, also where the most was allocated."""

    def __init__(self) -> None:
        super().__init__(name="codetriever-memory-sampler", daemon=True)
        self.peak_bytes = self.last_bytes = tree_memory_bytes()
        self.grown_bytes = 0
        self.sites: list[dict[str, Any]] = []
        self._largest_traced = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            self.sample()

    def sample(self) -> None:
        now_bytes = tree_memory_bytes()
        self.peak_bytes = max(self.peak_bytes, now_bytes)
        self.grown_bytes += max(0, now_bytes - self.last_bytes)
        self.last_bytes = now_bytes
        if tracemalloc.is_tracing():
            traced = tracemalloc.get_traced_memory()[0]
            if traced > self._largest_traced * _WORTH_A_SNAPSHOT:
                self._largest_traced = traced
                statistics = tracemalloc.take_snapshot().statistics("lineno")[:_SITES]
                self.sites = [{"site": f"{one.traceback[0].filename}:{one.traceback[0].lineno}", "bytes": one.size} for one in statistics]

    def stop(self) -> None:
        self._over.set()
        self.join()
        self.sample()


def _estimated(work: Callable[[], _Result]) -> tuple[_Result, dict[str, Any]]:
    tracemalloc.start()
    sampler = _Sampler()
    sampler.start()
    started = time.perf_counter()
    try:
        result = work()
    finally:
        took_s = time.perf_counter() - started
        sampler.stop()
        tracemalloc.stop()
    return result, {
        "peak_memory_bytes": sampler.peak_bytes,
        "allocation_bytes_per_s": round(sampler.grown_bytes / took_s),
        "allocation_source": "estimated: growth of sampled memory; pip install 'codetriever[profile]' measures it",
        "top_sites": sampler.sites,
        "took_s": took_s,
    }


def _measured(work: Callable[[], _Result]) -> tuple[_Result, dict[str, Any]]:
    import memray

    with tempfile.TemporaryDirectory(prefix="codetriever-") as folder:
        trace = Path(folder) / "allocations.bin"
        sampler = _Sampler()
        sampler.start()
        started = time.perf_counter()
        try:
            with memray.Tracker(trace):
                result = work()
        finally:
            took_s = time.perf_counter() - started
            sampler.stop()
        statistics = _statistics(trace)
    return result, {
        "peak_memory_bytes": sampler.peak_bytes,
        "allocation_bytes_per_s": round(statistics["total_bytes_allocated"] / took_s),
        "allocation_source": "measured by memray in the main process",
        "top_sites": [{"site": one["location"], "bytes": one["size"]} for one in statistics["top_allocations_by_size"]],
        "took_s": took_s,
    }


def _statistics(trace: Path) -> dict[str, Any]:
    """Let memray count what it traced, by its command, whose output is its public interface."""
    report = trace.with_suffix(".json")
    command = [
        sys.executable,
        "-m",
        "memray",
        "stats",
        "--json",
        "--force",
        "--num-largest",
        str(_SITES),
        "--output",
        str(report),
        str(trace),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CodetrieverError(f"memray could not read what it traced: {done.stderr.strip()[-200:]}", hint="pip install -U memray")
    statistics: dict[str, Any] = json.loads(report.read_bytes())
    return statistics
