"""Does the setting `model` decide what makes vectors, and is nothing lost when it changes?"""

import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.embedding import tiny
from tests.embedding.servers import served

import codetriever
from codetriever import models
from codetriever.config import load_settings, user_file, write_user_setting
from codetriever.corpus import changes, listing, read
from codetriever.embedding import service as service_module
from codetriever.errors import EmbedderFailed, InvalidSetting, ModelUnavailable
from codetriever.model_checks import check_model, model_facts, waiting_for
from codetriever.models import embedder_for, found_models, hub_folder

FILES = {
    "session.py": "def refresh(session):\n    return session.token\n",
    "files.py": "class File:\n    def open(self): return self\n\n    def close(self): return self\n",
    "guide.md": "# Sessions\n\nWhere are sessions refreshed?\n",
}
KEY = "sk-secret-0123456789"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No configuration, no key and no model of this machine plays a part, and nothing waits long."""
    for name in ("OPENAI_API_KEY", "CODETRIEVER_REMOTE_KEY", "CODETRIEVER_MODEL", "HF_HUB_CACHE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CODETRIEVER_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(service_module, "FIRST_WAIT_S", 0.001)


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text)
    return root


def settings(tmp_path, model="static", **flags):
    return load_settings(flags={"store": str(tmp_path / "store"), "model": model, **flags}, start=tmp_path)


def opened(project, model="static", **flags):
    return codetriever.open(project, settings=settings(project.parent, model, **flags))


@pytest.fixture
def small_model(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    return f"transformer:{tiny.write_model(tmp_path / 'small')}"


# Changing the model


def test_another_model_embeds_from_what_is_stored_and_reads_no_file(project, small_model, monkeypatch):
    for module in (changes, listing, read):  # a file that changed a moment ago is read again, to be sure
        monkeypatch.setattr(module, "RACY_NS", 50_000_000)
    time.sleep(0.1)
    with opened(project) as index:
        first = index.refresh()
    monkeypatch.setattr("codetriever.indexing.intake.read_file", pytest.fail)
    monkeypatch.setattr("codetriever.indexing.analysis.cut", pytest.fail)
    with opened(project, small_model) as index:
        assert index.is_indexed()
        assert not index.has_vectors()
        report = index.refresh()
        assert (report.read, report.analysed_blobs, report.embedded_chunks) == (0, 0, first.chunks)
        assert index.has_vectors()
        assert index.search("refresh session").hits[0].path == "session.py"
        assert index.status()["model"].startswith("transformer-small-int8-")


def test_two_settings_on_one_cache_do_not_undo_each_others_vectors(project, small_model):
    for model in ("static", small_model):
        with opened(project, model) as index:
            assert index.refresh().embedded_chunks > 0
    for model in ("static", small_model, "static"):
        with opened(project, model) as index:
            assert index.refresh().embedded_chunks == 0
            assert index.has_vectors()


def test_what_is_new_is_embedded_by_the_model_that_is_set_and_later_by_the_other(project, small_model):
    for model in ("static", small_model):
        with opened(project, model) as index:
            index.refresh()
    (project / "new.py").write_text("def write(file):\n    return file\n")
    for model in (small_model, "static"):
        with opened(project, model) as index:
            assert index.refresh().embedded_chunks == 1
            assert index.search("write file").hits[0].path == "new.py"


def test_an_index_of_another_model_answers_by_words_and_says_so(project, small_model):
    with opened(project) as index:
        index.refresh()
        assert index.search("refresh session").freshness.note == ""
    with opened(project, small_model) as index:
        answer = index.search("refresh session")
        assert answer.hits[0].path == "session.py"
        assert "no vectors of transformer-small" in answer.freshness.note
        index.refresh()
        assert index.search("refresh session").freshness.note == ""


def test_both_ways_to_embed_a_chunk_give_the_same_vector(project, small_model, tmp_path):
    """While indexing, and later from what is stored; of a notebook the source of its cells."""
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["session = open()\n", "session.refresh()"]}
    (project / "notes.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    with opened(project, small_model) as index:
        index.refresh()
        direct = {(hit.path, hit.start_line): hit.score for hit in index.search("where is a session refreshed", limit=100).hits}
    other = load_settings(flags={"store": str(tmp_path / "other"), "model": "static"}, start=tmp_path)
    with codetriever.open(project, settings=other) as index:
        index.refresh()
    other = load_settings(flags={"store": str(tmp_path / "other"), "model": small_model}, start=tmp_path)
    with codetriever.open(project, settings=other) as index:
        index.refresh()
        later = {(hit.path, hit.start_line): hit.score for hit in index.search("where is a session refreshed", limit=100).hits}
    assert later == direct


def test_how_many_chunks_wait_for_a_model_is_known(project, small_model):
    with opened(project) as index:
        chunks = index.refresh().chunks
    store = project.parent / "store"
    assert waiting_for(store, embedder_for(settings(project.parent, small_model))) == (1, chunks)
    assert waiting_for(store, embedder_for(settings(project.parent))) == (0, 0)


# Remote


def test_nothing_is_sent_unless_a_setting_says_so(project, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with served() as service:
        with opened(project, remote_url=service.url) as index:
            index.refresh()
            index.search("refresh session")
        assert not service.requests
        with opened(project, "remote:openai/m", remote_url=service.url, remote_dimensions="8") as index:
            index.refresh()
            assert index.search("refresh session").hits
            assert KEY not in repr(index.status()) + repr(index.settings) + repr(list(found_models(index.settings)))
            assert KEY not in repr(model_facts(index.settings))
    assert {headers["authorization"] for _, headers, _ in service.requests} == {f"Bearer {KEY}"}
    sent = [text for _, _, body in service.requests for text in body["input"]]
    assert any("def refresh(session)" in text for text in sent)
    assert sent[-1] == "refresh session"


def test_the_projects_own_file_may_not_choose_a_model(project):
    (project / ".codetriever.toml").write_text('model = "remote:openai/m"\n')
    with pytest.raises(InvalidSetting, match="which a project may not decide"):
        load_settings(start=project)


@pytest.mark.parametrize("value", [{}, {"data": [{"index": 0, "embedding": [float("nan")] * 8}]}, b"<html>"])
def test_a_service_that_fails_leaves_the_index_as_it_was(project, value):
    with served() as service:
        flags = {"remote_url": service.url, "remote_dimensions": "8"}
        with opened(project, "remote:compatible/m", **flags) as index:
            index.refresh()
            before = index.search("refresh session")
            (project / "new.py").write_text("def write(file):\n    return file\n")
            service.script += [lambda *_: (200, {}, value)] * 9
            with pytest.raises(EmbedderFailed):
                index.refresh()
            service.script.clear()
            after = index.search("refresh session")
            assert [(hit.path, hit.score) for hit in after.hits] == [(hit.path, hit.score) for hit in before.hits]
            index.refresh()
            assert "new.py" in {hit.path for hit in index.search("write file").hits}


def test_a_service_that_answers_other_dimensions_is_noticed(project):
    with served(width=5) as service, opened(project, "remote:compatible/m", remote_url=service.url, remote_dimensions="8") as index:
        with pytest.raises(EmbedderFailed, match="5 dimensions instead of 8"):
            index.refresh()
        assert not index.is_indexed()


def test_a_service_needs_an_address(tmp_path):
    with pytest.raises(InvalidSetting, match="remote_url"):
        embedder_for(settings(tmp_path, "remote:azure/deployment"))


# Embedders of other packages

PACKAGE = '''"""Embeds by length."""

import numpy as np


class Lengths:
    model = "lengths-1"
    dimensions = 4

    def __init__(self, unit="1"):
        self.model = f"lengths-{unit}"
        self.unit = int(unit)

    def embed(self, texts):
        rows = np.zeros((len(texts), 4), np.float32)
        rows[np.arange(len(texts)), [len(text) // self.unit % 4 for text in texts]] = 1
        return rows


class Broken:
    def __init__(self):
        raise RuntimeError("no licence")


def nothing():
    return object()
'''
POINTS = "[codetriever.embedders]\nlengths = lengths:Lengths\nbroken = lengths:Broken\nempty = lengths:nothing\ngone = lengths:gone\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder into which pip has installed a package that registers embedders."""
    folder = tmp_path_factory.mktemp("package")
    wheel = folder / "lengths-1.0-py3-none-any.whl"
    info = "lengths-1.0.dist-info"
    contents = {
        "lengths.py": PACKAGE,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: lengths\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": POINTS,
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**contents, f"{info}/RECORD": "".join(f"{name},,\n" for name in contents)}.items():
            archive.writestr(name, text)
    target = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def test_an_embedder_of_an_installed_package_indexes_and_answers(site, project, monkeypatch):
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(models, "_made", models._made.__wrapped__)
    with opened(project, "lengths:3") as index:
        report = index.refresh()
        assert report.embedded_chunks == report.chunks
        assert index.embedder.model == "lengths-3"
        assert index.search("refresh session").hits[0].path == "session.py"
    assert [found.setting for found in found_models(settings(project.parent)) if found.kind == "entry point"] == [
        "broken", "empty", "gone", "lengths",
    ]  # fmt: skip
    assert model_facts(settings(project.parent, "lengths"))["class"] == "lengths.Lengths"


