"""Small models in the format that the hub has them in, with weights made of sines: the same on every machine."""

import json
import zlib

import numpy as np

WORDS = "open close file read write session token user the a of def return import class self for in where are refreshed _ . ( ) : ,".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
CLS = {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
LAST = {"pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True}

BERT = {
    "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 24, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "vocab_size": 40, "hidden_act": "gelu",
}  # fmt: skip
NOMIC = {
    "model_type": "nomic_bert", "n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 48, "n_positions": 64, "vocab_size": 40,
    "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "activation_function": "swiglu", "prenorm": False, "layer_norm_epsilon": 1e-12,
}  # fmt: skip
QWEN2 = {
    "model_type": "qwen2", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 48, "max_position_embeddings": 64, "rope_theta": 1e6, "rms_norm_eps": 1e-6, "vocab_size": 40,
    "use_sliding_window": False,
}  # fmt: skip
QWEN3 = {**QWEN2, "model_type": "qwen3", "head_dim": 16}


def shapes(config):
    """The name and shape of every weight of a model, as its authors call them."""
    if config["model_type"] == "bert":
        return bert_shapes(config)
    return nomic_shapes(config) if config["model_type"] == "nomic_bert" else qwen_shapes(config)


def bert_shapes(config):
    width, wide = config["hidden_size"], config["intermediate_size"]
    yield "embeddings.word_embeddings.weight", (config["vocab_size"], width)
    yield "embeddings.position_embeddings.weight", (config["max_position_embeddings"], width)
    yield "embeddings.token_type_embeddings.weight", (config["type_vocab_size"], width)
    yield from norm("embeddings.LayerNorm", width)
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            yield from linear(layer + name, width, width)
        yield from norm(layer + "attention.output.LayerNorm", width)
        yield from linear(layer + "intermediate.dense", wide, width)
        yield from linear(layer + "output.dense", width, wide)
        yield from norm(layer + "output.LayerNorm", width)


def nomic_shapes(config):
    width, wide = config["n_embd"], config["n_inner"]
    yield "embeddings.word_embeddings.weight", (config["vocab_size"], width)
    yield "embeddings.token_type_embeddings.weight", (2, width)
    yield from norm("emb_ln", width)
    for number in range(config["n_layer"]):
        layer = f"encoder.layers.{number}."
        yield layer + "attn.Wqkv.weight", (3 * width, width)
        yield layer + "attn.out_proj.weight", (width, width)
        yield layer + "mlp.fc11.weight", (wide, width)
        yield layer + "mlp.fc12.weight", (wide, width)
        yield layer + "mlp.fc2.weight", (width, wide)
        yield from norm(layer + "norm1", width)
        yield from norm(layer + "norm2", width)


def qwen_shapes(config):
    width, wide, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    head, groups, is_third = config.get("head_dim", width // heads), config["num_key_value_heads"], config["model_type"] == "qwen3"
    yield "embed_tokens.weight", (config["vocab_size"], width)
    for number in range(config["num_hidden_layers"]):
        layer = f"layers.{number}."
        for part, count in (("q", heads), ("k", groups), ("v", groups)):
            yield f"{layer}self_attn.{part}_proj.weight", (count * head, width)
            if not is_third:
                yield f"{layer}self_attn.{part}_proj.bias", (count * head,)
            elif part != "v":
                yield f"{layer}self_attn.{part}_norm.weight", (head,)
        yield layer + "self_attn.o_proj.weight", (width, heads * head)
        yield layer + "mlp.gate_proj.weight", (wide, width)
        yield layer + "mlp.up_proj.weight", (wide, width)
        yield layer + "mlp.down_proj.weight", (width, wide)
        yield layer + "input_layernorm.weight", (width,)
        yield layer + "post_attention_layernorm.weight", (width,)
    yield "norm.weight", (width,)


def norm(name, width):
    yield name + ".weight", (width,)
    yield name + ".bias", (width,)


def linear(name, outputs, inputs):
    yield name + ".weight", (outputs, inputs)
    yield name + ".bias", (outputs,)


def weight(name, shape):
    """Sines whose phase is the name's; scaled so that no layer drowns another, norms around one."""
    count = int(np.prod(shape))
    wave = np.sin(np.arange(count) * 1.7 + zlib.crc32(name.encode()) % 1000)
    is_norm = len(shape) == 1 and name.endswith(".weight")
    return (1 + 0.1 * wave if is_norm else 0.3 * wave).reshape(shape).astype(np.float32)


def make_weights(config):
    return {name: weight(name, shape) for name, shape in shapes(config)}


def write_safetensors(path, tensors, *, kind="F32"):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        raw = as_bytes(values, kind)
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def as_bytes(values, kind):
    if kind == "BF16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype("<f4" if kind == "F32" else "<f2").tobytes()


def write_tokenizer(path):
    """Words and single characters; what the vocabulary lacks is [UNK]; [CLS] before and [SEP] behind, as BERT has it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate((*SPECIAL, *WORDS))}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding(length=16)  # as a tokenizer.json may come: loading it has to undo both
    tokenizer.enable_truncation(max_length=5)
    tokenizer.save(str(path))


def write_model(folder, config=None, *, pooling=None, window=None, prompts=None, kind="F32", without=()):
    """Make the folder of a model."""
    config = config or BERT
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / "model.safetensors", make_weights(config), kind=kind)
    write_tokenizer(folder / "tokenizer.json")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling or MEAN))
    modules = [{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}]
    modules.append({"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"})
    (folder / "modules.json").write_text(json.dumps(modules))
    if window:
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": window, "do_lower_case": False}))
    if prompts:
        (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    for name in without:
        (folder / name).unlink()
    return folder
