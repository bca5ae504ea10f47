"""What is known of each candidate before it is ranked."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates as columns of equal length; a row is a chunk of one file of one snapshot."""

    sources: NDArray[np.int32]  # which snapshot
    ordinals: NDArray[np.int64]  # the chunk in it
    files: NDArray[np.int64]  # the file in it
    groups: NDArray[np.int64]  # a number for the file that differs between snapshots
    keys: NDArray[np.uint64]  # history-independent tie-break of the chunk
    roles: NDArray[np.uint8]
    words: NDArray[np.float32]  # BM25 over text and path words
    coverage: NDArray[np.float32]  # 0..1, share of the question's words found, weighed by rarity
    cosines: NDArray[np.float32]  # -1..1
    names: NDArray[np.float32]  # 0..1, share of the file name's words that the question has, weighed by rarity
    defines: NDArray[np.float32]  # 0..1, what the chunk is worth as the definition of a symbol that the question names

    def __len__(self) -> int:
        return len(self.ordinals)

    def take(self, rows: NDArray[np.int64]) -> Candidates:
        """Return these rows, in this order."""
        return Candidates(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def concatenate(parts: Sequence[Candidates]) -> Candidates:
    """Join the candidates of several snapshots."""
    if len(parts) == 1:
        return parts[0]
    return Candidates(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Candidates)})