@pytest.mark.parametrize(
    ("name", "message"), [("broken", "no licence"), ("empty", "has no `model`"), ("gone", "cannot be made"), ("lengths:x", "ValueError")]
)
def test_an_embedder_that_cannot_be_made_is_named_with_its_package(site, tmp_path, monkeypatch, name, message):
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(models, "_made", models._made.__wrapped__)
    with pytest.raises(ModelUnavailable, match=message) as raised:
        embedder_for(settings(tmp_path, name))
    assert "of lengths" in raised.value.message


# Names


@pytest.mark.parametrize("name", ["", "nobody", "transformer", "transformer:", "remote", "remote:", "Static"])
def test_what_is_no_model_is_refused(tmp_path, name):
    with pytest.raises(InvalidSetting, match="which is no embedder"):
        embedder_for(settings(tmp_path, name))


def test_a_model_is_loaded_once_per_process(tmp_path, small_model):
    assert embedder_for(settings(tmp_path, small_model)) is embedder_for(settings(tmp_path, small_model))
    assert embedder_for(settings(tmp_path)) is embedder_for(settings(tmp_path))


def test_another_table_may_be_named(tmp_path):
    table = Path(models.__file__).parent / "embedding" / "static.table"
    copy = tmp_path / "my.table"
    copy.write_bytes(table.read_bytes())
    assert embedder_for(settings(tmp_path, f"static:{copy}")).model == embedder_for(settings(tmp_path)).model
    with pytest.raises(ModelUnavailable, match=r"absent\.table"):
        embedder_for(settings(tmp_path, f"static:{tmp_path / 'absent.table'}"))


