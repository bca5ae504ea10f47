"""How do stored chunks get the vectors of another model? From stored content, some hundred chunks per transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.errors import CodetrieverError, EmbedderFailed
from codetriever.store.postgres import arrays
from codetriever.store.postgres.database import transaction, translated
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.scan import cut, made_signs
from codetriever.store.quantise import quantise
from codetriever.types import StoredChunk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import Connection

    Embed = Callable[[Sequence[StoredChunk]], NDArray[np.float32]]

CHUNKS_AT_ONCE = 256
_BLOBS_AT_ONCE = 64
_SIGNED_AT_ONCE = 1000


def embed_missing(connection: Connection[Any], scope: Mapping[str, Any], embed: Embed, halfvec_type: int) -> int:
    """Complete the model's vectors; returns how many chunks were embedded. What was embedded stays when a later one fails."""
    embedded, last = 0, -1
    with translated():
        while True:
            with transaction(connection, scope["tenant"]):
                more = {**scope, "after": last, "limit": _BLOBS_AT_ONCE}
                blobs = connection.execute(query("blobs_to_embed"), more, binary=True).fetchall()
                wanted = [one for blob in blobs for one in _chunks(connection, scope, *blob)]
            if not blobs:
                break
            for start in range(0, len(wanted), CHUNKS_AT_ONCE):
                _embed(connection, scope, wanted[start : start + CHUNKS_AT_ONCE], embed, halfvec_type)
            embedded += len(wanted)
            last = blobs[-1][0]
    if embedded:
        sign_missing(connection, scope)
    return embedded


def sign_missing(connection: Connection[Any], scope: Mapping[str, Any]) -> None:
    """Write the signs of the blobs that have vectors of a model, whichever, and no signs."""
    with translated():
        with transaction(connection, scope["tenant"]):
            models = [model for (model,) in connection.execute(query("models_to_sign"), scope, binary=True).fetchall()]
        for model in models:
            after: int | None = -1
            while after is not None:
                with transaction(connection, scope["tenant"]):
                    after = _sign(connection, {**scope, "model": model, "after": after, "limit": _SIGNED_AT_ONCE})


def _sign(connection: Connection[Any], asked: Mapping[str, Any]) -> int | None:
    """Write the signs of the next blobs and return the last of these, None when there are none."""
    (row,) = connection.execute(query("blobs_to_sign"), asked, binary=True).fetchall()
    if row[0] is None:
        return None
    blobs, counts = row
    signs = np.concatenate([made for _, made in made_signs(connection, asked, blobs)])
    rows = {"signed": arrays.bigints(blobs), "signs": arrays.byteas(cut(signs, counts.tolist()))}
    connection.execute(query("add_signs"), {**asked, **rows}, binary=True)
    return int(blobs[-1])


def _chunks(
    connection: Connection[Any], scope: Mapping[str, Any], blob: int, language: str, encoding: str, content: bytes
) -> list[tuple[int, int, StoredChunk]]:
    """Return blob, position and the chunk itself for each chunk of a blob that has no vector yet."""
    from codetriever.compression import decompressed

    data = decompressed(content)
    rows = connection.execute(query("chunks_to_embed"), {**scope, "blob": blob}, binary=True).fetchall()
    return [(blob, index, StoredChunk(name, data[start:end], language, encoding)) for index, start, end, name in rows]


def _embed(
    connection: Connection[Any], scope: Mapping[str, Any], wanted: Sequence[tuple[int, int, StoredChunk]], embed: Embed, halfvec_type: int
) -> None:
    blobs, indexes, chunks = zip(*wanted, strict=True)
    try:
        vectors = np.asarray(embed(chunks), np.float32)
    except CodetrieverError:
        raise
    except Exception as error:
        raise EmbedderFailed(f"The embedder {scope['model']} failed: {error!r}.") from error
    if vectors.ndim != 2 or len(vectors) != len(chunks) or vectors.shape[1] != scope["dimensions"]:
        raise EmbedderFailed(f"The embedder {scope['model']} answered {vectors.shape} for {len(chunks)} texts.")
    rows = {
        "blobs": arrays.bigints(np.array(blobs, np.int64)),
        "indexes": arrays.ints(np.array(indexes, np.int64)),
        "vectors": arrays.halfvecs(quantise(vectors)[0], halfvec_type),
    }
    with transaction(connection, scope["tenant"]):
        connection.execute(query("add_vectors"), {**scope, **rows}, binary=True)
