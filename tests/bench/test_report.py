"""The benchmarks' own measuring: a wrong ruler would go unnoticed."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import report

    return report


linux_only = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="proportional set sizes are Linux's")


@linux_only
def test_the_peak_is_that_of_all_processes_of_the_tree_and_shared_pages_count_once(report):
    child = "import time; block = bytearray(48 * 2**20); time.sleep(0.7)"
    parent = f"import subprocess, sys; [one.wait() for one in [subprocess.Popen([sys.executable, '-c', {child!r}]) for _ in range(2)]]"
    used = report.run_tree([sys.executable, "-c", parent], sample_every_s=0.02)
    assert used.exit_code == 0
    assert 96 * report.MIB < used.peak_bytes < 200 * report.MIB
    assert used.wall_s > 0.7


def test_a_command_is_timed_from_start_to_exit_with_what_it_said(report):
    used = report.run_tree([sys.executable, "-c", "import os; print(os.environ['WORD']); raise SystemExit(3)"], env={"WORD": "hello"})
    assert (used.exit_code, used.stdout) == (3, "hello\n")
    assert used.cpu_s > 0


def test_a_table_lines_up_and_says_when_there_is_nothing(report):
    assert report.table([]) == "(nothing measured)"
    lines = report.table([{"name": "a", "count": 12345, "share": 0.5}, {"name": "bc", "count": 7, "share": None}]).split("\n")
    assert lines[0].split() == ["name", "count", "share"]
    assert lines[2] == "a     12,345  0.500"
    assert lines[3] == "bc         7      -"


def test_percentiles_are_values_that_were_measured(report):
    values = [float(number) for number in range(100, 0, -1)]
    assert report.percentile(values, 0.5) == 51.0
    assert report.percentile(values, 0.99) == 100.0
    assert report.percentile([3.0], 0.9) == 3.0


def test_results_are_kept_with_machine_commit_and_command_and_without_folders(report, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/bench/peers.py", "/home/somebody/checkouts", "--part", "index"])
    kept = json.loads(report.keep("test", {"a": 1.5}, folder=tmp_path).read_text())
    assert kept["command"] == "peers.py checkouts --part index"
    assert kept["results"] == {"a": 1.5}
    assert kept["machine"]["cores"]
    assert "somebody" not in json.dumps(kept)


def test_a_plot_is_well_formed_whatever_the_labels(report, tmp_path):
    path = report.plot_bars(tmp_path / "plots" / "a.svg", "a < b & c", {"<one>": 1.0, "none": 0.0}, unit="ms")
    texts = [one.text for one in ElementTree.parse(path).iter() if one.tag.endswith("text")]
    assert "<one>" in texts
    assert "a < b & c" in texts


def test_memory_of_children_in_sessions_of_their_own_counts(report):
    child = "x = bytearray(60_000_000); import time; time.sleep(0.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], start_new_session=True)"
    assert report.run_tree([sys.executable, "-c", parent], sample_every_s=0.05).peak_bytes > 60_000_000
