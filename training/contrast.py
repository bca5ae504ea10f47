"""How do term vectors learn which words of a question mean which words of code?

Contrastive training with in-batch negatives (InfoNCE: van den Oord, Li and Vinyals, 2018), in both directions, on pairs of a
description and code. A batch takes its pairs from a few checkouts, so that the counter-examples are code of the same projects; pairs of
the same file or commit are not counter-examples of each other. The temperature is learned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from codetriever.embedding.static import StaticEmbedder
    from training.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Bags:
    """Texts as bags of weighted rows: text i has `rows[starts[i]:starts[i + 1]]`."""

    rows: NDArray[np.int32]
    weights: NDArray[np.float32]
    starts: NDArray[np.int64]

    def take(self, chosen: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return rows, offsets and weights of these texts, as `torch.nn.functional.embedding_bag` wants them."""
        counts = self.starts[chosen + 1] - self.starts[chosen]
        ends = np.cumsum(counts)
        index = np.repeat(self.starts[chosen] - (ends - counts), counts) + np.arange(ends[-1])
        return torch.from_numpy(self.rows[index].astype(np.int64)), torch.from_numpy(ends - counts), torch.from_numpy(self.weights[index])

    def select(self, chosen: NDArray[np.int64]) -> Bags:
        """Return these texts alone."""
        rows, offsets, weights = self.take(chosen)
        return Bags(rows.numpy().astype(np.int32), weights.numpy(), np.append(offsets.numpy(), len(rows)))


@dataclass(frozen=True, slots=True)
class Encoded:
    """Pairs as bags. `checkouts` and `places` number where each comes from."""

    asked: Bags
    code: Bags
    checkouts: NDArray[np.int32]
    places: NDArray[np.int32]


def to_bags(texts: Sequence[dict[str, int]], embedder: StaticEmbedder) -> Bags:
    """Return the rows and weights that the embedder would add up for each text."""
    rows, weights, starts = [], [], [0]
    for counts in texts:
        found, weight = embedder.weigh(counts)
        rows.append(found.astype(np.int32))
        weights.append(weight)
        starts.append(starts[-1] + len(found))
    return Bags(np.concatenate(rows), np.concatenate(weights), np.array(starts, dtype=np.int64))


def iter_batches(encoded: Encoded, parameters: Parameters, steps: int) -> Iterator[NDArray[np.int64]]:
    """Yield positions of pairs: each checkout's pairs in random order, round and round, checkouts chosen by their size."""
    chooser = np.random.default_rng(parameters.seed)
    members = [np.flatnonzero(encoded.checkouts == number) for number in range(int(encoded.checkouts.max()) + 1)]
    members = [own for own in members if len(own)]
    queues = [chooser.permutation(own) for own in members]
    shares = np.array([len(own) for own in members], dtype=np.float64)
    for _ in range(steps):
        batch: list[NDArray[np.int64]] = []
        picked = chooser.choice(
            len(members), size=min(parameters.checkouts_per_batch, len(members)), replace=False, p=shares / shares.sum()
        )
        quota = parameters.batch // len(picked)
        for number in picked.tolist():
            if len(queues[number]) < quota:
                queues[number] = np.concatenate([queues[number], chooser.permutation(members[number])])
            batch.append(queues[number][:quota])
            queues[number] = queues[number][quota:]
        yield np.unique(np.concatenate(batch))


def train(start: NDArray[np.float32], encoded: Encoded, parameters: Parameters) -> NDArray[np.float32]:
    """Return the trained vectors, `start.shape float32`."""
    torch.manual_seed(parameters.seed)
    table = torch.nn.Parameter(torch.from_numpy(start.copy()))
    log_scale = torch.nn.Parameter(torch.tensor(math.log(1.0 / parameters.temperature)))
    optimiser = torch.optim.Adam([{"params": [table]}, {"params": [log_scale], "lr": 0.01}], lr=parameters.learning_rate)
    steps = max(1, int(parameters.epochs * len(encoded.checkouts) / parameters.batch))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step / steps, parameters.warmup))
    running = 0.0
    for step, chosen in enumerate(iter_batches(encoded, parameters, steps)):
        optimiser.zero_grad(set_to_none=True)
        loss = _loss(table, log_scale, encoded, chosen)
        loss.backward()
        optimiser.step()
        schedule.step()
        running = 0.95 * running + 0.05 * loss.item()
        if step % 25 == 0 or step == steps - 1:
            print(
                f"step {step + 1}/{steps}  loss {running / (1 - 0.95 ** (step + 1)):.3f}  temperature {math.exp(-log_scale.item()):.4f}",
                flush=True,
            )
    return table.detach().numpy()


def _rate(progress: float, warmup: float) -> float:
    """Rise during the warm-up, then fall like a cosine to nearly nothing."""
    return min(1.0, (progress + 1e-3) / warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def _loss(table: torch.Tensor, log_scale: torch.Tensor, encoded: Encoded, chosen: NDArray[np.int64]) -> torch.Tensor:
    sides = []
    for bags in (encoded.asked, encoded.code):
        rows, offsets, weights = bags.take(chosen)
        summed = torch.nn.functional.embedding_bag(rows, table, offsets, mode="sum", per_sample_weights=weights)
        sides.append(torch.nn.functional.normalize(summed, dim=1, eps=1e-6))
    logits = sides[0] @ sides[1].T * log_scale.exp().clamp(max=100.0)
    places = torch.from_numpy(encoded.places[chosen])
    same = (places[:, None] == places[None, :]) & ~torch.eye(len(chosen), dtype=torch.bool)
    logits = logits.masked_fill(same, -1e4)
    target = torch.arange(len(chosen))
    return (torch.nn.functional.cross_entropy(logits, target) + torch.nn.functional.cross_entropy(logits.T, target)) / 2
