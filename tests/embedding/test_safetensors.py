"""Are weights read as they were written, and what if the file is damaged?"""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.embedding import tiny

from codetriever.embedding.safetensors import Weights
from codetriever.errors import ModelUnavailable

VALUES = {"a.weight": np.array([[1.5, -2.0], [0.25, 3.0]], np.float32), "b": np.array([7.0], np.float32)}


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
def test_what_is_written_is_read(tmp_path, kind):
    tiny.write_safetensors(tmp_path / "w", VALUES, kind=kind)
    weights = Weights([tmp_path / "w"])
    assert np.array_equal(weights.read("a.weight"), VALUES["a.weight"])
    assert weights.read("b").dtype == np.float32
    assert "b" in weights
    assert weights.optional("c") is None


def test_several_files_are_one_model(tmp_path):
    for number, (name, values) in enumerate(VALUES.items()):
        tiny.write_safetensors(tmp_path / str(number), {name: values})
    weights = Weights([tmp_path / "0", tmp_path / "1"])
    assert np.array_equal(weights.read("a.weight"), VALUES["a.weight"])
    assert weights.read("b") == [7.0]


@pytest.mark.parametrize("prefix", ["bert.", "model."])
def test_names_may_begin_with_the_encoders(tmp_path, prefix):
    name = "embeddings.word_embeddings.weight" if prefix == "bert." else "embed_tokens.weight"
    tiny.write_safetensors(tmp_path / "w", {prefix + name: VALUES["a.weight"], prefix + "norm.weight": VALUES["b"]})
    assert Weights([tmp_path / "w"]).read("norm.weight") == [7.0]


def test_a_tensor_that_is_not_there_is_named(tmp_path):
    tiny.write_safetensors(tmp_path / "w", VALUES)
    with pytest.raises(ModelUnavailable, match="'layer'"):
        Weights([tmp_path / "w"]).read("layer")


def test_numbers_that_are_none_are_refused(tmp_path):
    tiny.write_safetensors(tmp_path / "w", {"a": np.array([1, np.nan], np.float32)})
    with pytest.raises(ModelUnavailable, match="hold numbers that are none"):
        Weights([tmp_path / "w"]).read("a")


def test_another_type_is_refused_when_it_is_asked_for(tmp_path):
    header = json.dumps({"ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}).encode()
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(ModelUnavailable, match="I64"):
        Weights([tmp_path / "w"]).read("ids")


def test_a_pointer_of_git_lfs_is_told_from_weights(tmp_path):
    (tmp_path / "w").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 90868376\n")
    with pytest.raises(ModelUnavailable) as raised:
        Weights([tmp_path / "w"])
    assert "git lfs pull" in raised.value.hint


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelUnavailable, match="absent"):
        Weights([tmp_path / "absent"])


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 99]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [4, 0]}},
        {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2]}},
        {"a": 7},
    ],
)
def test_a_header_that_does_not_fit_the_file_is_refused(tmp_path, header):
    text = json.dumps(header).encode()
    (tmp_path / "w").write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(ModelUnavailable, match="damaged"):
        Weights([tmp_path / "w"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_an_error_of_ours_or_harmless(tmp_path, data):
    tiny.write_safetensors(tmp_path / "w", VALUES)
    whole = bytearray((tmp_path / "w").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "w").write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(ModelUnavailable):
        Weights([tmp_path / "w"]).read("a.weight")
