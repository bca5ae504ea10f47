"""Vectors of several models lie side by side; those of a model that nobody asks for go after a month."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np
from tests.contract.blobs import DIMENSIONS, embed_chunks, index
from tests.store.test_lifetime import FILES, KEY, fill

from codetriever.store.embedded import EmbeddedStore, open_store
from codetriever.store.embedded.sweep import UNUSED_MODEL_S
from codetriever.store.embedded.used import model_mark

if TYPE_CHECKING:
    from pathlib import Path


def with_model(folder: Path, model: str) -> EmbeddedStore:
    return open_store(folder, model=model, dimensions=DIMENSIONS)


def change(folder: Path, model: str, text: bytes) -> int:
    """Index a change with a model; return how many chunks it had to embed that were stored without its vectors."""
    with with_model(folder, model).writer() as writer:
        index(writer, KEY, FILES | {"changed": text})
        return writer.embed_missing(embed_chunks)


def last_used(folder: Path, model: str, *, days_ago: float) -> None:
    moment = time.time() - days_ago * 86_400
    os.utime(folder / "used" / model_mark(model), (moment, moment))


def test_two_models_used_in_turns_embed_only_what_is_new(tmp_path: Path) -> None:
    fill(tmp_path)
    first = change(tmp_path, "other", b"one line\n")
    assert first >= 40
    assert change(tmp_path, "m", b"another line\n") <= 2
    assert change(tmp_path, "other", b"a third line\n") <= 2
    for model in ("m", "other"):
        with with_model(tmp_path, model).snapshot(KEY) as snapshot:
            assert snapshot.nearest(np.ones(DIMENSIONS, np.float32) / np.sqrt(DIMENSIONS), 5)[0].size == 5


def test_a_model_that_nobody_asked_for_in_a_month_goes(tmp_path: Path) -> None:
    fill(tmp_path)
    change(tmp_path, "other", b"one line\n")
    last_used(tmp_path, "other", days_ago=UNUSED_MODEL_S / 86_400 + 1)
    change(tmp_path, "m", b"another line\n")
    assert not (tmp_path / "used" / model_mark("other")).exists()
    assert change(tmp_path, "other", b"a third line\n") >= 40
    with_model(tmp_path, "other").verify()


def test_asking_keeps_a_model(tmp_path: Path) -> None:
    fill(tmp_path)
    change(tmp_path, "other", b"one line\n")
    last_used(tmp_path, "other", days_ago=100)
    with with_model(tmp_path, "other").snapshot(KEY):
        pass
    change(tmp_path, "m", b"another line\n")
    assert change(tmp_path, "other", b"a third line\n") <= 2


def test_a_model_of_an_index_without_marks_has_a_month_from_now(tmp_path: Path) -> None:
    fill(tmp_path)
    change(tmp_path, "other", b"one line\n")
    (tmp_path / "used" / model_mark("other")).unlink()
    change(tmp_path, "m", b"another line\n")
    assert change(tmp_path, "other", b"a third line\n") <= 2
