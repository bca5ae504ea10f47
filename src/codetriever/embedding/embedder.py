"""The embedder seam: where is a text in space?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """What an embedder's author writes: a name, a width, and one method."""

    model: str
    """Names the model and its version; vectors are stored under it, and vectors of different models are never compared."""

    dimensions: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows, `(len(texts), dimensions) float32`; a text without meaning may be a zero row."""
        ...
