"""What is a question about, for who has to choose among many repositories before it is answered?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetriever.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codetriever.search.query import Query


@dataclass(frozen=True, slots=True)
class Asked:
    """One of these is set: a `query` with its vector, an `example` to be found first, a `symbol` whose usages are wanted, a `path`."""

    query: Query | None = None
    vector: NDArray[np.float32] | None = None
    vector_share: float | None = None
    example: str = ""
    symbol: str = ""
    path: str | None = None
