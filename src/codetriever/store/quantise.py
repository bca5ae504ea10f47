"""How precise is a stored vector? Eight bits for each number, whichever store keeps it: so both find a chunk equally near."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 rows and the scales that make them unit vectors; each row depends on itself alone."""
    peaks = np.abs(vectors).max(axis=1, initial=0)
    factors = np.divide(127, peaks, out=np.zeros_like(peaks), where=peaks > 0)
    rows = np.rint(vectors * factors[:, None]).astype(np.int8)
    norms = np.sqrt(np.square(rows, dtype=np.int32).sum(axis=1)).astype(np.float32)
    scales: NDArray[np.float32] = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    return rows, scales
