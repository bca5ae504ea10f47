"""Does the page of claims say what the benchmarks kept?"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def performance(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    yield import_module("performance")
    sys.modules.pop("performance", None)


def test_the_page_is_what_the_results_say(performance):
    assert performance.PAGE.read_text(encoding="utf-8") == performance.page(), "run bench/performance.py"


def test_a_row_whose_benchmark_was_not_run_says_so(performance, monkeypatch, tmp_path):
    monkeypatch.setattr(performance, "RESULTS", tmp_path)
    rows = [line for line in performance.page().splitlines() if line.startswith("| 1")]
    assert rows
    assert all(performance.NOT_RUN in row for row in rows)
