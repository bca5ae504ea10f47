"""Which of a tenant's repositories can answer a question, and what does a search see of them?

With hundreds of repositories most cannot answer, and asking each one takes longer than anybody waits. So the words, vectors and symbols of
the question are looked up among all of them at once, which bounds what the best chunk of each can be worth; the repositories with the
highest bounds are then searched as one searches a few. All of it happens in one transaction, so in one state of the database.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.errors import CodetrieverError
from codetriever.lexical import bm25
from codetriever.store.format import FEATURES
from codetriever.store.likeness import Question, sign_width
from codetriever.store.postgres import arrays, products
from codetriever.store.postgres.database import in_transaction
from codetriever.store.postgres.generation import Generation
from codetriever.store.postgres.pools import WRITE
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.signs import MOST_BYTES, AllCosines, Signs
from codetriever.store.postgres.snapshot import PostgresSnapshot, encoded, posting_chunks, symbol_hash
from codetriever.types import ViewInfo, ViewKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray
    from psycopg import Connection

    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.snapshot import KnownCosines

_KEPT_CHUNKS = 2_000_000  # columns of so many chunks stay in memory between questions, some 50 bytes each
_EXACT_CHUNKS = 20_000  # of all together so many are compared one by one, which takes the server some 10 ms
_COMPARED_CHUNKS = 50_000  # as long as that for 16 repositories takes less than two questions to each
_TOUCH_EVERY_S = 3600.0
_DEFINES = 1.0  # what defining a symbol that is asked for is worth beside words and vectors, which are worth 1 together


@dataclass(frozen=True, slots=True)
class SharedView:
    """The branch of a repository that everybody shares and that answers. `end` is above the numbers of its chunks."""

    repository: int
    name: str
    end: int
    view: int
    info: ViewInfo
    total_length: int


class Kept:
    """What a process keeps between questions to one database, of whichever tenants; the least recently used goes. For several threads."""

    def __init__(self) -> None:
        self.touched: dict[int, float] = {}  # when the use of a view was noted last
        self._lock = threading.Lock()
        self._generations: OrderedDict[tuple[UUID, int, int, float], Generation] = OrderedDict()
        self._chunks = 0
        self._signs: OrderedDict[tuple[UUID, str, str], Signs] = OrderedDict()
        self._asked: set[tuple[UUID, str, str]] = set()

    def generation(self, tenant: UUID, view: SharedView) -> Generation:
        """Return what the snapshots of a view's generation share; there is a bound to the chunks of all of them."""
        key = (tenant, view.view, view.info.generation, view.info.indexed_at)
        with self._lock:
            found = self._generations.pop(key, None)
            if found is None:
                scope = {"tenant": tenant, "repository": view.repository, "view": view.view}
                found = Generation(scope, view.info, view.total_length)
                self._chunks += view.info.chunks
            self._generations[key] = found
            while self._chunks > _KEPT_CHUNKS and len(self._generations) > 1:
                self._chunks -= self._generations.popitem(last=False)[1].info.chunks
            return found

    def signs_of(self, *whose: *tuple[UUID, str, str]) -> Signs | None:
        """Return the signs of a tenant's vectors under a model, None for the first question, which may be the only one."""
        with self._lock:
            if whose not in self._asked:
                self._asked.add(whose)
                return None
            signs = self._signs.setdefault(whose, Signs())
            self._signs.move_to_end(whose)
            while len(self._signs) > 1 and sum(one.size_bytes for one in self._signs.values()) > MOST_BYTES:
                self._signs.popitem(last=False)
            return signs


class Across:
    """The repositories of one tenant, or some of them by name. Several threads may use it."""

    def __init__(
        self,
        database: Database,
        tenant: UUID,
        *,
        model: str,
        dimensions: int,
        names: Sequence[str] | None = None,
        features: str = FEATURES,
    ) -> None:
        """Without `names` all repositories of the tenant are meant, whichever there are when a question is asked."""
        self.database = database
        self.tenant = tenant
        self.model = model
        self.dimensions = dimensions
        self._scope = {"tenant": tenant, "model": model, "features": features, "names": None if names is None else list(names)}
        self._kept: Kept = database.kept.setdefault("across", Kept())

    @contextmanager
    def reading(self, branch: str | None = None) -> Iterator[Reading]:
        """Begin to read one state of the database; with a branch only repositories that have it are seen."""
        with self.database.reading(self.tenant) as connection:
            rows = connection.execute(query("list_generations"), self._scope | {"branch": branch}, binary=True).fetchall()
            yield Reading(self, connection, self._scope, [_shared_view(row) for row in rows])

    def generation(self, view: SharedView) -> Generation:
        """Return what the snapshots of a view's generation share."""
        return self._kept.generation(self.tenant, view)

    def signs(self, connection: Connection[Any], views: Sequence[SharedView]) -> Signs | None:
        """Return the signs of the tenant's vectors, once they are worth reading: when there are many vectors, and a second question."""
        chunks = sum(view.info.chunks for view in views)
        if self._scope["names"] is not None or chunks <= _EXACT_CHUNKS or chunks * sign_width(self.dimensions) // 8 > MOST_BYTES:
            return None
        signs = self._kept.signs_of(self.tenant, self.model, str(self._scope["features"]))
        if signs is not None:
            states = {view.repository: ((view.end, view.info.generation), view.info.chunks) for view in views}
            signs.refresh(connection, self._scope, states, dimensions=self.dimensions)
        return signs

    def touch(self, views: Sequence[SharedView]) -> None:
        """Note that views are used; that it could not be noted is no reason not to answer."""
        now = time.time()
        touched = self._kept.touched
        due = [one.view for one in views if now - max(one.info.used_at, touched.get(one.view, 0.0)) >= _TOUCH_EVERY_S]
        if not due:
            return
        touched.update(dict.fromkeys(due, now))
        asked = {"tenant": self.tenant, "views": due}
        try:
            with self.database.connection(WRITE) as connection:
                in_transaction(connection, self.tenant, lambda: connection.execute(query("touch_views"), asked))
        except CodetrieverError:
            return


