"""Index: the one door for the command line, MCP, REST and Python programs."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codetriever.config import Settings, store_folder
from codetriever.corpus.git import Checkout, locate
from codetriever.corpus.masking import mask_secrets
from codetriever.errors import ConfirmationNeeded, InvalidQuery, PathNotFound, ViewNotFound
from codetriever.search.filters import language_name
from codetriever.search.query import parse_query
from codetriever.search.search import Found, Source, search
from codetriever.store.embedded.folder import repository_folder
from codetriever.types import Answer, ContextAnswer, Filter, Freshness, IndexReport, OutlineAnswer, Role, UsagesAnswer, ViewKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from codetriever.embedding.static import StaticEmbedder
    from codetriever.search.query import Query
    from codetriever.store.embedded import EmbeddedStore
    from codetriever.store.store import Snapshot
    from codetriever.types import Excerpt, Hit

MAX_LIMIT = 100
_WRITER_SHARE = 8  # of the memory setting is what the store's writer may buffer


@cache
def default_embedder() -> StaticEmbedder:
    """Load the model that comes with the package, once per process."""
    from codetriever.embedding.static import load_static

    return load_static()


@dataclass(slots=True)
class _Root:
    """One repository of an index: where it is, its store, and the folders that were named in it."""

    checkout: Checkout
    store: EmbeddedStore
    folders: tuple[str, ...]
    pending: int = 0
    note: str = ""

    @property
    def key(self) -> ViewKey:
        return ViewKey(str(self.checkout.root), self.checkout.branch)


class Index:
    """The index of one or several paths; a context manager.

    Reading methods answer from the last generation; `refresh` makes a new one. Methods raise the errors of `codetriever.errors`.
    """

    def __init__(self, *paths: str | Path, settings: Settings) -> None:
        """Open the index of these paths; `codetriever.open` is the usual way to get here."""
        self.settings = settings
        self.embedder = default_embedder()
        self._exits = ExitStack()
        self._store_folder = store_folder(settings).path
        self._roots = self._open_roots([Path(path) for path in paths] or [Path.cwd()])
        self._snapshots: dict[ViewKey, tuple[int, Snapshot, ExitStack]] = {}

    def __enter__(self) -> Self:
        """Return the index itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the index."""
        self.close()

    def close(self) -> None:
        """Release files and memory. An index may be closed twice, but not used afterwards."""
        for _, _, exits in self._snapshots.values():
            exits.close()
        self._snapshots.clear()
        self._exits.close()

    @property
    def checkouts(self) -> tuple[Checkout, ...]:
        """The repositories of this index, as they lie on disk."""
        return tuple(root.checkout for root in self._roots)

    @property
    def roots(self) -> dict[str, Path]:
        """Where each repository lies, by the name that its hits carry: "" when there is only one."""
        return dict(zip(self._names(), (root.checkout.root for root in self._roots), strict=True))

    def _names(self) -> list[str]:
        """Return the repositories' names as hits carry them; two of one name are told apart by their folders."""
        if len(self._roots) == 1:
            return [""]
        names = [_name(root.checkout) for root in self._roots]
        return [name if names.count(name) == 1 else str(root.checkout.root) for name, root in zip(names, self._roots, strict=True)]

    def _open_roots(self, paths: Sequence[Path]) -> list[_Root]:
        from codetriever.store.embedded import open_store

        roots: dict[Path, _Root] = {}
        for path in paths:
            if not path.exists():
                raise PathNotFound(f"{path} does not exist.", hint="Give a file or folder, or nothing for the working directory.")
            checkout = locate(path)
            known = roots.get(checkout.root)
            if known is not None:
                known.folders = () if "" in (checkout.folder, *known.folders) or not known.folders else (*known.folders, checkout.folder)
                continue
            folder = repository_folder(self._store_folder, checkout.identity)
            store = open_store(
                folder,
                model=self.embedder.model,
                dimensions=self.embedder.dimensions,
                identity=checkout.identity,
                memory_bytes=self.settings.memory // _WRITER_SHARE,
            )
            self._exits.callback(store.close)
            roots[checkout.root] = _Root(checkout, store, (checkout.folder,) if checkout.folder else ())
        return list(roots.values())

    # Writing

    def is_indexed(self) -> bool:
        """Return whether every path has a generation to answer from."""
        return all(root.store.generation(root.key) for root in self._roots)

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
        for root in self._roots:
            self._release(root.key)
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
        return _joined(reports)

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
        sources = self._sources(paths, languages, roles, branch)
        vector = self.embedder.embed_query(parsed.text)
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

        _check_page(limit, offset)
        filters: dict[str, Any] = {"paths": paths, "languages": languages, "roles": roles, "branch": branch}
        fused = fuse([self.search(query, limit=DEPTH, **filters) for query in queries])
        page = Found(fused.hits[offset : offset + limit], fused.total, fused.exhaustive, fused.weak, fused.note)
        page = page if max_tokens is None else _packed(page, max_tokens)
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
        sources = self._sources(paths, languages, roles, branch)
        found = example(sources, what, self.embedder)
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
        sources = self._sources(paths, languages, roles, branch)
        found = find_usages(sources, symbol, limit=limit, offset=offset, mask=mask_secrets)
        return UsagesAnswer(
            symbol, found.usages, found.total, found.counts, _generation(sources), self._freshness(sources), _elapsed_ms(started)
        )

    def context(self, place: str, *, radius: int = 0, branch: str | None = None) -> ContextAnswer:
        """Show what surrounds `path:line`: the enclosing definition widened by `radius` lines, the imports, the neighbours."""
        from codetriever.search.context import surroundings
        from codetriever.search.places import find_file, split_place

        started = time.perf_counter()
        named = split_place(place)
        if named is None:
            raise InvalidQuery(f"{place!r} is not FILE:LINE.", hint="For example: codetriever context src/app.py:41")
        sources = self._sources((), (), (), branch)
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

        sources = [source for source in self._sources((), (), (), hit.branch or None) if source.repository == hit.repository]
        number, file = find_file(sources, hit.path)
        first, last = hit.start_line - radius, hit.end_line + radius
        return lines_around(sources[number].snapshot, file, first, last, mask=mask_secrets)

    def outline(self, path: str = "", *, branch: str | None = None, most: int | None = None) -> OutlineAnswer:
        """Return what a file, or every file of a folder, defines; the path is relative to the repository's root.

        With `most`, no further file of a repository is read once so many definitions were found.
        """
        from codetriever.search.outline import outline

        started = time.perf_counter()
        sources = self._sources((), (), (), branch)
        files, missing = [], None
        for source in sources:
            try:
                files += outline(source, path, most=most, mask=mask_secrets)
            except PathNotFound as error:
                missing = error
        if missing is not None and not files:
            raise missing
        total = sum(len(one.definitions) for one in files)
        note = "" if total else "No definitions were found there."
        return OutlineAnswer(path, tuple(files), total, _generation(sources), self._freshness(sources), _elapsed_ms(started), note)

    def status(self) -> dict[str, Any]:
        """Return what is indexed, as plain values; the metrics are those of the last time it was written, and this process's."""
        from codetriever import metrics

        repositories = []
        measured: dict[str, float] = {}
        for root in self._roots:
            measured |= metrics.kept(root.store.folder / metrics.KEPT_FILE)
            views = root.store.views()
            repositories.append(
                {
                    "repository": _name(root.checkout),
                    "root": str(root.checkout.root),
                    "branch": root.checkout.branch,
                    "head": root.checkout.head,
                    "store": str(root.store.folder),
                    "size_bytes": root.store.size_bytes(),
                    "views": [
                        {
                            "root": view.key.root,
                            "branch": view.key.branch,
                            "generation": view.generation,
                            "head": view.head,
                            "indexed_at": view.indexed_at,
                            "used_at": view.used_at,
                            "files": view.files,
                            "chunks": view.chunks,
                            "text_bytes": view.text_bytes,
                        }
                        for view in views
                    ],
                }
            )
        return {"model": self.embedder.model, "repositories": repositories, "metrics": measured | metrics.snapshot()}

    # The parts they share

    def _sources(self, paths: Iterable[str], languages: Iterable[str], roles: Iterable[str | Role], branch: str | None) -> list[Source]:
        globs, wanted = _several(paths), tuple(map(language_name, _several(languages)))
        try:
            role_values = tuple(Role(role) for role in _several(roles))
        except ValueError as error:
            raise InvalidQuery(f"{error}.".replace("Role", "role"), hint=f"Roles are {', '.join(Role)}.") from None
        return [
            Source(
                self._snapshot(root, branch),
                Filter(globs, wanted, role_values, root.folders),
                name,
                (branch or root.checkout.branch) if name else "",
            )
            for name, root in zip(self._names(), self._roots, strict=True)
        ]

    def _snapshot(self, root: _Root, branch: str | None) -> Snapshot:
        key = root.key if branch is None else self._branch_key(root, branch)
        generation = root.store.generation(key)
        held = self._snapshots.get(key)
        if held is not None and held[0] == generation:
            return held[1]
        self._release(key)
        if generation == 0:
            raise ViewNotFound(f"{key.root} is not indexed.", hint=f"codetriever index {key.root}")
        exits = ExitStack()
        snapshot = exits.enter_context(root.store.snapshot(key))
        self._snapshots[key] = (snapshot.info.generation, snapshot, exits)
        return snapshot

    def _release(self, key: ViewKey) -> None:
        held = self._snapshots.pop(key, None)
        if held is not None:
            held[2].close()

    def _branch_key(self, root: _Root, branch: str) -> ViewKey:
        views = root.store.views()
        of_branch = [view.key for view in views if view.key.branch == branch]
        if not of_branch:
            known = ", ".join(sorted({view.key.branch for view in views if view.key.branch})) or "none"
            raise ViewNotFound(
                f"Branch {branch!r} of {root.checkout.root} is not indexed; indexed are: {known}.",
                hint=f"git switch {branch} && codetriever index",
            )
        return next((key for key in of_branch if key.root == root.key.root), of_branch[0])

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
            mask=mask_secrets,
            vector_share=vector_share,
        )
        if max_tokens is not None:
            found = _packed(found, max_tokens)
        return Answer(
            query.text,
            found.hits,
            found.total,
            found.exhaustive,
            _generation(sources),
            self._freshness(sources),
            _elapsed_ms(started),
            found.weak,
            found.note,
        )

    def _freshness(self, sources: Sequence[Source]) -> Freshness:
        indexed_at = min(source.snapshot.info.indexed_at for source in sources)
        notes = " ".join(dict.fromkeys(root.note for root in self._roots if root.note))
        return Freshness(indexed_at, max(time.time() - indexed_at, 0.0), sum(root.pending for root in self._roots), notes)


