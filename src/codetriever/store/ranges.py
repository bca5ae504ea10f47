"""Which chunks do groups of them hold, that are told by where each begins and how many there are?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ranges(starts: NDArray[np.signedinteger[Any]], counts: NDArray[np.signedinteger[Any]]) -> NDArray[np.int64]:
    """Return so many whole numbers from each start on, one range after the other."""
    ends = np.cumsum(counts, dtype=np.int64)
    return np.repeat(starts - (ends - counts), counts) + np.arange(int(ends[-1]) if len(ends) else 0)