class Reading:
    """One state of the database, as long as its transaction lasts; used by one thread."""

    def __init__(self, across: Across, connection: Connection[Any], scope: dict[str, Any], views: Sequence[SharedView]) -> None:
        self.views = sorted(views, key=lambda view: view.name)
        self._across = across
        self._connection = connection
        self._numbers = [view.repository for view in self.views]
        self._scope = scope | {"repositories": arrays.bigints(np.array(self._numbers, np.int64))}
        self._postings: dict[int, dict[str, list[tuple[int, bytes, bytes]]]] = defaultdict(dict)
        self._found: dict[str, list[tuple[int, int, bytes, bytes]]] = {}
        self._cosines: dict[int, KnownCosines] = {}

    def snapshot(self, view: SharedView) -> PostgresSnapshot:
        """Open a view; what was read of its postings and cosines already is not read again."""
        across = self._across
        return PostgresSnapshot(
            across.generation(view),
            self._connection,
            model=across.model,
            dimensions=across.dimensions,
            postings={term: self._postings[view.repository].get(term, ()) for term in self._found},
            cosines=self._cosines.get(view.repository),
        )

    def promising(
        self, terms: Mapping[str, float], symbols: Sequence[str], vector: NDArray[np.float32], most: int, *, vector_share: float = 0.5
    ) -> list[SharedView]:
        """Return the `most` repositories whose best chunk is worth most, the first first; `terms` are given with what each counts.

        A chunk is worth its word score and its cosine, each divided by the best of all and weighed as in the ranking, and its repository 1
        more when it defines one of the `symbols` (simple names). What only the ranking knows, files and their roles, is left to it.
        """
        if len(self.views) <= most:
            return list(self.views)
        words, firsts = self._word_scores(terms)
        words *= np.float32((1.0 - vector_share) / (float(words.max(initial=0.0)) or 1.0))
        worth = np.maximum.reduceat(words, list(firsts.values()))
        near = self._all_cosines(vector)
        if near is not None:
            by_repository = dict(zip(near.repositories, _best_of_each(near, words, firsts, vector_share).tolist(), strict=True))
            worth = np.maximum(worth, [by_repository.get(number, 0.0) for number in self._numbers])
        if symbols:
            defining = self.defining(symbols)
            worth = worth + _DEFINES * np.isin(self._numbers, [view.repository for view in defining])
        chosen = [self.views[place] for place in np.argsort(-worth, kind="stable")[:most].tolist()]
        if vector.any() and sum(view.info.chunks for view in chosen) <= _COMPARED_CHUNKS:
            self._read_cosines(vector, [view.repository for view in chosen])
        return chosen

    def _word_scores(self, terms: Mapping[str, float]) -> tuple[NDArray[np.float32], dict[int, int]]:
        """Return the word score of every stored chunk, BM25 without lengths, and where the chunks of each repository begin."""
        ends = np.cumsum([view.end for view in self.views])
        firsts = dict(zip(self._numbers, [0, *ends[:-1].tolist()], strict=True))
        scores = np.zeros(int(ends[-1]), np.float32)
        total = sum(view.info.chunks for view in self.views)
        for share, rows in zip(terms.values(), self._read_postings(list(terms)), strict=True):
            if not rows:
                continue
            places, frequencies = _places(rows, firsts)
            weight = np.float32(share * bm25.idf(len(places), max(total, len(places))))
            scores[places] += weight * bm25.saturation(frequencies, np.ones(len(places)), 1.0)
        return scores, firsts

    def _all_cosines(self, vector: NDArray[np.float32]) -> AllCosines | None:
        """Return how near every chunk is: exactly, or by signs when there are many."""
        if not vector.any():
            return None
        signs = self._across.signs(self._connection, self.views)
        if signs is not None:
            return signs.cosines(vector)
        self._read_cosines(vector, self._numbers)
        if not self._cosines:
            return None
        counts = np.array([len(numbers) for _, numbers, _ in self._cosines.values()])
        numbers, cosines = (np.concatenate(column) for column in zip(*(found[1:] for found in self._cosines.values()), strict=True))
        return AllCosines(list(self._cosines), counts, numbers, cosines)

    def _read_cosines(self, vector: NDArray[np.float32], repositories: Sequence[int]) -> None:
        """Compare all vectors of some repositories in one go, instead of asking each of them twice."""
        missing = [number for number in repositories if number not in self._cosines or self._cosines[number][0].query is not vector]
        if not missing:
            return
        question = Question(vector)
        asked = {**products.asked(question), "repositories": arrays.bigints(np.array(missing, np.int64))}
        for repository, numbers, sums, squares in self._rows("products_of_repositories", **asked):
            self._cosines[repository] = (question, numbers, products.cosines(question, sums, squares))

    def _read_postings(self, terms: Sequence[str]) -> list[list[tuple[int, int, bytes, bytes]]]:
        """Return the postings of these terms in all repositories, which the snapshots to come know as well."""
        missing = {encoded(term): term for term in terms if term not in self._found}
        self._found.update((term, []) for term in missing.values())
        rows = self._rows("postings_of_tenant", terms=arrays.byteas(list(missing))) if missing else []
        for stored, repository, segment, chunks, frequencies in rows:
            term = missing[bytes(stored)]
            self._found[term].append((repository, segment, chunks, frequencies))
            self._postings[repository].setdefault(term, []).append((segment, chunks, frequencies))
        return [self._found[term] for term in dict.fromkeys(terms)]

    def holding(self, terms: Sequence[str]) -> list[SharedView]:
        """Return the repositories that hold any of these terms, by name."""
        self._read_postings(terms)
        return [view for view in self.views if self._postings[view.repository]]

    def defining(self, symbols: Sequence[str]) -> list[SharedView]:
        """Return the repositories that define one of these simple names, by name; a name with the same hash may be among them."""
        hashes = arrays.ints(np.array([symbol_hash(name.casefold()) for name in symbols], np.int64))
        return self._named({row[0] for row in self._rows("repositories_defining", hashes=hashes)})

    def listing(self, path: str) -> list[SharedView]:
        """Return the repositories that have a file or folder of that path, by name."""
        views = arrays.bigints(np.array([view.view for view in self.views], np.int64))
        name = path.encode("utf-8", "surrogateescape")
        return self._named({row[0] for row in self._rows("repositories_listing", views=views, path=name)})

    def _named(self, numbers: set[int]) -> list[SharedView]:
        return [view for view in self.views if view.repository in numbers]

    def _rows(self, name: str, **more: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query(name), self._scope | more, binary=True).fetchall()


