"""Which computation turns tokens into vectors? Graphs for the kinds of transformer that code models are made of.

Each is written down from the weights, so that no file but the weights is needed and nothing that came with a model is executed:

bert    Devlin et al., "BERT" (2019): absolute positions, biases everywhere. MiniLM, BGE, E5, GTE.
nomic   Nussbaum et al., "Nomic Embed" (2024): rotary positions, gated feed-forward, no biases. CodeRankEmbed.
qwen    Qwen Team, "Qwen2.5" and "Qwen3" (2025): causal, rotary positions, grouped heads. jina-code-embeddings, Qwen3-Embedding.

With int8, products quantise the weights by column (kept) and the activations by tensor (as they come), so a text has to run alone to
have the same vector always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.embedding.onnx_writer import FLOAT, INT32, LARGEST_BYTES, MICROSOFT, Graph
from codetriever.errors import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from codetriever.embedding.safetensors import Weights

    Build = Callable[[Mapping[str, Any], Weights, "_Layers", int], str]

IDS, MASK, HIDDEN = "input_ids", "attention_mask", "last_hidden_state"
_ROWS, _TOKENS = "texts", "tokens"


def encoder_kind(config: Mapping[str, Any], weights: Weights) -> str | None:
    """Return which of the graphs fits a model's `config.json` and weights; None when none does."""
    kind = config.get("model_type")
    if "encoder.layers.0.attn.Wqkv.weight" in weights and kind == "nomic_bert":
        return "nomic"
    if kind in ("qwen2", "qwen3") and not config.get("use_sliding_window"):
        return "qwen"
    is_plain = config.get("position_embedding_type", "absolute") == "absolute" and config.get("hidden_act", "gelu") == "gelu"
    return "bert" if kind == "bert" and is_plain and "encoder.layer.0.attention.self.query.weight" in weights else None


def encoder_graph(config: Mapping[str, Any], weights: Weights, *, is_quantised: bool, max_tokens: int) -> bytes:
    """Return an ONNX model from `input_ids` and `attention_mask`, both `(texts, tokens)`, to `last_hidden_state`, `(…, dimensions)`.

    Raises `ModelUnavailable` when a weight is missing or no graph fits.
    """
    kind = encoder_kind(config, weights)
    if kind is None:
        raise ModelUnavailable(f"No graph is known for models of type {config.get('model_type')!r}.")
    builds: Mapping[str, Build] = {"bert": _bert, "nomic": _nomic, "qwen": _qwen}
    graph = Graph()
    ids = graph.input(IDS, (_ROWS, _TOKENS))
    mask = graph.input(MASK, (_ROWS, _TOKENS))
    output = builds[kind](config, weights, _Layers(graph, weights, ids, mask, is_quantised=is_quantised), max_tokens)
    if graph.constant_bytes > LARGEST_BYTES:
        raise ModelUnavailable("The model is larger than 2 GB.", hint="Set model_precision to int8, or use its ONNX files.")
    return graph.model(output, HIDDEN, (_ROWS, _TOKENS, _either(config, "hidden_size", "n_embd")))


