"""SharedIndex: what everybody shares in a database, found by the names of repositories instead of checkouts."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from codetriever.api import Index
from codetriever.errors import InvalidArguments, RepositoryNotFound, ViewNotFound
from codetriever.models import embedder_for
from codetriever.ranking import weights
from codetriever.search.filters import make_filter
from codetriever.search.places import split_place
from codetriever.search.query import is_symbol, simple_name
from codetriever.search.search import Source
from codetriever.search.usages import words_of
from codetriever.search.words import term_shares
from codetriever.store.postgres.across import Across
from codetriever.types import Freshness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from codetriever.config import Settings
    from codetriever.connection import Connection
    from codetriever.corpus.git import Checkout
    from codetriever.search.asked import Asked
    from codetriever.store.postgres.across import Reading, SharedView
    from codetriever.types import Filter, IndexReport, Role

# Repositories that are ranked for one question. Of 500 these hold (bench/tenants.py) what a search of all finds.
MOST_RANKED = 16
# Looking for a text or a symbol reads files, and stops at so many repositories that have its words.
MOST_READ = 100


class Sources(list[Source]):
    """The sources of one answer, with what more can be opened in the same state of the database."""

    def __init__(self, reading: Reading, wanted: Filter) -> None:
        super().__init__()
        self.reading = reading
        self.wanted = wanted
        self.opened: set[int] = set()
        self.candidates = 0  # repositories that may have more to say

    def open(self, views: Iterable[SharedView]) -> None:
        """Open these views, but for those that are open."""
        is_one = len(self.reading.views) == 1
        for view in views:
            if view.repository not in self.opened:
                self.opened.add(view.repository)
                names = ("", "") if is_one else (view.name, view.info.key.branch)
                self.append(Source(self.reading.snapshot(view), self.wanted, *names))


class SharedIndex(Index):
    """The index of a tenant's repositories, all or some, as they were indexed last; `Connection.search_in` is the way to get here.

    Hits have paths relative to their repositories, whose names they carry when there are several. Of many repositories those are ranked
    whose best chunk can be worth most; the answer says so.
    """

    def __init__(self, names: Sequence[str] = (), *, settings: Settings, connection: Connection) -> None:
        """Mean the repositories of these names, or all that the tenant has."""
        self.settings = settings
        self.embedder = embedder_for(settings)
        self.most_ranked = MOST_RANKED
        self._connection = None
        self._roots = []
        self._refreshing = threading.Lock()
        self._names = tuple(names)
        self._shared = connection
        self._database = connection.database
        self._repositories = connection.repositories
        self._across = Across(
            connection.database,
            connection.tenant,
            model=self.embedder.model,
            dimensions=self.embedder.dimensions,
            names=self._names or None,
        )

    @property
    def checkouts(self) -> tuple[Checkout, ...]:
        """None: what is here is found without a checkout."""
        return ()

    @property
    def roots(self) -> dict[str, Path]:
        """None, as for checkouts."""
        return {}

    def is_indexed(self) -> bool:
        """Return whether there is anything to answer from."""
        with self._across.reading() as reading:
            return bool(reading.views)

    def has_vectors(self) -> bool:
        """Return whether something was indexed with the model that is set."""
        return self.is_indexed()

    def refresh(self, **options: Any) -> IndexReport:
        """Raise `InvalidArguments`: there are no files here to look at."""
        raise InvalidArguments("A repository is indexed from a checkout or by a job.", hint="codetriever index PATH --database-url URL")

    def status(self) -> dict[str, Any]:
        """Return what is indexed, as plain values."""
        from codetriever import metrics

        with self._across.reading() as reading:
            views = reading.views
            self._check_names(reading)
        place = f"the database {self._database.name}"
        repositories = [
            {
                "repository": view.name,
                "root": "",
                "branch": view.info.key.branch,
                "head": view.info.head,
                "store": f"{view.name} in {place}",
                "size_bytes": self._repositories.get(view.name).size_bytes if self._names else 0,
                "views": [_described(view)],
            }
            for view in views
        ]
        return {"model": self.embedder.model, "repositories": repositories, "metrics": metrics.snapshot()}

    @contextmanager
    def _sources(
        self,
        branch: str | None,
        paths: Iterable[str] = (),
        languages: Iterable[str] = (),
        roles: Iterable[str | Role] = (),
        *,
        repository: str | None = None,
        asked: Asked | None = None,
    ) -> Iterator[list[Source]]:
        wanted = make_filter(paths, languages, roles)
        self._database.measure_lag()
        with self._across.reading(branch) as reading:
            self._check_names(reading, branch)
            sources = Sources(reading, wanted)
            sources.open(view for view in reading.views if repository and view.name == repository)
            if asked is not None or not repository:
                self._choose(sources, asked)
            yield sources
            views = [view for view in reading.views if view.repository in sources.opened]
        self._across.touch(views)

    def _check_names(self, reading: Reading, branch: str | None = None) -> None:
        """Raise an error for a repository that is not there, or when there is none at all."""
        known = {view.name for view in reading.views}
        missing = [name for name in self._names if name not in known]
        of_branch = f" with a branch {branch}" if branch else ""
        if missing:
            raise RepositoryNotFound(
                f"The database has no index of {missing[0]}{of_branch}.", hint="`codetriever repositories list` shows what there is."
            )
        if not reading.views:
            raise ViewNotFound(
                f"The database has no repository{of_branch} that was indexed.", hint="Run: codetriever index PATH --database-url URL"
            )

    def _choose(self, sources: Sources, asked: Asked | None) -> None:
        """Open the repositories that can answer."""
        reading = sources.reading
        most = self.most_ranked
        chosen: Sequence[SharedView] = reading.views
        if asked is None or len(reading.views) <= most:
            most = len(reading.views)
        elif asked.query is not None and asked.vector is not None:
            most = MOST_READ if asked.query.literals else most
            symbols = [simple_name(identifier) for identifier in asked.query.identifiers]
            share = _vector_share(asked)
            sources.open(reading.promising(term_shares(asked.query.terms), symbols, asked.vector, most, vector_share=share))
        elif asked.symbol:
            chosen, most = reading.holding(words_of(asked.symbol)), MOST_READ
        elif asked.path is not None:
            chosen = reading.listing(asked.path) if asked.path.strip("./") else chosen
        else:
            chosen = self._with_example(reading, asked.example)
        sources.open(chosen[: max(most - len(sources), 0)])
        sources.candidates = max(sources.candidates, len(chosen))
        if not sources:
            sources.open(reading.views[:1])  # which then says that it has nothing of the kind

    def _with_example(self, reading: Reading, what: str) -> Sequence[SharedView]:
        """Return the repositories that can have what others are compared with: a place, a symbol, or else what is like the snippet."""
        if place := split_place(what):
            return reading.listing(place[0])
        if is_symbol(what.strip()):
            return reading.defining([simple_name(what.strip())])
        vector: NDArray[np.float32] = self.embedder.embed([what])[0]
        return reading.promising({}, (), vector, self.most_ranked, vector_share=1.0)

    def _widen(self, sources: list[Source], asked: Asked) -> None:
        assert isinstance(sources, Sources)
        reading = sources.reading
        if asked.query is not None and asked.vector is not None:
            sources.open(reading.promising(term_shares(asked.query.terms), (), asked.vector, self.most_ranked))
        sources.candidates = len(reading.views)

    def _left_out(self, sources: Sequence[Source]) -> str:
        assert isinstance(sources, Sources)
        if sources.candidates <= len(sources):
            return ""
        return f"Of {sources.candidates:,} repositories the {len(sources)} most promising were searched; --repository names one."

    def _freshness(self, sources: Sequence[Source]) -> Freshness:
        indexed_at = min(source.snapshot.info.indexed_at for source in sources)
        lag_s = self._database.lag_s
        return Freshness(indexed_at, max(time.time() - indexed_at, 0.0), replica_lag_s=lag_s)


def _vector_share(asked: Asked) -> float:
    if asked.vector_share is not None:
        return asked.vector_share
    return weights.VECTOR_SHARE_SYMBOL if asked.query is not None and asked.query.is_symbol else weights.VECTOR_SHARE


def _described(view: SharedView) -> dict[str, Any]:
    info = view.info
    return {
        "root": "",
        "branch": info.key.branch,
        "generation": info.generation,
        "head": info.head,
        "indexed_at": info.indexed_at,
        "used_at": info.used_at,
        "files": info.files,
        "chunks": info.chunks,
        "text_bytes": info.text_bytes,
    }