def test_models_of_the_hub_are_found_and_others_are_not(tmp_path):
    pytest.importorskip("tokenizers")
    hub = hub_folder()
    tiny.write_model(hub / "models--me--small" / "snapshots" / "abc")
    tiny.write_model(hub / "models--me--broken" / "snapshots" / "abc", without=["tokenizer.json"])
    (hub / "models--me--empty").mkdir()
    assert [found.setting for found in found_models(settings(tmp_path)) if found.kind == "transformer"] == ["transformer:me/small"]
    pytest.importorskip("onnxruntime")
    assert embedder_for(settings(tmp_path, "transformer:me/small")).described.name == "me/small"


@pytest.mark.parametrize(("name", "place"), [("HF_HUB_CACHE", "x"), ("HF_HOME", "x/hub"), ("XDG_CACHE_HOME", "x/huggingface/hub")])
def test_the_hubs_cache_is_where_the_hub_says(tmp_path, monkeypatch, name, place):
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv(name, str(tmp_path / "x"))
    assert hub_folder() == tmp_path / place


# Looking and trying


@pytest.mark.parametrize("model", ["static", "small"])
def test_a_model_is_tried(tmp_path, small_model, model):
    checks = {check.name: check for check in check_model(settings(tmp_path, small_model if model == "small" else model))}
    assert {"model", "vectors", "meaning", "chunks", "questions", "checksum"} <= set(checks)
    assert checks["vectors"].state == "ok"
    assert model == "static" or {"window", "precision"} <= set(checks)
    assert model == "small" or checks["meaning"].state == "ok"


def test_facts_are_told_without_asking_anybody(tmp_path, small_model):
    assert model_facts(settings(tmp_path))["vocabulary"] == 48_000
    assert model_facts(settings(tmp_path, small_model))["window_tokens"] == 24
    facts = model_facts(settings(tmp_path, "remote:compatible/m", remote_url="http://127.0.0.1:9/v1"))
    assert facts["dimensions"] == "as it answers"
    assert facts["key"].startswith("not set")


# The user's file


def test_a_choice_is_written_into_the_users_file_and_the_rest_stays():
    path = user_file()
    path.write_text('# mine\nlimit = 20\nmodel = "static"  # for now\nmemory = "1GiB"\n')
    write_user_setting("model", "transformer:a/b")
    assert path.read_text() == '# mine\nlimit = 20\nmodel = "transformer:a/b"\nmemory = "1GiB"\n'
    assert load_settings(start=path.parent).model == "transformer:a/b"


@pytest.mark.parametrize("value", ["static", 'transformer:/with "quotes" and \\', "transformer:/ünïcode 設定"])
def test_any_choice_can_be_read_again(value):
    write_user_setting("model", value)
    assert load_settings(start=user_file().parent).model == value


@pytest.mark.parametrize("text", ["not toml", 'x = """\nmodel = "inside"\n"""\n', b"\xff".decode("latin-1") + "="])
def test_a_file_that_cannot_be_changed_safely_stays(text):
    path = user_file()
    path.write_text(text)
    with pytest.raises(InvalidSetting) as raised:
        write_user_setting("model", "static")
    assert path.read_text() == text
    assert 'model = "static"' in raised.value.hint


def test_rows_of_the_stored_width_are_kept(project, small_model):
    with opened(project, small_model) as index:
        index.refresh()
        assert index.embedder.embed(["open"]).shape == (1, 32)
        assert np.isfinite([hit.score for hit in index.search("open file").hits]).all()
