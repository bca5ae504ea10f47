"""`codetriever model`: list, info, use, check."""

import json

import pytest
from tests.embedding import tiny

from codetriever.cli.main import main
from codetriever.config import load_settings, user_file

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    for name in ("OPENAI_API_KEY", "CODETRIEVER_REMOTE_KEY", "CODETRIEVER_MODEL", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CODETRIEVER_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("CODETRIEVER_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def small(tmp_path):
    return f"transformer:{tiny.write_model(tmp_path / 'small')}"


def run(capsys, *words):
    code = main(["model", *words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_the_list_marks_what_is_used_and_names_what_is_found(tmp_path, capsys, small):
    tiny.write_model(tmp_path / "hf" / "hub" / "models--me--mine" / "snapshots" / "a")
    code, out, err = run(capsys, "list")
    assert code == 0
    assert out.splitlines()[0].startswith("* static")
    assert "transformer:me/mine" in out
    assert "remote:SERVICE/MODEL" in err
    main(["model", "use", small])
    capsys.readouterr()
    marked = [line for line in run(capsys, "list")[1].splitlines() if line.startswith("*")]
    assert small in marked[0]


def test_the_list_says_why_the_model_that_is_set_cannot_be_used(capsys):
    code, out, _ = run(capsys, "list", "--model", "transformer:nowhere/at-all")
    assert code == 0
    assert "neither a folder nor in the hub's cache" in out


def test_the_list_as_json(capsys):
    value = json.loads(run(capsys, "list", "--json")[1])
    assert value["model"] == "static"
    assert value["models"][0]["setting"] == "static"


def test_info_shows_the_card(capsys, small):
    out = run(capsys, "info")[1]
    assert "48000" in out
    assert "12.9MB" in out
    value = json.loads(run(capsys, "info", small, "--json")[1])
    assert (value["dimensions"], value["window_tokens"], value["pooling"], value["precision"]) == (32, 24, "mean", "int8")


def test_use_writes_the_choice_and_says_what_happens_to_indexes(tmp_path, capsys, small):
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("def open_file():\n    return 1\n")
    assert main(["index", str(project)]) == 0
    capsys.readouterr()
    code, out, _ = run(capsys, "use", small)
    assert code == 0
    assert "1 index without its vectors: 1 chunk will be embedded" in out
    assert load_settings(start=tmp_path).model == small
    assert main(["open file", str(project)]) == 0
    assert "has no vectors of transformer-small" in capsys.readouterr().err
    assert "without its vectors" not in run(capsys, "use", small)[1]
    assert json.loads(run(capsys, "use", "static", "--json")[1])["indexes"] == 0


def test_use_warns_about_what_is_sent_and_about_what_beats_the_file(capsys, monkeypatch):
    monkeypatch.setenv("CODETRIEVER_MODEL", "static")
    _, _, err = run(capsys, "use", "remote:openai/text-embedding-3-small")
    assert "are sent to that service" in err
    assert "CODETRIEVER_MODEL says otherwise" in err


@pytest.mark.parametrize("name", ["nobody", "transformer:nowhere", "remote:nobody/x"])
def test_what_cannot_be_used_is_not_written(capsys, name):
    code, _, err = run(capsys, "use", name)
    assert code == 2
    assert "hint:" in err
    assert not user_file().exists()


@pytest.mark.parametrize("model", ["static", "small"])
def test_check_tries_a_model(capsys, small, model):
    code, out, _ = run(capsys, "check", small if model == "small" else model)
    assert code == 0
    assert {"model", "vectors", "meaning", "questions", "checksum"} <= {
        line.split()[1] for line in out.splitlines() if line[:2] in ("ok", "wa")
    }
    checks = json.loads(run(capsys, "check", "--json")[1])["checks"]  # of what is set
    assert all(check["state"] == "ok" for check in checks)


def test_check_says_what_is_broken_and_ends_with_2(tmp_path, capsys, small):
    weights = tmp_path / "small" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    code, out, _ = run(capsys, "check", small)
    assert code == 2
    assert "damaged" in out
    assert json.loads(run(capsys, "check", small, "--json")[1])["checks"][0]["state"] == "error"


def test_check_of_a_service_that_is_not_there(capsys):
    code, out, _ = run(capsys, "check", "remote:compatible/x", "--remote-url", "http://127.0.0.1:9", "--remote-dimensions", "4")
    assert code == 2
    assert "cannot be reached" in out


@pytest.mark.parametrize("words", [("nothing",), ("use",), ("list", "static")])
def test_other_words_are_refused_with_a_hint(capsys, words):
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "hint:" in err
