"""How does a database tell the same cosines as the files do, to the last digit?

A vector is kept as the whole numbers of its int8 row, which half precision holds exactly. So it does a question's numbers, which are
whole as well, in two parts: how often 2048 goes into them, and what is left. Every sum that the server makes of products is exact then,
and the client scales it as it does with sums of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.store.postgres import arrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.store.likeness import Question

_PART = 2048.0  # half precision holds every whole number up to this one; the queries name it too


def asked(question: Question) -> dict[str, arrays.Binary]:
    """Return the parameters that give a question in two parts."""
    high = np.rint(question.whole / np.float32(_PART))
    return {"high": arrays.halfvec(high), "low": arrays.halfvec(question.whole - np.float32(_PART) * high)}


def cosines(question: Question, products: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return cosines by the products of rows with the question and with themselves."""
    return question.scaled(products.astype(np.float32), scales(squares))


def scales(squares: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what makes unit vectors of rows with these squares, 0 for a zero row."""
    norms = np.sqrt(squares).astype(np.float32)
    found: NDArray[np.float32] = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    return found


def unit_vectors(rows: Sequence[bytes]) -> NDArray[np.float32]:
    """Return the unit vectors of `halfvec` rows as they are sent, zero rows as they are."""
    matrix = np.stack([arrays.from_halfvec(row) for row in rows])
    return matrix * scales(np.square(matrix, dtype=np.float64).sum(axis=1))[:, None]