class _Layers:
    """The pieces that the graphs share."""

    def __init__(self, graph: Graph, weights: Weights, ids: str, mask: str, *, is_quantised: bool) -> None:
        self.graph = graph
        self.weights = weights
        self.ids = ids
        self.key_mask = graph.node("Cast", mask, to=INT32)
        self._is_quantised = is_quantised

    def vectors_of(self, name: str) -> str:
        """Look up the row of each token."""
        table = self.weights.read(name)
        if not self._is_quantised:
            return self.graph.node("Gather", self.graph.constant(table), self.ids)
        rows, scales = _quantised(table, axis=1)
        picked = self.graph.node("Cast", self.graph.node("Gather", self.graph.constant(rows), self.ids), to=FLOAT)
        return self.graph.node("Mul", picked, self.graph.node("Gather", self.graph.constant(scales), self.ids))

    def product(self, x: str, matrix: NDArray[np.float32], bias: NDArray[np.float32] | None) -> str:
        """Multiply by a matrix given as `(outputs, inputs)`, and add."""
        turned = np.ascontiguousarray(matrix.T)
        added = "" if bias is None else self.graph.constant(bias)
        if self._is_quantised:
            columns, scales = _quantised(turned, axis=0)
            operands = (x, self.graph.constant(columns), self.graph.constant(scales.reshape(-1)), "", added)
            return self.graph.node("DynamicQuantizeMatMul", *operands, domain=MICROSOFT)
        y = self.graph.node("MatMul", x, self.graph.constant(turned))
        return self.graph.node("Add", y, added) if added else y

    def linear(self, x: str, name: str) -> str:
        """Apply the named layer, with its bias if it has one."""
        return self.product(x, self.weights.read(name + ".weight"), self.weights.optional(name + ".bias"))

    def parameter(self, name: str) -> str:
        """Add the named weights as a constant."""
        return self.graph.constant(self.weights.read(name))

    def normalised_sum(self, x: str, residual: str, name: str, epsilon: float) -> str:
        """Add and normalise."""
        scale, shift = self.parameter(name + ".weight"), self.parameter(name + ".bias")
        return self.graph.node("SkipLayerNormalization", x, residual, scale, shift, domain=MICROSOFT, epsilon=epsilon)

    def attention(self, query: str, key: str, value: str, heads: int, *, is_causal: bool = False) -> str:
        """Attend, without what the mask leaves out."""
        operands = (query, key, value, "", self.key_mask)
        return self.graph.node("MultiHeadAttention", *operands, domain=MICROSOFT, num_heads=heads, unidirectional=int(is_causal))

    def positions(self) -> str:
        """Return the position of each token, `(texts, tokens)`."""
        ones = self.graph.node("ConstantOfShape", self.graph.node("Shape", self.ids))
        ones = self.graph.node("Add", self.graph.node("Cast", ones, to=7), self.graph.numbers(1))
        summed = self.graph.node("CumSum", ones, self.graph.constant(np.array(1, np.int64)))
        return self.graph.node("Sub", summed, self.graph.numbers(1))

    def rotation(self, head_size: int, base: float, max_tokens: int) -> tuple[str, str]:
        """Return cosines and sines of rotary positions, `(max_tokens, head_size / 2)` (Su et al., "RoFormer", 2021)."""
        frequencies = base ** -(np.arange(0, head_size, 2, dtype=np.float64) / head_size)
        angles = np.arange(max_tokens)[:, None] * frequencies
        return self.graph.constant(np.cos(angles).astype(np.float32)), self.graph.constant(np.sin(angles).astype(np.float32))

    def rotated(self, x: str, positions: str, rotation: tuple[str, str], heads: int) -> str:
        """Turn each head's vector by its position."""
        return self.graph.node("RotaryEmbedding", x, positions, *rotation, domain=MICROSOFT, num_heads=heads)


