"""A sentence transformer on this machine: where is a text in space, by what it means to a language model?

ONNX Runtime computes; the graph is one of ours over the model's weights (`encoders.py`), or an ONNX file that came with the model. A text
with more tokens than the model takes at once is read in pieces, whose vectors are averaged by their lengths: nothing of a chunk is left
out. Texts are sorted by length into batches, and batches run side by side on a thread each: one run on several threads costs more of
the processor, and on a busy machine more time too. With int8 every text runs alone, which is as fast, and makes its vector independent
of the texts beside it.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from codetriever.embedding.batching import Workers, by_size
from codetriever.embedding.encoders import HIDDEN, IDS, MASK, encoder_graph, encoder_kind
from codetriever.embedding.safetensors import Weights
from codetriever.embedding.sentence_model import checksum
from codetriever.errors import EmbedderFailed, ExtraMissing, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.embedding.sentence_model import SentenceModel

    Encode = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]

ENCODER_VERSION: Final = 1  # raise it when the same model gives other vectors
BATCH_TOKENS: Final = 512  # more is slower: what a layer computes no longer fits the processor's cache
BATCH_TEXTS: Final = 64
MAX_PIECES: Final = 8  # of one text; a chunk has at most four, a snippet that is asked about may have more
_CHARACTERS_PER_TOKEN: Final = 16  # at most, for cutting a huge text before it is tokenised
_SMALL: Final = ("quantized", "int8")


@dataclass(frozen=True, slots=True)
class Source:
    """What a model is computed from: its weights, or one of its ONNX files."""

    paths: tuple[Path, ...]
    is_graph: bool
    is_quantised: bool


def choose_source(model: SentenceModel, *, is_quantised: bool) -> Source:
    """Return the best source of a model: weights that a graph of ours fits, else an ONNX file; raises `ModelUnavailable`."""
    if model.weights and encoder_kind(model.config, Weights(list(model.weights))):
        return Source(model.weights, is_graph=False, is_quantised=is_quantised)
    small = [path for path in model.graphs if any(word in path.stem for word in _SMALL)]
    whole = [path for path in model.graphs if path.stem == "model"]
    for path in (*(small if is_quantised else ()), *whole, *small):
        return Source((path,), is_graph=True, is_quantised=path in small)
    kind = model.config.get("model_type")
    raise ModelUnavailable(
        f"{model.folder} is of type {kind!r}, and has no ONNX file.",
        hint=f"Make one: pip install optimum[onnx]; optimum-cli export onnx --model {model.folder} FOLDER",
    )


class TransformerEmbedder:
    """A sentence model; its files are checked at once, and loaded when it is first asked. Several threads may ask."""

    def __init__(self, model: SentenceModel, *, is_quantised: bool = True, threads: int = 1) -> None:
        """Name and check the model; raises `ExtraMissing` and `ModelUnavailable`."""
        _import_runtime()
        self.described = model
        self.source = choose_source(model, is_quantised=is_quantised)
        self.dimensions = model.dimensions
        self.checksum = checksum((*self.source.paths, model.tokenizer))
        precision = "int8" if self.source.is_quantised else "float32"
        facts = (ENCODER_VERSION, self.checksum, precision, model.window, model.pooling, model.prompts.query, model.prompts.passage)
        self.model = f"transformer-{model.name.replace('/', '-')}-{precision}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:12]}"
        self.concurrency = min(2, max(1, threads))  # while one batch of chunks ends, the next one begins
        self._workers = Workers(max(1, threads), "codetriever-transformer")
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows, `(len(texts), dimensions) float32`; a text of nothing but white space is a zero row."""
        return self._embed(texts, self.described.prompts.passage)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a question, `(dimensions,) float32`."""
        vector: NDArray[np.float32] = self._embed([text], self.described.prompts.query)[0]
        return vector

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, the model's own marks included."""
        return [sum(map(len, pieces)) for pieces in self._pieces(texts, self.described.prompts.passage)]

    def _embed(self, texts: Sequence[str], prompt: str) -> NDArray[np.float32]:
        rows = [row for row, text in enumerate(texts) if text.strip()]
        pieces = self._pieces([texts[row] for row in rows], prompt)
        owners = [row for row, parts in zip(rows, pieces, strict=True) for _ in parts]
        tokens = [part for parts in pieces for part in parts]
        most = 1 if self.source.is_quantised else BATCH_TEXTS
        batches = by_size([len(part) for part in tokens], most=most, most_size=BATCH_TOKENS)
        out = np.zeros((len(texts), self.dimensions), np.float32)
        encode = self._encoder
        results = self._workers.map(lambda batch: self._run(encode, [tokens[position] for position in batch]), batches)
        for batch, vectors in zip(batches, results, strict=True):
            for position, vector in zip(batch, vectors, strict=True):
                out[owners[position]] += vector * len(tokens[position])
        lengths = np.linalg.norm(out[rows], axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise EmbedderFailed(f"The model {self.model} made of some text a vector that is none.", hint="codetriever model check")
        out[rows] /= lengths
        return out

    def _run(self, encode: Encode, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the unit vectors of a batch, `(len(tokens), dimensions)`."""
        ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(tokens):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        vectors = pooled(encode(ids, mask), mask, self.described.pooling)
        if vectors.shape != (len(tokens), self.dimensions):
            said = f"{vectors.shape[-1]} dimensions, and its config.json says {self.dimensions}"
            raise ModelUnavailable(f"The model {self.described.folder} answers with {said}.", hint="Get the whole folder again.")
        result: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
        return result

    def _pieces(self, texts: Sequence[str], prompt: str) -> list[list[Sequence[int]]]:
        """Return the tokens of each text, in pieces that the model takes at once."""
        most = MAX_PIECES * self.described.window * _CHARACTERS_PER_TOKEN
        whole = [(prompt + text[:most]).encode("utf-8", "replace").decode() for text in texts]
        found = [[one.ids, *(more.ids for more in one.overflowing)][:MAX_PIECES] for one in self._tokenizer.encode_batch_fast(whole)]
        return [[part for part in parts if part] for parts in found]

    @cached_property
    def _tokenizer(self) -> Any:
        """Configured once: nothing is padded, what is too long goes on in a further piece."""
        tokenizers = _import_tokenizers()
        try:
            tokenizer = tokenizers.Tokenizer.from_file(str(self.described.tokenizer))
        except Exception as error:  # the library raises nothing more special
            raise ModelUnavailable(f"{self.described.tokenizer} is damaged: {error}", hint="Get the file again.") from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.described.window)
        return tokenizer

    @property
    def _encoder(self) -> Encode:
        with self._lock:
            return self._loaded_encoder

    @cached_property
    def _loaded_encoder(self) -> Encode:
        model, source = self.described, self.source
        if source.is_graph:
            return _session(str(source.paths[0]), model)
        weights = Weights(list(source.paths))
        return _session(encoder_graph(model.config, weights, is_quantised=source.is_quantised, max_tokens=model.window), model)


def pooled(hidden: NDArray[np.float32], mask: NDArray[np.int64], how: str) -> NDArray[np.float32]:
    """Make one vector of the vectors of each text's tokens, `(texts, tokens, dimensions)`; one that is made already stays."""
    if hidden.ndim == 2:
        return hidden
    result: NDArray[np.float32]
    if how == "cls":
        result = hidden[:, 0]
    elif how == "last":
        result = hidden[np.arange(len(hidden)), mask.sum(axis=1) - 1]
    else:
        shares = mask / mask.sum(axis=1, keepdims=True)
        result = np.einsum("ntd,nt->nd", hidden, shares.astype(np.float32))
    return result


def _session(graph: bytes | str, model: SentenceModel) -> Encode:
    """Load a graph, and return what runs it; raises `ModelUnavailable`."""
    runtime = _import_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library has many, none of them public
        raise ModelUnavailable(f"The model in {model.folder} cannot be loaded: {error}", hint="Get its files again.") from error
    inputs = {one.name: one.shape for one in session.get_inputs()}
    outputs = [one.name for one in session.get_outputs()]
    output = next((name for name in (HIDDEN, "token_embeddings", "sentence_embedding") if name in outputs), outputs[0])

    def encode(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        given: dict[str, NDArray[Any]] = {IDS: ids, MASK: mask, "token_type_ids": np.zeros_like(ids)}
        given["position_ids"] = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        for name in inputs.keys() - given.keys():
            given[name] = _nothing_before(name, inputs[name], len(ids), model)
        answer = session.run([output], {name: given[name] for name in inputs})[0]
        return np.asarray(answer, np.float32)

    return encode


def _nothing_before(name: str, shape: Sequence[int | str], texts: int, model: SentenceModel) -> NDArray[np.float32]:
    """Return the empty memory of what came before the text, which exports of generating models ask for."""
    if not name.startswith("past_key_values") or len(shape) != 4 or not all(isinstance(shape[place], int) for place in (1, 3)):
        raise ModelUnavailable(f"The graph in {model.folder} asks for {name!r}.", hint="Export it for feature extraction.")
    return np.zeros((texts, int(shape[1]), 0, int(shape[3])), np.float32)


def _import_runtime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise ExtraMissing("Transformers need ONNX Runtime.", hint=_EXTRA) from None
    return onnxruntime


def _import_tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise ExtraMissing("Transformers need the package tokenizers.", hint=_EXTRA) from None
    return tokenizers


_EXTRA: Final = "pip install 'codetriever[transformer]'"
