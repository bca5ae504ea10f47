"""What do the process that reads files and those that analyse them tell each other?

Apart from `analysis`, because whoever only reads need not load parsers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from codetriever.types import AnalysedBlobs


class RawBlob(NamedTuple):
    """A file's bytes on their way to analysis. `path` is one of its paths, for messages only.

    A tuple, since a data class takes 2.5 times as long to travel to another process, and there is one for every file.
    """

    digest: bytes  # SHA-256
    language: str
    data: bytes
    path: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A blob that could not be analysed, and why."""

    digest: bytes
    language: str
    detail: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a batch of blobs became. `seconds` are processor time by step: parsing, terms, embedding, compression."""

    blobs: AnalysedBlobs
    failures: tuple[Failure, ...]
    seconds: Mapping[str, float]


@runtime_checkable
class Projector(Protocol):
    """An embedder whose vectors are a projection of term counts, so that analysis computes them itself."""

    model: str
    dimensions: int

    def project_columns(
        self,
        vocabulary: Sequence[str],
        pair_counts: NDArray[np.uint32],
        pair_terms: NDArray[np.uint32],
        pair_frequencies: NDArray[np.uint8],
    ) -> NDArray[np.float32]:
        """Return `(len(pair_counts), dimensions)` unit rows; the arguments are columns of `AnalysedBlobs`."""
        ...


def load_analyser(name: str) -> Callable[..., Analysis]:
    """Return the function that analyses, by its name in a setup: "module:function"."""
    module, _, function = name.partition(":")
    analyse: Callable[..., Analysis] = getattr(import_module(module), function)
    return analyse
