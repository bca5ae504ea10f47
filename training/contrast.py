"""How do term vectors learn which words of a question mean which words of code?

Contrastive training with in-batch negatives (InfoNCE: van den Oord, Li and Vinyals, 2018), in both directions, on pairs of a
description and code. A batch takes its pairs from a few checkouts, so that the counter-examples are code of the same projects; pairs of
the same file or commit are not counter-examples of each other. The temperature is learned.

A search adds what the words say to what the vectors say, so part of the loss is that of the sum (the idea of Gao and others, "Complement
lexical retrieval model with semantic residual embeddings", 2021): rows learn most from the pairs that shared words do not tell apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from codetriever.embedding.static import StaticEmbedder
    from training.parameters import Parameters


_K1, _B = 1.2, 0.75  # of BM25


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


def join(parts: Sequence[Bags]) -> Bags:
    """Return the texts of all parts, one after the other."""
    sizes = np.concatenate([np.diff(part.starts) for part in parts])
    starts = np.concatenate(([0], np.cumsum(sizes)))
    return Bags(np.concatenate([part.rows for part in parts]), np.concatenate([part.weights for part in parts]), starts)


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
        loss = _loss(table, log_scale, encoded, chosen, parameters)
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


def _loss(
    table: torch.Tensor, log_scale: torch.Tensor, encoded: Encoded, chosen: NDArray[np.int64], parameters: Parameters
) -> torch.Tensor:
    taken = [bags.take(chosen) for bags in (encoded.asked, encoded.code)]
    asked, code = (
        torch.nn.functional.normalize(
            torch.nn.functional.embedding_bag(rows, table, offsets, mode="sum", per_sample_weights=weights), dim=1, eps=1e-6
        )
        for rows, offsets, weights in taken
    )
    cosines = asked @ code.T
    places = torch.from_numpy(encoded.places[chosen])
    same = (places[:, None] == places[None, :]) & ~torch.eye(len(chosen), dtype=torch.bool)
    scale = log_scale.exp().clamp(max=100.0)
    loss = (1 - parameters.sum_share) * _cross_entropy(cosines * scale, same)
    if parameters.sum_share:
        words = word_scores(*taken, len(table)) * parameters.word_weight
        loss = loss + parameters.sum_share * _cross_entropy((cosines + words) * scale, same)
    return loss


def _cross_entropy(logits: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    logits = logits.masked_fill(same, -1e4)
    target = torch.arange(len(logits))
    return (torch.nn.functional.cross_entropy(logits, target) + torch.nn.functional.cross_entropy(logits.T, target)) / 2


Taken: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Rows, offsets and weights of a batch of texts."""


def word_scores(asked: Taken, code: Taken, size: int) -> torch.Tensor:
    """Return BM25 of each question (rows) and code (columns) of a batch, each row over its maximum; the batch is the collection."""
    known, terms = torch.unique(asked[0], return_inverse=True)
    place = torch.full((size,), -1, dtype=torch.int64)
    place[known] = torch.arange(len(known))
    found = place[code[0]]
    texts = _texts(code)
    frequencies = torch.exp(code[2] - 1)  # the weight of a term is 1 + log of its frequency
    lengths = torch.zeros(len(code[1])).index_add_(0, texts, frequencies)
    length_share = 1 - _B + _B * lengths / lengths.mean()
    saturated = frequencies * (_K1 + 1) / (frequencies + _K1 * length_share[texts])
    kept = found >= 0
    matrix = torch.zeros(len(known), len(code[1])).index_put_((found[kept], texts[kept]), saturated[kept], accumulate=True)
    spread = (matrix > 0).sum(dim=1)
    matrix *= torch.log1p((len(code[1]) - spread + 0.5) / (spread + 0.5))[:, None]
    scores = torch.nn.functional.embedding_bag(terms, matrix, asked[1], mode="sum")
    return scores / scores.amax(dim=1, keepdim=True).clamp(min=1e-6)


def _texts(taken: Taken) -> torch.Tensor:
    """Return which text each row of a batch belongs to."""
    ends = torch.cat((taken[1][1:], torch.tensor([len(taken[0])])))
    return torch.repeat_interleave(torch.arange(len(ends)), ends - taken[1])
