"""What does `codetriever eval` print, write and answer?"""

import json
import subprocess
from pathlib import Path

import pytest

import codetriever
from codetriever.cli.main import main
from codetriever.evaluation.questions import load_questions


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*words):
        code = main(["eval", *map(str, words), "--store", str(tmp_path / "store")])
        return code, *capsys.readouterr()

    return run


def test_a_table_has_a_line_for_each_setting(project, run):
    code, printed, said = run(project)
    assert (code, said) == (0, "")
    lines = printed.splitlines()
    assert lines[0].split()[:4] == ["questions", "of", "embedder", "ranking"]
    assert [line.split()[2] for line in lines[1:7]] == ["words", "vectors", "both"] * 2
    assert "a miss is 8,000" in lines[7]


def test_json_has_the_same(project, run):
    code, printed, _ = run(project, "--kind", "commits", "--ranking", "both,0.3", "--max-questions", "6", "--json")
    value = json.loads(printed)
    assert code == 0
    assert value["questions"] == {"commit": 6, "comment": 0}
    assert [(row["kind"], row["ranking"], row["questions"]) for row in value["measured"]] == [("commit", "both", 6), ("commit", "0.3", 6)]
    assert value["measured"][0]["ndcg10"] > 0.9


def test_questions_are_saved_asked_again_and_drawn(project, run, tmp_path):
    saved, drawn = tmp_path / "questions.json", tmp_path / "drawn.svg"
    run(project, "--save", saved, "--plot", drawn)
    assert len(load_questions(saved)[0].questions) == 12
    assert drawn.read_text().startswith("<svg ")
    code, printed, _ = run(project, "--questions", saved, "--json", "--ranking", "words")
    assert code == 0
    assert json.loads(printed)["questions"] == {"commit": 6, "comment": 6}


def test_too_few_questions_are_an_error_that_says_what_to_do(run, tmp_path):
    (tmp_path / "plain").mkdir()
    code, _, said = run(tmp_path / "plain")
    assert code == 2
    assert "0 questions" in said
    assert "no git repository" in said
    code, printed, _ = run(tmp_path / "plain", "--json")
    assert json.loads(printed)["error"]["code"] == "questions_missing"


@pytest.mark.parametrize("words", [["--ranking", "best"], ["--max-questions", "0"], ["--kind", "issues"], ["nowhere"], ["a", "b"]])
def test_what_cannot_be_done_is_refused(run, words):
    code, _, said = run(*words)
    assert code == 2
    assert said.startswith("error: ")


def test_what_is_worth_knowing_is_said(project, run, tmp_path):
    subprocess.run(["git", "clone", "--quiet", "--depth=2", f"file://{project}", tmp_path / "shallow"], check=True)
    code, _, said = run(tmp_path / "shallow")
    assert code == 0
    assert "git fetch --unshallow" in said


def test_embedders_are_compared(project, run, tmp_path):
    table = tmp_path / "other.table"
    table.write_bytes((Path(codetriever.__file__).parent / "embedding" / "static.table").read_bytes())
    code, printed, said = run(project, "--embedder", f"static,static:{table}", "--ranking", "vectors", "--kind", "commits", "--json")
    assert (code, said) == (0, "")
    rows = json.loads(printed)["measured"]
    assert [row["embedder"] for row in rows] == ["static", f"static:{table}"]
    assert rows[0]["ndcg10"] == rows[1]["ndcg10"]


def test_an_embedder_that_is_none_is_refused(project, run):
    code, _, said = run(project, "--embedder", "no-such-model", "--kind", "commits")
    assert code == 2
    assert "no-such-model" in said
