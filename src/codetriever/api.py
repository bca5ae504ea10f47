"""Index: the one door for the command line, MCP, REST and Python programs."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codetriever.config import Settings, store_folder
from codetriever.corpus.git import locate
from codetriever.corpus.masking import mask_page, mask_secrets
from codetriever.embedding.embedder import embed_question
from codetriever.errors import ConfirmationNeeded, InvalidQuery, PathNotFound
from codetriever.models import embedder_for
from codetriever.roots import described, joined, names, open_embedded, open_roots
from codetriever.search.asked import Asked
from codetriever.search.filters import make_filter
from codetriever.search.query import parse_query
from codetriever.search.search import Found, Source, search
from codetriever.types import Answer, ContextAnswer, Freshness, OutlineAnswer, UsagesAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from codetriever.connection import Connection
    from codetriever.corpus.git import Checkout
    from codetriever.search.query import Query
    from codetriever.store.store import Store
    from codetriever.types import Excerpt, Hit, IndexReport, Role

MAX_LIMIT = 100


class Index:
    """The index of one or several paths; a context manager.

    Reading methods answer from the last generation; `refresh` makes a new one. Methods raise the errors of `codetriever.errors`.
    Several threads may use one index: each answer is from one generation, whatever is refreshed meanwhile.
    """

    def __init__(self, *paths: str | Path, settings: Settings, connection: Connection | None = None) -> None:
        """Open the index of these paths; `codetriever.open` is the usual way to get here. A `connection` stays open afterwards."""
        self.settings = settings
        self.embedder = embedder_for(settings)
        self._connection: Connection | None = None  # that is closed with the index
        self._shared: Connection | None = None  # that is used
        self._roots = open_roots([Path(path) for path in paths] or [Path.cwd()], self._opener(connection))
        self._refreshing = threading.Lock()

    def __enter__(self) -> Self:
        """Return the index itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the index."""
        self.close()

    def _opener(self, connection: Connection | None) -> Callable[[Checkout], Store]:
        """Return what opens the store of a repository: in the database that the settings name, else in the folder of all stores."""
        memory_bytes = self.settings.writer_memory
        if connection is None and self.settings.database_url:
            from codetriever.connection import Connection

            settings = self.settings
            connection = Connection(settings.database_url, tenant=settings.tenant, read_url=settings.database_read_url)
            self._connection = connection
        self._shared = connection
        if connection is not None:
            return partial(connection.store, embedder=self.embedder, memory_bytes=memory_bytes)
        return partial(open_embedded, store_folder=store_folder(self.settings).path, embedder=self.embedder, memory_bytes=memory_bytes)

    def close(self) -> None:
        """Release files and memory. An index may be closed twice, but not used afterwards."""
        for root in self._roots:
            root.store.close()
        if self._connection is not None:
            self._connection.close()

    @property
    def checkouts(self) -> tuple[Checkout, ...]:
        """The repositories of this index, as they lie on disk."""
        return tuple(root.checkout for root in self._roots)

    @property
    def roots(self) -> dict[str, Path]:
        """Where each repository lies, by the name that its hits carry: "" when there is only one."""
        return dict(zip(names(self._roots), (root.checkout.root for root in self._roots), strict=True))

    # Writing

    def is_indexed(self) -> bool:
        """Return whether every path has a generation to answer from."""
        return all(root.store.generation(root.key) for root in self._roots)

    def has_vectors(self) -> bool:
        """Return whether every stored chunk has a vector of the model that is set; a refresh makes those that are missing."""
        return all(root.store.is_complete(root.key) for root in self._roots)

    def refresh(
        self,
        *,
        progress: Callable[..., None] | None = None,
        deadline_s: float | None = None,
        confirm: Callable[[str], bool] | None = None,
        hidden: bool | None = None,
        no_ignore: bool | None = None,
    ) -> IndexReport:
        """Bring the index up to date with the files on disk, and return what was done.

        With a deadline (seconds) a refresh that takes longer stops, keeps what it has for the next one, and reports what is pending;
        a first index has no deadline.
        `confirm` is asked before a first index of unusual size; without it that raises `ConfirmationNeeded`.
        """
        from codetriever.indexing.indexer import IndexOptions, refresh

        settings = self.settings
        options = IndexOptions(
            memory_bytes=settings.memory,
            max_file_bytes=settings.max_file_bytes,
            batch_files=settings.batch_files,
            batch_chunks=settings.batch_chunks,
            workers=settings.workers,
            hidden=settings.hidden if hidden is None else hidden,
            no_ignore=settings.no_ignore if no_ignore is None else no_ignore,
        )
        reports = []
        with self._refreshing:
            for root in self._roots:
                root.checkout = locate(root.checkout.root)
                report = refresh(
                    root.checkout,
                    root.store,
                    self.embedder,
                    options=options,
                    progress=progress,
                    deadline_s=deadline_s if root.store.generation(root.key) else None,
                    confirm=confirm or _refuse,
                )
                root.pending, root.note = report.pending, report.note
                reports.append(report)
        report = joined(reports)
        return replace(report, removed_indexes=tuple(self._make_room())) if report.analysed_blobs else report

    def _make_room(self) -> list[str]:
        """Delete the least recently used indexes while all together are larger than `cache_limit_bytes`, but none of this index."""
        from codetriever.store.embedded.cache import limit_cache

        keep = [root.store.folder for root in self._roots if root.store.folder is not None]
        return limit_cache(store_folder(self.settings).path, self.settings.cache_limit_bytes, keep=keep) if keep else []

    # Reading

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        offset: int = 0,
        paths: Iterable[str] = (),
        languages: Iterable[str] = (),
        roles: Iterable[str | Role] = (),
        branch: str | None = None,
        exact: bool = False,
        max_tokens: int | None = None,
        explain: bool = False,
        vector_share: float | None = None,
    ) -> Answer:
        """Answer a question in words, a symbol, or (with `exact`, or in quotes) a literal text.

        `limit` is 1..100; `paths` are globs, a leading `!` excludes; `max_tokens` packs a prefix of the hits into a budget.
        `vector_share` is what vectors count against words: 0 is words alone, 1 vectors alone; without it, what is best as a rule.
        """
        started = time.perf_counter()
        parsed = parse_query(query, exact=exact)
        vector = embed_question(self.embedder, parsed.text)
        asked = Asked(query=parsed, vector=vector, vector_share=vector_share)
        with self._sources(branch, paths, languages, roles, asked=asked) as sources:
            return self._answer(started, parsed, sources, vector, limit, offset, max_tokens, explain, vector_share=vector_share)

    def search_several(
        self,
        queries: Sequence[str],
        *,
        limit: int = 10,
        offset: int = 0,
        paths: Iterable[str] = (),
        languages: Iterable[str] = (),
        roles: Iterable[str | Role] = (),
        branch: str | None = None,
        max_tokens: int | None = None,
    ) -> Answer:
        """Answer several phrasings or aspects of one question with one list; otherwise as `search`."""
        from codetriever.search.fuse import DEPTH, fuse
        from codetriever.search.pack import packed

        _check_page(limit, offset)
        filters: dict[str, Any] = {"paths": paths, "languages": languages, "roles": roles, "branch": branch}
        fused = fuse([self.search(query, limit=DEPTH, **filters) for query in queries])
        page = Found(fused.hits[offset : offset + limit], fused.total, fused.exhaustive, fused.weak, fused.note)
        page = page if max_tokens is None else packed(page, max_tokens, " ".join(queries))
        return replace(fused, hits=page.hits, note=page.note)

    def similar(
        self,
        what: str,
        *,
        limit: int = 10,
        offset: int = 0,
        paths: Iterable[str] = (),
        languages: Iterable[str] = (),
        roles: Iterable[str | Role] = (),
        branch: str | None = None,
        max_tokens: int | None = None,
        explain: bool = False,
    ) -> Answer:
        """Find code like a snippet, like the piece at `path:line`, or like the definition of a symbol; the example itself is left out."""
        from codetriever.search.similar import example

        started = time.perf_counter()
        with self._sources(branch, paths, languages, roles, asked=Asked(example=what)) as sources:
            found = example(sources, what, self.embedder)
            self._widen(sources, Asked(query=found.query, vector=found.vector))
            return self._answer(started, found.query, sources, found.vector, limit, offset, max_tokens, explain, found.without)

    def usages(
        self,
        symbol: str,
        *,
        limit: int = 100,
        offset: int = 0,
        paths: Iterable[str] = (),
        languages: Iterable[str] = (),
        roles: Iterable[str | Role] = (),
        branch: str | None = None,
    ) -> UsagesAnswer:
        """Find every occurrence of a symbol, definitions first."""
        from codetriever.search.usages import find_usages

        started = time.perf_counter()
        _check_page(limit, offset)
        with self._sources(branch, paths, languages, roles, asked=Asked(symbol=symbol)) as sources:
            found = find_usages(sources, symbol, limit=limit, offset=offset, mask=mask_secrets)
            note = self._left_out(sources)
            return UsagesAnswer(
                symbol,
                found.usages,
                found.total,
                found.counts,
                _generation(sources),
                self._freshness(sources),
                _elapsed_ms(started),
                exhaustive=not note,
                note=note,
            )

    def context(self, place: str, *, radius: int = 0, branch: str | None = None) -> ContextAnswer:
        """Show what surrounds `path:line`: the enclosing definition widened by `radius` lines, the imports, the neighbours."""
        from codetriever.search.context import surroundings
        from codetriever.search.places import find_file, split_place

        started = time.perf_counter()
        named = split_place(place)
        if named is None:
            raise InvalidQuery(f"{place!r} is not FILE:LINE.", hint="For example: codetriever context src/app.py:41")
        with self._sources(branch, asked=Asked(path=named[0])) as sources:
            number, file = find_file(sources, named[0])
            source = sources[number]
            around = surroundings(source.snapshot, file, named[1], radius=max(radius, 0), mask=mask_secrets)
            files = source.snapshot.files
            return ContextAnswer(
                files.paths[file],
                named[1],
                files.language_names[int(files.languages[file])],
                around.enclosing,
                around.imports,
                around.before,
                around.after,
                source.snapshot.info.generation,
                self._freshness([source]),
                _elapsed_ms(started),
                source.repository,
                source.branch,
            )

    def lines(self, hit: Hit, *, radius: int = 0) -> Excerpt:
        """Return a hit's lines and `radius` more each way, of the generation that answers now."""
        from codetriever.search.context import lines_around
        from codetriever.search.places import find_file

        with self._sources(hit.branch or None, repository=hit.repository) as sources:
            number, file = find_file(sources, hit.path)
            first, last = hit.start_line - radius, hit.end_line + radius
            return lines_around(sources[number].snapshot, file, first, last, mask=mask_secrets)

    def outline(self, path: str = "", *, branch: str | None = None, most: int | None = None, code_first: bool = False) -> OutlineAnswer:
        """Return what a file, or every file of a folder, defines; the path is relative to the repository's root.

        With `most`, no further file of a repository is read once so many definitions were found, and `note` says how many were not.
        `code_first` puts tests and documentation behind code.
        """
        from codetriever.search.outline import outline

        started = time.perf_counter()
        with self._sources(branch, asked=Asked(path=path)) as sources:
            files, missing, unread = [], None, 0
            for source in sources:
                try:
                    found, rest = outline(source, path, most=most, code_first=code_first, mask=mask_secrets)
                    files += found
                    unread += rest
                except PathNotFound as error:
                    missing = error
            if missing is not None and not files:
                raise missing
            total = sum(len(one.definitions) for one in files)
            note = self._left_out(sources) if total else "No definitions were found there."
            note += f" {unread:,} more files were not read." if unread else ""
            return OutlineAnswer(
                path, tuple(files), total, _generation(sources), self._freshness(sources), _elapsed_ms(started), note.strip()
            )

    def status(self) -> dict[str, Any]:
        """Return what is indexed, as plain values; the metrics are those of the last time it was written, and this process's."""
        from codetriever import metrics

        measured: dict[str, float] = {}
        for root in self._roots:
            if root.store.folder is not None:
                measured |= metrics.kept(root.store.folder / metrics.KEPT_FILE)
        repositories = [described(root) for root in self._roots]
        return {"model": self.embedder.model, "repositories": repositories, "metrics": measured | metrics.snapshot()}

    # The parts they share

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
        """Open what one answer is made from: a snapshot of every repository, or of the named one; `asked` tells what for."""
        wanted = make_filter(paths, languages, roles)
        if self._shared is not None:
            self._shared.database.measure_lag()
        with ExitStack() as exits:
            yield [
                Source(
                    exits.enter_context(root.store.snapshot(root.view(branch))),
                    replace(wanted, folders=root.folders),
                    name,
                    (branch or root.checkout.branch) if name else "",
                )
                for name, root in zip(names(self._roots), self._roots, strict=True)
                if repository is None or name == repository
            ]

    def _widen(self, sources: list[Source], asked: Asked) -> None:
        """Add the repositories that what is asked now may find something in, if not all are there."""

    def _left_out(self, sources: Sequence[Source]) -> str:
        """Say which repositories were left out of an answer, if any were."""
        return ""

    def _answer(
        self,
        started: float,
        query: Query,
        sources: list[Source],
        vector: NDArray[np.float32],
        limit: int,
        offset: int,
        max_tokens: int | None,
        explain: bool,
        without: Sequence[tuple[int, int, int, int]] = (),
        vector_share: float | None = None,
    ) -> Answer:
        _check_page(limit, offset)
        if vector_share is not None and not 0.0 <= vector_share <= 1.0:
            raise InvalidQuery(f"vector_share is {vector_share}; it can be 0 (words alone) to 1 (vectors alone).")
        found = search(
            sources,
            query,
            vector,
            limit=limit,
            offset=offset,
            explain=explain,
            without=without,
            mask=mask_page,
            vector_share=vector_share,
        )
        if max_tokens is not None:
            from codetriever.search.pack import packed

            found = packed(found, max_tokens, query.text)
        left_out = self._left_out(sources)
        return Answer(
            query.text,
            found.hits,
            found.total,
            found.exhaustive and not left_out,
            _generation(sources),
            self._freshness(sources),
            _elapsed_ms(started),
            found.weak,
            " ".join(filter(None, (found.note, left_out))),
        )

    def _freshness(self, sources: Sequence[Source]) -> Freshness:
        indexed_at = min(source.snapshot.info.indexed_at for source in sources)
        notes = list(dict.fromkeys(root.note for root in self._roots if root.note))
        roots = dict(zip(names(self._roots), self._roots, strict=True))
        if any(roots[source.repository].lacks_vectors(source.snapshot.info) for source in sources):
            notes.append(f"Some chunks have no vectors of {self.embedder.model} yet and are found by their words: index it to make them.")
        pending = sum(root.pending for root in self._roots)
        lag_s = self._shared.database.lag_s if self._shared else 0.0
        return Freshness(indexed_at, max(time.time() - indexed_at, 0.0), pending, " ".join(notes), lag_s)


def _check_page(limit: int, offset: int) -> None:
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidQuery(f"limit is {limit!r}; it can be 1 to {MAX_LIMIT}.", hint="Use an offset for the hits that follow.")
    if not isinstance(offset, int) or offset < 0:
        raise InvalidQuery(f"offset is {offset!r}; it is a whole number, 0 or more.")


def _refuse(reason: str) -> bool:
    raise ConfirmationNeeded(reason, hint="Name a smaller folder, or say --yes (confirm= in Python).")


def _generation(sources: Sequence[Source]) -> int:
    return max(source.snapshot.info.generation for source in sources)


def _elapsed_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0
