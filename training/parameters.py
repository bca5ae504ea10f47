"""What does a training run depend on, besides its data?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a run depends on."""

    epochs: float = 1.5
    batch: int = 2048
    checkouts_per_batch: int = 3
    learning_rate: float = 2e-3
    warmup: float = 0.05  # share of the steps
    temperature: float = 0.05
    path_share: float = 0.5  # of the pairs whose code is joined by the words of its path
    seed: int = 0
