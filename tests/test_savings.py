"""What answers cost beside grep: counted, kept without words, never in the way."""

import json
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest

from codetriever.cli.main import main
from codetriever.corpus.grep import grepped_bytes
from codetriever.focus import sought_words
from codetriever.savings import FILE, MOST_TOKENS, Costs, Meter, add_costs, compared_costs, read_costs

needs_grep = pytest.mark.skipif(shutil.which("grep") is None, reason="there is no grep")


@pytest.fixture(params=["git", "folder"])
def root(request, tmp_path):
    folder = tmp_path / "root"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "pool.py").write_text("def close_idle(pool):\n    pool.close()\n\n\ndef open_pool():\n    return Pool()\n")
    (folder / "notes.md").write_text("Idle connections are closed.\n")
    if request.param == "git":
        (folder / ".gitignore").write_text("ignored/\n")
        (folder / "ignored").mkdir()
        (folder / "ignored" / "copy.py").write_text("pool " * 1000)
        subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


@needs_grep
def test_the_output_of_grep_is_counted(root):
    lines = ["src/pool.py:1:def close_idle(pool):\n", "notes.md:1:Idle connections are closed.\n"]
    assert grepped_bytes(root, ["idle"], most=10_000, timeout_s=10) in (sum(map(len, lines)), sum(map(len, lines)) + 4)  # "./" before paths
    assert grepped_bytes(root, ["idle"], most=20, timeout_s=10) == 20
    assert grepped_bytes(root, ["nowhere"], most=10_000, timeout_s=10) == 0
    assert grepped_bytes(root, ["--version"], most=10_000, timeout_s=10) == 0


@needs_grep
def test_a_comparison_takes_all_words_and_the_best_one(root):
    costs = compared_costs(100, "where is the idle pool", [root])
    assert (costs.answers, costs.tokens, costs.compared, costs.compared_tokens, costs.cut) == (1, 100, 1, 100, 0)
    assert 0 < costs.grep_rarest_tokens < costs.grep_any_tokens < 100
    assert compared_costs(100, "what is the", [root]) == Costs(1, 100)
    assert compared_costs(100, "nowhere", [root]) == Costs(1, 100)


@needs_grep
def test_endless_output_is_cut(root):
    (root / "long.py").write_text("pool = 1  # a line of some length that says pool again\n" * 5000)
    costs = compared_costs(100, "pool", [root])
    assert (costs.grep_any_tokens, costs.grep_rarest_tokens, costs.cut) == (MOST_TOKENS, MOST_TOKENS, 1)


def test_words_that_somebody_would_look_for():
    assert sought_words("where are the sessions refreshed in Session.refresh") == ["sessions", "refreshed", "Session", "refresh"]
    assert sought_words('where is "no such file" raised') == ["no such file"]
    assert len(sought_words(" ".join(f"word{number}" for number in range(50)))) == 8


def test_sums_are_kept_by_day_and_tool_and_hold_no_words(tmp_path):
    assert read_costs(tmp_path)["total"]["answers"] == 0
    add_costs(tmp_path, "search", Costs(1, 900, 1, 900, 5000, 300, 0))
    add_costs(tmp_path, "search", Costs(1, 1100))
    add_costs(tmp_path, "outline", Costs(1, 50))
    found = read_costs(tmp_path)
    assert found["since"] == time.strftime("%Y-%m-%d", time.gmtime())
    assert found["tools"]["search"] == {
        "answers": 2, "tokens": 2000, "compared": 1, "compared_tokens": 900, "grep_any_tokens": 5000, "grep_rarest_tokens": 300, "cut": 0,
    }  # fmt: skip
    assert found["total"]["tokens"] == 2050
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(costs)")]
    assert names == ["day", "tool", *Costs.__dataclass_fields__]


def wait_for_answers(store, count):
    end = time.monotonic() + 20
    while read_costs(store)["total"]["answers"] < count and time.monotonic() < end:
        time.sleep(0.02)
    return read_costs(store)["total"]


@needs_grep
def test_a_meter_counts_all_answers_and_compares_some(root, tmp_path):
    (tmp_path / "store").mkdir()
    meter = Meter(tmp_path / "store", every_s=60)
    for _ in range(3):
        meter.count("search", "x" * 400, query="idle", roots=[root])
    meter.count("outline", "x" * 40)
    total = wait_for_answers(tmp_path / "store", 4)
    assert (total["answers"], total["tokens"], total["compared"]) == (4, 310, 1)


def test_a_store_that_cannot_be_written_is_no_matter(tmp_path):
    meter = Meter(tmp_path / "missing", every_s=0.01)
    meter.count("search", "x")
    time.sleep(0.1)
    meter.count("search", "x")
    assert not (tmp_path / "missing").exists()


def test_the_command_says_what_was_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CODETRIEVER_STORE", str(tmp_path))
    assert main(["savings"]) == 1
    assert "agents have asked nothing yet" in capsys.readouterr().err
    add_costs(tmp_path, "search", Costs(2, 2000, 1, 900, 16_000, 300, 1))
    assert main(["savings"]) == 0
    printed = capsys.readouterr().out
    assert "2 answers" in printed
    assert "1 output counted as 16,000 though longer" in printed
    assert main(["savings", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["grep_rarest_tokens"] == 300
