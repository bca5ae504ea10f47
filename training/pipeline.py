"""From checkouts to a table, in steps that each leave a file in the work folder and are skipped when it is there."""

from __future__ import annotations

import csv
import json
import pickle
import random
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from codetriever.embedding.static import load_static
from codetriever.embedding.table import write_table
from codetriever.lexical.terms import count_terms
from training.checkouts import MIN_COPY_CHARS, digest, head_commit, iter_files
from training.pairs import MAX_CODE_CHARS, Pair, iter_pairs, path_text
from training.questions import build_postings, evaluate, hold_back
from training.start import embed_terms, reduce_dimensions, weights_by_frequency
from training.vocabulary import Vocabulary, choose, count_checkouts, general_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.embedding.static import StaticEmbedder
    from training.contrast import Bags, Encoded
    from training.parameters import Parameters

_T = TypeVar("_T")

SIZE = 48_000
DIMENSIONS = 256
PATH_SHARE = 0.3  # of the pairs whose code is joined by the words of its path
# Pairs of one repository by kind: names and bodies are the most numerous, and the least like a question.
LIMITS = {"doc": 4000, "name": 2000, "inline": 2500, "path": 1000, "head": 1000, "commit": 4000, "change": 4000, "message": 4000}


@dataclass(frozen=True, slots=True)
class Repository:
    """A line of the list: where it comes from, under which licence, and what it is used for.

    `train`: trained on. `held`: asks the questions that tables are chosen by. `final`: neither; what is measured on it at the end says
    what carries over.
    """

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

    @cached_property
    def held_texts(self) -> frozenset[bytes]:
        """Digests of the files of all repositories that are not trained on: copies of them are left out of the training."""

        def make() -> frozenset[bytes]:
            files = (file for one in self.repositories if one.use != "train" for file in iter_files(self._folder(one)))
            return frozenset(digest(file.text) for file in files if len(file.text) >= MIN_COPY_CHARS)

        return self._kept("held-texts", make)

    @cached_property
    def encoded(self) -> Encoded:
        """All pairs as rows and weights."""
        return self._kept("encoded", self._encode)

    def _encode(self) -> Encoded:
        from training.contrast import Encoded, join

        parts: list[tuple[Bags, Bags]] = []
        checkouts: list[int] = []
        places: list[str] = []
        for number, repository in enumerate(self._used_for("train")):
            asked, code, own_places = self._kept(f"bags-{_file_name(repository)}", lambda one=repository: self._to_bags(one))
            parts.append((asked, code))
            checkouts += [number] * len(own_places)
            places += own_places
        numbers = {place: number for number, place in enumerate(dict.fromkeys(places))}
        return Encoded(
            join([asked for asked, _ in parts]),
            join([code for _, code in parts]),
            np.array(checkouts, dtype=np.int32),
            np.array([numbers[place] for place in places], dtype=np.int32),
        )

    def _to_bags(self, repository: Repository) -> tuple[Bags, Bags, list[str]]:
        """Return the questions and the code of a repository's pairs, and where each comes from."""
        from training.contrast import to_bags

        chooser = random.Random(repository.name)
        pairs = self._chosen(repository)
        asked = to_bags([count_terms(pair.asked) for pair in pairs], self._start_embedder)
        code = to_bags([count_terms(_with_path(pair, chooser.random() < PATH_SHARE)) for pair in pairs], self._start_embedder)
        usable = np.flatnonzero((np.diff(asked.starts) > 0) & (np.diff(code.starts) > 0))
        return asked.select(usable), code.select(usable), [pairs[position].place for position in usable.tolist()]

    @cached_property
    def _start_embedder(self) -> StaticEmbedder:
        write_table(self.work / "start.table", self.vocabulary.terms, self.start)
        return load_static(self.work / "start.table")

    def _chosen(self, repository: Repository) -> list[Pair]:
        """Return the pairs to train on: no copies of held-back files, and a limited number of each kind."""
        copies = {
            f"{file.checkout}/{file.path}"
            for file in iter_files(self._folder(repository))
            if len(file.text) >= MIN_COPY_CHARS and digest(file.text) in self.held_texts
        }
        left = dict(LIMITS)
        chosen = []
        for pair in self._pairs(repository):
            if left[pair.kind] and pair.place not in copies:
                left[pair.kind] -= 1
                chosen.append(pair)
        return chosen

    def trained(self, parameters: Parameters, runs: int) -> NDArray[np.float32]:
        """Return the mean of the vectors of several runs, which differ in their seed."""
        from training.contrast import train

        def make(seed: int) -> Callable[[], NDArray[np.float32]]:
            seeded = replace(parameters, seed=seed)
            return lambda: train(self.start, self.encoded, seeded)

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
    """Return the code, with the words of its path if it is to be joined by them and they are no part of the question."""
    if pair.kind == "path":
        return pair.code
    path, _, code = (
        pair.code.partition("\n")
        if pair.kind in ("commit", "change", "message")
        else (path_text(pair.place.partition("/")[2]), "", pair.code)
    )
    return f"{path}\n{code}"[: 2 * MAX_CODE_CHARS] if joined else code