def _quantised(values: NDArray[np.float32], *, axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 values and the scale of each line along `axis`."""
    scales = (np.maximum(np.abs(values).max(axis=axis, keepdims=True), np.float32(1e-12)) / np.float32(127)).astype(np.float32)
    return np.rint(values / scales).astype(np.int8), scales


def _bert(config: Mapping[str, Any], weights: Weights, layers: _Layers, max_tokens: int) -> str:
    graph, heads, epsilon = layers.graph, config["num_attention_heads"], float(config.get("layer_norm_eps", 1e-12))
    places = weights.read("embeddings.position_embeddings.weight")[:max_tokens] + weights.read("embeddings.token_type_embeddings.weight")[0]
    tokens = graph.node("Gather", graph.node("Shape", layers.ids), graph.numbers(1))
    positions = graph.node("Slice", graph.constant(places), graph.numbers(0), tokens, graph.numbers(0))
    x = graph.node("Add", layers.vectors_of("embeddings.word_embeddings.weight"), positions)
    norm = (layers.parameter("embeddings.LayerNorm.weight"), layers.parameter("embeddings.LayerNorm.bias"))
    x = graph.node("LayerNormalization", x, *norm, epsilon=epsilon)
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        query, key, value = (layers.linear(x, f"{layer}attention.self.{part}") for part in ("query", "key", "value"))
        attended = layers.linear(layers.attention(query, key, value, heads), layer + "attention.output.dense")
        x = layers.normalised_sum(attended, x, layer + "attention.output.LayerNorm", epsilon)
        wide = graph.node("Gelu", layers.linear(x, layer + "intermediate.dense"), domain=MICROSOFT)
        x = layers.normalised_sum(layers.linear(wide, layer + "output.dense"), x, layer + "output.LayerNorm", epsilon)
    return x


def _nomic(config: Mapping[str, Any], weights: Weights, layers: _Layers, max_tokens: int) -> str:
    graph, heads, width = layers.graph, _either(config, "n_head", "num_attention_heads"), _either(config, "n_embd", "hidden_size")
    epsilon = float(_either(config, "layer_norm_epsilon", "layer_norm_eps"))
    is_gated = _either(config, "activation_function", "hidden_act") in ("swiglu", "silu")
    if config.get("prenorm") or config.get("rotary_emb_fraction", 1.0) != 1.0 or not is_gated:
        raise ModelUnavailable("This variant of nomic_bert is not known: only rotary positions, SwiGLU and normalisation afterwards are.")
    rotation, positions = layers.rotation(width // heads, _rotary_base(config), max_tokens), layers.positions()
    x = layers.vectors_of("embeddings.word_embeddings.weight")
    if "embeddings.token_type_embeddings.weight" in weights:
        x = graph.node("Add", x, graph.constant(weights.read("embeddings.token_type_embeddings.weight")[0]))
    x = graph.node("LayerNormalization", x, layers.parameter("emb_ln.weight"), layers.parameter("emb_ln.bias"), epsilon=epsilon)
    for number in range(_either(config, "n_layer", "num_hidden_layers")):
        layer = f"encoder.layers.{number}."
        mixed = layers.linear(x, layer + "attn.Wqkv")
        query, key, value = graph.nodes("Split", mixed, graph.numbers(width, width, width), outputs=3, axis=-1)
        query, key = (layers.rotated(one, positions, rotation, heads) for one in (query, key))
        attended = layers.linear(layers.attention(query, key, value, heads), layer + "attn.out_proj")
        x = layers.normalised_sum(attended, x, layer + "norm1", epsilon)
        gated = _gated(graph, layers.linear(x, layer + "mlp.fc12"), layers.linear(x, layer + "mlp.fc11"))
        x = layers.normalised_sum(layers.linear(gated, layer + "mlp.fc2"), x, layer + "norm2", epsilon)
    return x


def _either(config: Mapping[str, Any], name: str, other: str) -> Any:
    """Return what stands under one of the two names that versions of a model's configuration use."""
    return config[name] if name in config else config[other]


def _rotary_base(config: Mapping[str, Any]) -> float:
    named = config.get("rotary_emb_base") or config.get("rope_theta") or (config.get("rope_parameters") or {}).get("rope_theta")
    return float(named or 10_000)


def _gated(graph: Graph, gate: str, x: str) -> str:
    """Multiply by the SiLU of the gate (Shazeer, "GLU Variants Improve Transformer", 2020)."""
    return graph.node("Mul", graph.node("Mul", gate, graph.node("Sigmoid", gate)), x)


def _qwen(config: Mapping[str, Any], weights: Weights, layers: _Layers, max_tokens: int) -> str:
    graph, heads, epsilon = layers.graph, config["num_attention_heads"], float(config.get("rms_norm_eps", 1e-6))
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    rotation, positions = layers.rotation(head_size, _rotary_base(config), max_tokens), layers.positions()
    x = layers.vectors_of("embed_tokens.weight")
    for number in range(config["num_hidden_layers"]):
        layer = f"layers.{number}."
        normed = _root_mean_square(layers, x, layer + "input_layernorm.weight", epsilon)
        query = _heads(layers, normed, layer + "self_attn.q", heads, head_size, epsilon)
        key = _heads(layers, normed, layer + "self_attn.k", config["num_key_value_heads"], head_size, epsilon)
        query = layers.rotated(query, positions, rotation, heads)
        key = layers.rotated(key, positions, rotation, config["num_key_value_heads"])
        value = layers.linear(normed, layer + "self_attn.v_proj")
        key, value = (_repeated(graph, one, config["num_key_value_heads"], heads, head_size) for one in (key, value))
        attended = layers.linear(layers.attention(query, key, value, heads, is_causal=True), layer + "self_attn.o_proj")
        x = graph.node("Add", x, attended)
        normed = _root_mean_square(layers, x, layer + "post_attention_layernorm.weight", epsilon)
        gated = _gated(graph, layers.linear(normed, layer + "mlp.gate_proj"), layers.linear(normed, layer + "mlp.up_proj"))
        x = graph.node("Add", x, layers.linear(gated, layer + "mlp.down_proj"))
    return _root_mean_square(layers, x, "norm.weight", epsilon)


def _root_mean_square(layers: _Layers, x: str, name: str, epsilon: float) -> str:
    """Normalise by the root mean square (Zhang and Sennrich, 2019)."""
    return layers.graph.node("SimplifiedLayerNormalization", x, layers.parameter(name), epsilon=epsilon, axis=-1)


def _heads(layers: _Layers, x: str, name: str, heads: int, head_size: int, epsilon: float) -> str:
    """Project to heads, each normalised where the model does that (Qwen3)."""
    graph, y = layers.graph, layers.linear(x, name + "_proj")
    if f"{name}_norm.weight" not in layers.weights:
        return y
    y = graph.node("Reshape", y, graph.numbers(0, 0, heads, head_size))
    y = _root_mean_square(layers, y, f"{name}_norm.weight", epsilon)
    return graph.node("Reshape", y, graph.numbers(0, 0, heads * head_size))


def _repeated(graph: Graph, x: str, groups: int, heads: int, head_size: int) -> str:
    """Give each group of query heads its key or value head: `(texts, tokens, heads * head_size)`."""
    if groups == heads:
        return x
    x = graph.node("Reshape", x, graph.numbers(0, 0, groups, 1, head_size))
    x = graph.node("Expand", x, graph.numbers(1, 1, 1, heads // groups, 1))
    return graph.node("Reshape", x, graph.numbers(0, 0, heads * head_size))
