"""Do our graphs compute what the models' authors compute?"""

import numpy as np
import pytest
from tests.embedding import tiny

from codetriever.embedding.encoders import HIDDEN, IDS, MASK, encoder_graph, encoder_kind
from codetriever.embedding.safetensors import Weights
from codetriever.errors import ModelUnavailable

onnxruntime = pytest.importorskip("onnxruntime")

TOKENS = np.array([[2, 5, 9, 17, 30, 3], [2, 7, 3, 0, 0, 0]])
PRESENT = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
# What transformers 5.23 with torch 2.13 computes from the same weights: the first numbers of the last token of the first text, and of the
# second token of the second one.
REFERENCE = {
    "bert": (tiny.BERT, [-0.41796, 0.50867, 1.08700, -0.37397], [-0.72638, 1.41283, 0.07556, -0.52978]),
    "nomic": (tiny.NOMIC, [0.86321, 0.72702, 1.82466, 0.58579], [0.68691, 1.16697, 1.70928, 0.44811]),
    "qwen2": (tiny.QWEN2, [-1.26782, 0.83756, 0.27843, -1.34428], [0.38112, 0.95929, -1.44589, 0.25473]),
    "qwen3": (tiny.QWEN3, [0.63712, 0.92936, -1.34640, 0.20181], [0.73909, -0.99626, 0.72066, 1.13872]),
}


def run(tmp_path, config, *, is_quantised, tokens=TOKENS, present=PRESENT, kind="F32"):
    tiny.write_safetensors(tmp_path / "model.safetensors", tiny.make_weights(config), kind=kind)
    graph = encoder_graph(config, Weights([tmp_path / "model.safetensors"]), is_quantised=is_quantised, max_tokens=24)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return session.run([HIDDEN], {IDS: tokens, MASK: present})[0]


@pytest.mark.parametrize("name", REFERENCE)
def test_a_graph_computes_what_the_reference_does(tmp_path, name):
    config, last, second = REFERENCE[name]
    hidden = run(tmp_path, config, is_quantised=False)
    assert hidden.shape == (2, 6, 32)
    assert hidden[0, -1, :4] == pytest.approx(last, abs=2e-5)
    assert hidden[1, 1, :4] == pytest.approx(second, abs=2e-5)


@pytest.mark.parametrize("name", REFERENCE)
def test_int8_stays_close(tmp_path, name):
    whole = run(tmp_path, REFERENCE[name][0], is_quantised=False)[PRESENT > 0]
    small = run(tmp_path, REFERENCE[name][0], is_quantised=True)[PRESENT > 0]
    cosines = (whole * small).sum(1) / np.linalg.norm(whole, axis=1) / np.linalg.norm(small, axis=1)
    assert cosines.min() > 0.99


@pytest.mark.parametrize("name", REFERENCE)
def test_padding_changes_nothing(tmp_path, name):
    alone = run(tmp_path, REFERENCE[name][0], is_quantised=False, tokens=TOKENS[1:, :3], present=PRESENT[1:, :3])
    beside = run(tmp_path, REFERENCE[name][0], is_quantised=False)
    assert alone[0] == pytest.approx(beside[1, :3], abs=1e-5)


@pytest.mark.parametrize("kind", ["F16", "BF16"])
def test_weights_of_sixteen_bits_are_widened(tmp_path, kind):
    hidden = run(tmp_path, tiny.BERT, is_quantised=False, kind=kind)
    assert hidden[0, -1, :4] == pytest.approx(REFERENCE["bert"][1], abs=0.05)


@pytest.mark.parametrize(
    "change",
    [
        {"position_embedding_type": "alibi"},
        {"hidden_act": "relu"},
        {"model_type": "mpnet"},
        {"model_type": "qwen2", "use_sliding_window": True},
        {"model_type": "nomic_bert"},
    ],
)
def test_what_a_graph_does_not_fit_is_not_computed(tmp_path, change):
    tiny.write_safetensors(tmp_path / "w", tiny.make_weights(tiny.BERT))
    weights = Weights([tmp_path / "w"])
    assert encoder_kind(tiny.BERT, weights) == "bert"
    assert encoder_kind({**tiny.BERT, **change}, weights) is None
    with pytest.raises(ModelUnavailable):
        encoder_graph({**tiny.BERT, **change}, weights, is_quantised=False, max_tokens=8)


def test_a_variant_of_nomic_that_is_not_known_is_refused(tmp_path):
    tiny.write_safetensors(tmp_path / "w", tiny.make_weights(tiny.NOMIC))
    with pytest.raises(ModelUnavailable, match="variant"):
        encoder_graph({**tiny.NOMIC, "prenorm": True}, Weights([tmp_path / "w"]), is_quantised=False, max_tokens=8)


def test_a_missing_layer_is_named(tmp_path):
    weights = tiny.make_weights(tiny.BERT)
    del weights["encoder.layer.1.output.dense.weight"]
    tiny.write_safetensors(tmp_path / "w", weights)
    with pytest.raises(ModelUnavailable, match=r"encoder\.layer\.1\.output\.dense"):
        encoder_graph(tiny.BERT, Weights([tmp_path / "w"]), is_quantised=False, max_tokens=8)