def _shared_view(row: Sequence[Any]) -> SharedView:
    repository, name, end, view, branch, generation, head, indexed_at, used_at, files, chunks, text_bytes, total_length = row
    key = ViewKey("", branch)
    info = ViewInfo(key, generation, head, indexed_at, max(indexed_at, used_at), files, chunks, text_bytes)
    return SharedView(repository, name, end, view, info, total_length)


def _places(rows: Sequence[tuple[int, int, bytes, bytes]], offsets: dict[int, int]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return where the chunks of posting lists lie when the repositories are laid one after the other, and their frequencies."""
    narrow = [row for row in rows if len(row[2]) == 2 * len(row[3])]
    wide = [row for row in rows if len(row[2]) != 2 * len(row[3])]
    places, frequencies = [], []
    for some in (narrow, wide):
        if some:
            joined = b"".join([row[3] for row in some])
            starts = np.array([offsets[row[0]] + row[1] for row in some], np.int64)
            chunks = posting_chunks(b"".join([row[2] for row in some]), joined)
            places.append(chunks + np.repeat(starts, [len(row[3]) for row in some]))
            frequencies.append(np.frombuffer(joined, np.uint8))
    return np.concatenate(places), np.concatenate(frequencies)


def _best_of_each(near: AllCosines, words: NDArray[np.float32], firsts: dict[int, int], vector_share: float) -> NDArray[np.float32]:
    """Return what the best chunk of each repository is worth by its vector and its words, which are weighed already."""
    places = np.repeat([firsts.get(repository, 0) for repository in near.repositories], near.counts) + near.numbers
    worth = np.take(words, places, mode="clip")
    cosines = np.maximum(near.cosines, np.float32(0.0))
    worth += np.float32(vector_share / (float(cosines.max(initial=0.0)) or 1.0)) * cosines
    best: NDArray[np.float32] = np.maximum.reduceat(worth, np.cumsum(near.counts) - near.counts)
    return best
