"""The embedder seam: where is a text in space?

An embedder's author writes the three members of `Embedder` and names the class, or a function that returns one, as an entry point of the
group `codetriever.embedders`; the setting `model` then names it. Whatever it answers is looked at before it is used. One that several
threads may ask at once says how many in an attribute `concurrency`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from codetriever.errors import CodetrieverError, EmbedderFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_UNIT = 1e-3  # how far from 1 a row's length may be and still count as a rounding error


class Embedder(Protocol):
    """What an embedder's author writes: a name, a width, and one method."""

    @property
    def model(self) -> str:
        """Names the model and its version; vectors are stored under it, and vectors of different models are never compared."""
        ...

    @property
    def dimensions(self) -> int:
        """How wide the rows are."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows, `(len(texts), dimensions) float32`; a text without meaning may be a zero row."""
        ...


class QuestionEmbedder(Protocol):
    """An embedder that treats questions in another way than code."""

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a question, `(dimensions,) float32`."""
        ...


def embed_texts(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the embedder's rows for the texts, of unit length or zero; `EmbedderFailed` says what else it did."""
    return _asked(embedder, lambda: embedder.embed(texts), (len(texts), embedder.dimensions))


def embed_question(embedder: Embedder, text: str) -> NDArray[np.float32]:
    """Return the vector of a question, `(dimensions,) float32`, of unit length or zero; raises `EmbedderFailed`."""
    embed_query: Callable[[str], NDArray[np.float32]] | None = getattr(embedder, "embed_query", None)  # as a `QuestionEmbedder` has it
    if embed_query is not None:
        return _asked(embedder, lambda: embed_query(text), (embedder.dimensions,))
    vector: NDArray[np.float32] = embed_texts(embedder, [text])[0]
    return vector


def _asked(embedder: Embedder, ask: Callable[[], NDArray[np.float32]], shape: tuple[int, ...]) -> NDArray[np.float32]:
    try:
        rows = np.asarray(ask(), np.float32)
    except CodetrieverError:
        raise
    except Exception as error:
        raise EmbedderFailed(f"The embedder {embedder.model} failed: {type(error).__name__}: {error}") from error
    if rows.shape != shape:
        raise EmbedderFailed(f"The embedder {embedder.model} answered {rows.shape} where {shape} was asked for.", hint=_AUTHOR)
    squares = np.vecdot(rows, rows)
    if np.all((np.abs(squares - 1) <= _UNIT) | (squares == 0)):  # as a rule, and told in a fifth of the time
        return rows
    if not np.isfinite(rows).all():
        raise EmbedderFailed(f"The embedder {embedder.model} answered with numbers that are none (NaN or infinite).", hint=_AUTHOR)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    if np.any((np.abs(lengths - 1) > _UNIT) & (lengths > 0)):
        rows = np.divide(rows, np.where(lengths > 0, lengths, 1), dtype=np.float32)
    return rows


_AUTHOR = "Another one can be chosen: codetriever model list"
