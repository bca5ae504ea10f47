"""Is a model's folder understood as its authors meant it, and what if something is missing or damaged?"""

import hashlib
import json

import pytest
from tests.embedding import tiny

from codetriever.embedding.sentence_model import LARGEST_WINDOW, Prompts, checksum, find_model, hub_models, read_model
from codetriever.errors import ModelUnavailable

pytest.importorskip("tokenizers")

INSTRUCTION = "Instruct: Given a question, retrieve source code that answers it\nQuery:"


def hub_model(hub, name, *, revision="abc123", **facts):
    snapshot = hub / f"models--{name.replace('/', '--')}" / "snapshots" / revision
    tiny.write_model(snapshot, **facts)
    refs = snapshot.parents[1] / "refs"
    refs.mkdir(exist_ok=True)
    (refs / "main").write_text(revision)
    return snapshot


def test_a_folder_says_what_it_is(tmp_path):
    prompts = {"query": "query: ", "document": "passage: "}
    model = read_model(tiny.write_model(tmp_path / "small", window=16, prompts=prompts))
    assert (model.name, model.dimensions, model.window, model.pooling) == ("small", 32, 16, "mean")
    assert model.prompts == Prompts("query: ", "passage: ")
    assert [path.name for path in model.weights] == ["model.safetensors"]
    assert not model.graphs


@pytest.mark.parametrize(("pooling", "name"), [(tiny.MEAN, "mean"), (tiny.CLS, "cls"), (tiny.LAST, "last")])
def test_pooling_is_read(tmp_path, pooling, name):
    assert read_model(tiny.write_model(tmp_path / "m", pooling=pooling)).pooling == name


@pytest.mark.parametrize(("word", "name"), [("mean", "mean"), ("cls", "cls"), ("lasttoken", "last")])
def test_pooling_is_read_as_newer_versions_write_it(tmp_path, word, name):
    assert read_model(tiny.write_model(tmp_path / "m", pooling={"pooling_mode": word})).pooling == name


@pytest.mark.parametrize(
    "pooling",
    [{"pooling_mode_max_tokens": True}, {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, {"pooling_mode": "max"}],
)
def test_pooling_that_is_not_known_is_refused(tmp_path, pooling):
    with pytest.raises(ModelUnavailable, match="pools by"):
        read_model(tiny.write_model(tmp_path / "m", pooling=pooling))


def test_the_window_is_what_fits_the_positions(tmp_path):
    assert read_model(tiny.write_model(tmp_path / "a")).window == 24
    assert read_model(tiny.write_model(tmp_path / "b", window=999)).window == 24
    long = {**tiny.QWEN2, "max_position_embeddings": 32768}
    assert read_model(tiny.write_model(tmp_path / "c", long)).window == LARGEST_WINDOW


@pytest.mark.parametrize(
    ("name", "config", "window", "pooling", "query", "passage"),
    [
        ("jinaai/jina-embeddings-v2-base-code", {**tiny.BERT, "max_position_embeddings": 8192}, 512, "mean", "", ""),
        ("nomic-ai/CodeRankEmbed", tiny.NOMIC, 64, "cls", "Represent this query for searching relevant code: ", ""),
        (
            "jinaai/jina-code-embeddings-0.5b", tiny.QWEN2, 64, "last",
            "Find the most relevant code snippet given the following query:\n", "Candidate code snippet:\n",
        ),
        ("Qwen/Qwen3-Embedding-0.6B", tiny.QWEN3, 64, "last", INSTRUCTION, ""),
    ],
)  # fmt: skip
def test_models_of_code_are_used_as_their_authors_say(tmp_path, name, config, window, pooling, query, passage):
    folder = hub_model(tmp_path, name, config=config)
    (folder / "1_Pooling" / "config.json").unlink()
    model = read_model(find_model(name, tmp_path))
    assert (model.name, model.window, model.pooling) == (name, window, pooling)
    assert model.prompts == Prompts(query, passage)


def test_what_a_folder_says_beats_what_is_known(tmp_path):
    prompts = {"query": "Q: ", "document": ""}
    hub_model(tmp_path, "nomic-ai/CodeRankEmbed", config=tiny.NOMIC, prompts=prompts, pooling=tiny.MEAN)
    model = read_model(find_model("nomic-ai/CodeRankEmbed", tmp_path))
    assert (model.prompts.query, model.pooling) == ("Q: ", "mean")


def test_the_hub_keeps_snapshots_of_which_main_counts(tmp_path):
    hub_model(tmp_path, "a/b", revision="new")
    hub_model(tmp_path, "a/b", revision="old")
    assert find_model("a/b", tmp_path).name == "old"
    (tmp_path / "models--a--b" / "refs" / "main").unlink()
    assert find_model("a/b", tmp_path).name in ("old", "new")
    assert hub_models(tmp_path) == ["a/b"]


@pytest.mark.parametrize("named", ["a/b", "", "/nowhere/at/all", "a\0b", "b" * 5000])
def test_what_is_not_there_is_not_downloaded_but_said(tmp_path, named):
    with pytest.raises(ModelUnavailable) as raised:
        find_model(named, tmp_path / "hub")
    assert "Nothing is downloaded by itself" in raised.value.hint


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    folder = tiny.write_model(tmp_path / "m", without=[name])
    with pytest.raises(ModelUnavailable, match=name.replace("model.safetensors", "no weights")) as raised:
        read_model(folder)
    assert raised.value.hint


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"7", b"{}"])
def test_a_damaged_config_is_named(tmp_path, content):
    folder = tiny.write_model(tmp_path / "m")
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"config\.json"):
        read_model(folder)


@pytest.mark.parametrize(
    "name", ["modules.json", "1_Pooling/config.json", "config_sentence_transformers.json", "sentence_bert_config.json"]
)
def test_a_damaged_side_file_is_named(tmp_path, name):
    folder = tiny.write_model(tmp_path / "m")
    (folder / name).write_bytes(b"{")
    with pytest.raises(ModelUnavailable, match=name):
        read_model(folder)


def test_weights_in_several_files_are_found(tmp_path):
    folder = tiny.write_model(tmp_path / "m", without=["model.safetensors"])
    tensors = list(tiny.make_weights(tiny.BERT).items())
    for number, part in enumerate((tensors[:5], tensors[5:])):
        tiny.write_safetensors(folder / f"model-{number}.safetensors", dict(part))
    index = {name: f"model-{number}.safetensors" for number, part in enumerate((tensors[:5], tensors[5:])) for name, _ in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert [path.name for path in read_model(folder).weights] == ["model-0.safetensors", "model-1.safetensors"]


def test_a_checksum_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"weights")
    same = checksum((tmp_path / "a",))
    (tmp_path / "a").write_bytes(b"Weights")
    assert checksum((tmp_path / "a",)) != same


def test_a_file_of_the_hub_has_to_be_what_its_name_says(tmp_path):
    content = b"weights"
    blob = tmp_path / hashlib.sha256(content).hexdigest()
    blob.write_bytes(content)
    (tmp_path / "model.safetensors").symlink_to(blob)
    assert checksum((tmp_path / "model.safetensors",))
    blob.write_bytes(b"wEights")
    with pytest.raises(ModelUnavailable, match="not what was downloaded"):
        checksum((tmp_path / "model.safetensors",))


def test_a_download_that_never_ended_is_said(tmp_path):
    folder = tiny.write_model(tmp_path / "m", without=["model.safetensors"])
    (folder / "model.safetensors").symlink_to(tmp_path / "gone")
    with pytest.raises(ModelUnavailable, match=r"model\.safetensors"):
        checksum(read_model(folder).weights)
