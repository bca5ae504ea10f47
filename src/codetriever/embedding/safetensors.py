"""What is in a file of weights? The safetensors format: https://github.com/huggingface/safetensors.

Eight bytes say how long the JSON header is, which says for each tensor where in the rest of the file it lies. Nothing in the file is
executed. Weights of 16 bits are widened to float32 when they are read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.errors import ModelUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_LARGEST_HEADER_BYTES = 100 << 20
_ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_POINTER = b"version https://git-lfs"


class Weights:
    """The tensors of one model, from one file or several; each is read when it is asked for."""

    def __init__(self, paths: list[Path]) -> None:
        """Open the files; raises `ModelUnavailable` when one is missing, cut off or something else."""
        self.paths = paths
        self._places: dict[str, tuple[Path, int, dict[str, Any]]] = {}
        for path in paths:
            start, header = _header(path)
            for name, place in header.items():
                self._places[name] = (path, start, place)
        # Some files name the encoder's tensors after the model that holds it.
        self._prefix = next((prefix for prefix in ("", "bert.", "model.") if self._has_prefix(prefix)), "")

    def _has_prefix(self, prefix: str) -> bool:
        return any(prefix + name in self._places for name in ("embeddings.word_embeddings.weight", "embed_tokens.weight"))

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._places

    def read(self, name: str) -> NDArray[np.float32]:
        """Return a tensor as float32; raises `ModelUnavailable` when it is not there or holds no numbers."""
        found = self._places.get(self._prefix + name)
        if found is None:
            raise ModelUnavailable(f"{self.paths[0]} has no weights called {name!r}.", hint="The model is of another kind than it says.")
        path, start, place = found
        kind, (first, end) = place["dtype"], place["data_offsets"]
        if kind not in _ITEM_BYTES:
            raise ModelUnavailable(f"The weights {name!r} in {path} are of type {kind}.", hint=f"Known are {', '.join(_ITEM_BYTES)}.")
        raw = np.memmap(path, np.uint8, "r", offset=start + first, shape=(end - first,)) if end > first else np.empty(0, np.uint8)
        values = _widened(np.asarray(raw), kind).reshape(place["shape"])
        if not np.isfinite(values).all():
            raise ModelUnavailable(f"The weights {name!r} in {path} hold numbers that are none.", hint="Get the file again.")
        return values

    def optional(self, name: str) -> NDArray[np.float32] | None:
        """Return a tensor as float32, None when it is not there."""
        return self.read(name) if name in self else None


def _widened(raw: NDArray[np.uint8], kind: str) -> NDArray[np.float32]:
    if kind == "BF16":
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
    return raw.view("<f4" if kind == "F32" else "<f2").astype(np.float32)


def _header(path: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return where the tensors begin and what the header says of each."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            lead = file.read(8)
            length = int.from_bytes(lead, "little")
            if lead == _POINTER[:8]:
                raise ModelUnavailable(f"{path} is only a pointer to the weights.", hint="Get the file itself: git lfs pull")
            if len(lead) < 8 or length > min(size, _LARGEST_HEADER_BYTES):
                raise _damaged(path, "it does not begin as a file of weights does")
            header = json.loads(file.read(length))
    except OSError as error:
        raise ModelUnavailable(f"The weights cannot be read: {path}: {error.strerror}.") from error
    except ValueError:
        raise _damaged(path, "its header is no JSON") from None
    header.pop("__metadata__", None)
    for name, place in header.items():
        _check(path, name, place, size - 8 - length)
    return 8 + length, header


def _check(path: Path, name: str, place: Any, data_bytes: int) -> None:
    try:
        first, end = place["data_offsets"]
        kind, shape = place["dtype"], place["shape"]
        count = int(np.prod(shape, dtype=object)) if shape else 1
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, f"its header does not describe {name!r}") from None
    if not 0 <= first <= end <= data_bytes:
        raise _damaged(path, f"it ends before {name!r} does")
    if kind in _ITEM_BYTES and end - first != count * _ITEM_BYTES[kind]:
        raise _damaged(path, f"{name!r} has another size than its shape")


def _damaged(path: Path, why: str) -> ModelUnavailable:
    return ModelUnavailable(f"The file of weights is damaged, {why}: {path}", hint="Get the file again.")