def _packed(found: Found, max_tokens: int) -> Found:
    from codetriever.search.pack import pack

    hits, cut = pack(found.hits, max_tokens)
    left_out = len(found.hits) - len(hits)
    notes = [found.note] if found.note else []
    if cut:
        notes.append(f"{cut} of {len(hits)} hits are cut to their first lines; `context PATH:LINE` shows the rest.")
    if left_out:
        notes.append(f"{left_out} more did not fit into {max_tokens} tokens; --offset {len(hits)} goes on.")
    return replace(found, hits=tuple(hits), note=" ".join(notes))


def _several(values: Iterable[str]) -> tuple[str, ...]:
    """Return the values; a single one may be given as it is."""
    return (values,) if isinstance(values, str) else tuple(values)


def _check_page(limit: int, offset: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidQuery(f"limit is {limit}; it can be 1 to {MAX_LIMIT}.", hint="Use --offset for the hits that follow.")
    if offset < 0:
        raise InvalidQuery(f"offset is {offset}; it cannot be negative.")


def _refuse(reason: str) -> bool:
    raise ConfirmationNeeded(reason, hint="Name a smaller folder, or say --yes (confirm= in Python).")


def _generation(sources: Sequence[Source]) -> int:
    return max(source.snapshot.info.generation for source in sources)


def _elapsed_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0


def _name(checkout: Checkout) -> str:
    """Return what a repository is called: its origin without scheme and user, else its folder's name."""
    origin = checkout.origin.removesuffix(".git").removesuffix("/")
    if origin.startswith(("http://", "https://", "ssh://", "git://")):
        return origin.split("://", 1)[1].rsplit("@", 1)[-1]
    if "@" in origin and ":" in origin:
        return origin.rsplit("@", 1)[-1].replace(":", "/", 1)
    return checkout.root.name


def _joined(reports: Sequence[IndexReport]) -> IndexReport:
    if len(reports) == 1:
        return reports[0]
    metrics: dict[str, float] = {}
    for report in reports:
        metrics.update(report.metrics)
    return IndexReport(
        generation=max(report.generation for report in reports),
        files=sum(report.files for report in reports),
        chunks=sum(report.chunks for report in reports),
        text_bytes=sum(report.text_bytes for report in reports),
        read=sum(report.read for report in reports),
        analysed_blobs=sum(report.analysed_blobs for report in reports),
        embedded_chunks=sum(report.embedded_chunks for report in reports),
        removed=sum(report.removed for report in reports),
        skips=tuple(skip for report in reports for skip in report.skips),
        pending=sum(report.pending for report in reports),
        took_s=sum(report.took_s for report in reports),
        note=" ".join(dict.fromkeys(report.note for report in reports if report.note)),
        metrics=metrics,
    )
