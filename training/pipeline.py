"""From checkouts to a table, in steps that each leave a file in the work folder and are skipped when it is there."""

from __future__ import annotations

import csv
import json
import pickle
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from codetriever.embedding.static import load_static
from codetriever.embedding.table import write_table
from codetriever.lexical.terms import count_terms
from training.checkouts import head_commit
from training.pairs import MAX_CODE_CHARS, Pair, iter_pairs, path_text
from training.questions import build_postings, evaluate, hold_back
from training.start import embed_terms, reduce_dimensions, weights_by_frequency
from training.vocabulary import Vocabulary, choose, count_checkouts, general_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contrast import Encoded
    from training.parameters import Parameters

_T = TypeVar("_T")

SIZE = 48_000
DIMENSIONS = 256
NAME_SHARE = 0.5  # of the pairs of a name and a body: the most numerous kind, and the least like a question


@dataclass(frozen=True, slots=True)
class Repository:
    """A line of the list: where it comes from, under which licence, and whether it is trained on or held back."""

    name: str
    commit: str
    licence: str
    use: str


def read_list(path: Path) -> list[Repository]:
    """Return the repositories of a tab-separated list with a head line."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Repository(row["repository"], row["commit"], row["licence"], row["use"]) for row in csv.DictReader(file, delimiter="\t")]


@dataclass(frozen=True)
class Pipeline:
    """The steps. `checkouts` holds the clones as `owner/name`; `model` is the folder of the sentence model."""

    repositories: Sequence[Repository]
    checkouts: Path
    model: Path
    work: Path

    def check_commits(self) -> list[str]:
        """Return the repositories whose clone is missing or at another commit than the list says."""
        found = {repository.name: self._folder(repository) for repository in self.repositories}
        return [one.name for one in self.repositories if not found[one.name].is_dir() or head_commit(found[one.name]) != one.commit]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The terms that get rows."""

        def make() -> Vocabulary:
            occurrences, spread = count_checkouts([self._folder(one) for one in self._used_for("train")])
            return choose(occurrences, spread, general_words(self.model / "vocab.txt"), size=SIZE)

        return self._kept("vocabulary", make)

    @cached_property
    def start(self) -> NDArray[np.float32]:
        """The vectors that training starts from, `(SIZE, DIMENSIONS)`: by themselves the plain distillation."""

        def make() -> NDArray[np.float32]:
            vectors = reduce_dimensions(embed_terms(self.model, self.vocabulary.terms), DIMENSIONS)
            return vectors * weights_by_frequency(self.vocabulary)[:, None]

        return self._kept("start", make)

    def encoded(self, parameters: Parameters) -> Encoded:
        """Return all pairs as rows and weights, drawn by the seed."""
        from training.contrast import Encoded, to_bags

        chooser = np.random.default_rng(parameters.seed)
        kept: list[tuple[int, Pair]] = []
        for number, repository in enumerate(self._used_for("train")):
            kept += [(number, pair) for pair in self._pairs(repository) if pair.kind != "name" or chooser.random() < NAME_SHARE]
        write_table(self.work / "start.table", self.vocabulary.terms, self.start)
        embedder = load_static(self.work / "start.table")
        asked = to_bags([count_terms(pair.asked) for _, pair in kept], embedder)
        code = to_bags([count_terms(_with_path(pair, chooser.random() < parameters.path_share)) for _, pair in kept], embedder)
        usable = np.flatnonzero((np.diff(asked.starts) > 0) & (np.diff(code.starts) > 0))
        places = {place: number for number, place in enumerate(dict.fromkeys(pair.place for _, pair in kept))}
        return Encoded(
            asked.select(usable),
            code.select(usable),
            np.array([number for number, _ in kept], dtype=np.int32)[usable],
            np.array([places[pair.place] for _, pair in kept], dtype=np.int32)[usable],
        )

    def trained(self, parameters: Parameters, runs: int) -> NDArray[np.float32]:
        """Return the mean of the vectors of several runs, which differ in their seed."""
        from training.contrast import train

        def make(seed: int) -> Callable[[], NDArray[np.float32]]:
            seeded = replace(parameters, seed=seed)
            return lambda: train(self.start, self.encoded(seeded), seeded)

        mean: NDArray[np.float32] = np.mean([self._kept(f"run-{seed}", make(seed)) for seed in range(runs)], axis=0, dtype=np.float32)
        return mean

    def evaluated(self, table: Path | None) -> dict[str, Any]:
        """Return NDCG@10 on the held-back repositories: the mean over them, and each."""
        embedder = load_static(table)
        each = {}
        for repository in self._used_for("held"):
            held = self._kept(f"held-{_file_name(repository)}", lambda one=repository: hold_back(self._folder(one), self._folder(one)))
            each[repository.name] = {key: round(value, 4) for key, (value, _) in evaluate(held, build_postings(held), embedder).items()}
        arms = sorted({key for values in each.values() for key in values})
        mean = {arm: round(float(np.mean([values[arm] for values in each.values() if arm in values])), 4) for arm in arms}
        return {"model": embedder.model, "mean": mean, "each": each}

    def _pairs(self, repository: Repository) -> list[Pair]:
        return self._kept(f"pairs-{_file_name(repository)}", lambda: list(iter_pairs(self._folder(repository), self._folder(repository))))

    def _used_for(self, use: str) -> Iterator[Repository]:
        return (repository for repository in self.repositories if repository.use == use)

    def _folder(self, repository: Repository) -> Path:
        return self.checkouts / repository.name

    def _kept(self, name: str, make: Callable[[], _T]) -> _T:
        path = self.work / f"{name}.pickle"
        if not path.exists():
            self.work.mkdir(parents=True, exist_ok=True)
            print(f"making {name}", flush=True)
            path.write_bytes(pickle.dumps(make(), pickle.HIGHEST_PROTOCOL))
        kept: _T = pickle.loads(path.read_bytes())
        return kept


def report(results: dict[str, Any], parameters: Parameters, path: Path) -> None:
    """Write what was reached, and with what, as JSON."""
    path.write_text(json.dumps({"parameters": asdict(parameters), **results}, indent=2) + "\n", encoding="utf-8")


def _file_name(repository: Repository) -> str:
    return repository.name.replace("/", "+")


def _with_path(pair: Pair, joined: bool) -> str:
    """Return the code, with the words of its path where they are no part of the question."""
    if not joined or pair.kind in ("path", "commit"):
        return pair.code
    return f"{path_text(pair.place.partition('/')[2])}\n{pair.code}"[: 2 * MAX_CODE_CHARS]
