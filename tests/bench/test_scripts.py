"""The benchmarks run, on a checkout small enough for every commit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.embedding import tiny

BENCH = Path(__file__).parents[2] / "bench"
POOL = '''"""Connections that are kept open."""


def close_idle_connections(pool, seconds):
    """Drop those which waited longer than a while."""
    for connection in list(pool):
        if connection.waited > seconds:
            pool.remove(connection)
'''
RETRY = '''"""Try again."""


def wait_before_retry(attempt, base_delay):
    """Wait twice as long after each failure."""
    return base_delay * 2 ** attempt


def give_up_after(attempts, limit):
    return attempts >= limit
'''


@pytest.fixture
def checkouts(tmp_path):
    root = tmp_path / "checkouts" / "small"
    root.mkdir(parents=True)
    (root / "pool.py").write_text(POOL)
    (root / "retry.py").write_text(RETRY)
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "Wait before trying again"],
    ):
        subprocess.run(["git", "-C", root, *command], check=True)
    return root.parent


def run(script, *arguments, folder):
    """Run a benchmark from a copy of its folder, so that its results do not land among the kept ones."""
    copy = folder / "bench"
    copy.mkdir(exist_ok=True)
    for source in BENCH.glob("*.py"):
        (copy / source.name).write_bytes(source.read_bytes())
    environment = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, str(copy / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def results(folder, name):
    return json.loads((folder / "bench" / "results" / f"{name}.json").read_text())["results"]


def test_quality_of_annotated_checkouts(checkouts, tmp_path):
    annotations = tmp_path / "annotations"
    (annotations / "annotations").mkdir(parents=True)
    (annotations / "repos.json").write_text(json.dumps([{"name": "small"}, {"name": "not there"}]))
    items = [
        {"query": "close idle connections", "relevant": ["pool.py"], "category": "semantic"},
        {"query": "wait_before_retry", "relevant": [{"path": "retry.py", "start_line": 4, "end_line": 6}], "category": "symbol"},
    ]
    (annotations / "annotations" / "small.json").write_text(json.dumps(items))
    printed = run("quality.py", checkouts, annotations, folder=tmp_path)
    assert "all questions" in printed
    rows = results(tmp_path, "quality")["split by category"]
    assert {row["category"]: row["ndcg10"] for row in rows} == {"semantic": 1.0, "symbol": 1.0, "all questions": 1.0}


def test_tokens_until_the_answer_was_read(checkouts, tmp_path):
    annotations = tmp_path / "annotations"
    (annotations / "annotations").mkdir(parents=True)
    (annotations / "repos.json").write_text(json.dumps([{"name": "small"}]))
    items = [
        {"query": "wait_before_retry", "relevant": [{"path": "retry.py", "start_line": 4, "end_line": 6}]},
        {"query": "close idle connections", "relevant": ["nowhere.py"]},
    ]
    (annotations / "annotations" / "small.json").write_text(json.dumps(items))
    printed = run("tokens.py", checkouts, annotations, "--rows", tmp_path / "rows.json", folder=tmp_path)
    (line,) = results(tmp_path, "tokens")["split"]
    found, missed = json.loads((tmp_path / "rows.json").read_text())["split"]
    assert "codetriever" in printed
    assert 20 < found["named"] == found["read"] <= found["answer"] < 400
    assert missed["read"] == 16_000
    assert (line["questions"], line["missed"]) == (2, 0.5)
    assert (tmp_path / "bench" / "results" / "tokens-split.svg").exists()


def test_questions_from_history_are_made_and_asked(checkouts, tmp_path):
    questions = tmp_path / "questions.json"
    assert "1 questions from 1 repositories" in run("questions.py", checkouts, questions, folder=tmp_path)
    run("quality.py", "--commits", questions, "--clones", checkouts, "--name", "commits", folder=tmp_path)
    (row, *_) = results(tmp_path, "commits")["commits by language"]
    assert (row["language"], row["questions"], row["span10"]) == ("python", 1, 1.0)


def test_questions_from_doc_comments_are_asked_of_files_without_them(checkouts, tmp_path):
    questions, stripped = tmp_path / "questions.json", tmp_path / "stripped"
    assert "2 questions from 1 repositories" in run("questions.py", checkouts, questions, "--stripped", stripped, folder=tmp_path)
    assert "Wait twice as long" not in (stripped / "small" / "retry.py").read_text()
    table = BENCH.parent / "src" / "codetriever" / "embedding" / "static.table"
    asked = ["--comments", questions, "--stripped", stripped, "--words", "--table", table, "--store", tmp_path / "stores"]
    run("quality.py", *asked, "--name", "comments", folder=tmp_path)
    measured = results(tmp_path, "comments")
    assert [(row["tool"], row["questions"]) for row in measured["comments by language"] if row["language"] == "python"] == [
        ("codetriever", 2),
        ("words", 2),
        ("static", 2),
    ]
    assert {row["kind"] for row in measured["comments by kind"]} == {"function", "all questions"}
    assert {row["tool"] for row in measured["comments against words"]} == {"codetriever", "static"}
    shipped, _, same = [row for row in measured["comments by language"] if row["language"] == "python"]
    assert shipped["ndcg10"] == same["ndcg10"]
    assert sorted(path.name for path in (tmp_path / "stores").iterdir()) == ["codetriever", "static"]


def test_each_language_gets_as_many_questions_as_wanted(checkouts, tmp_path):
    questions = tmp_path / "questions.json"
    printed = run("questions.py", checkouts, questions, "--stripped", tmp_path / "stripped", "--per-language", "1", folder=tmp_path)
    assert "1 questions from 1 repositories" in printed


def test_search_measures_every_kind_of_question(checkouts, tmp_path):
    big = checkouts / "small" / "many.py"
    big.write_text(
        "\n\n".join(f"def compute_value_number_{number}(first, second):\n    return first + second * {number}\n" for number in range(40))
    )
    run("search.py", checkouts / "small", "--each", "3", folder=tmp_path)
    measured = results(tmp_path, "search")
    assert {row["kind"] for row in measured["process"]} == {"symbol", "words", "literal", "path"}
    assert all(row["without_hits"] == 0 for row in measured["process"] if row["kind"] in ("symbol", "literal"))
    assert measured["index"][0]["chunks"] > 3
    assert (tmp_path / "bench" / "results" / "search.svg").exists()


def test_the_comparison_runs_without_a_peer(checkouts, tmp_path):
    printed = run("peers.py", checkouts, "--part", "index", folder=tmp_path)
    assert "codetriever" in printed
    assert results(tmp_path, "peers")["index"][0]["checkout"] == "small"


def test_embedders_are_measured(checkouts, tmp_path):
    parts = [word for part in ("remote", "copies", "queries", "static") for word in ("--part", part)]
    run("embedding.py", checkouts / "small", "--texts", "4", "--rounds", "1", *parts, folder=tmp_path)
    measured = results(tmp_path, "embedding")
    assert {row["variant"] for row in measured["copies"]} == {"copied texts and lists", "one matrix"}
    assert all(row["chunks_per_s"] > 0 for row in measured["remote"] + measured["static"])


def test_a_sentence_model_is_measured(checkouts, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    model = tiny.write_model(tmp_path / "model")
    run("embedding.py", checkouts / "small", "--model", model, "--texts", "2", "--rounds", "1", "--part", "precision", folder=tmp_path)
    rows = {row["variant"]: row for row in results(tmp_path, "embedding")["precision"]}
    assert rows["int8"]["least cosine"] > 0.98


def test_taking_jobs_is_measured(database_url, tmp_path):
    run("jobs.py", "--finished", "200", "--waiting", "80", "--each", "16", "--database-url", database_url, folder=tmp_path)
    measured = results(tmp_path, "jobs")
    assert len(measured["take"]) == 8
    assert (measured["joins"][0]["submissions"], measured["workers"][0]["workers"]) == (80, 8)
