"""What does a training run depend on, besides its data?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a run depends on."""

    epochs: float = 1.25
    batch: int = 2048
    checkouts_per_batch: int = 3
    learning_rate: float = 2e-3
    warmup: float = 0.05  # share of the steps
    temperature: float = 0.05
    sum_share: float = 0.5  # of the loss, on the sum of cosine and words; the rest is on the cosine alone
    word_weight: float = 0.35  # of the words in that sum: about what they have in a search, where a good cosine is some .6
    seed: int = 0
