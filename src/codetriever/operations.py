"""What is stored, why is a file (not) in it, and is everything well? The door beside `api` for looking after an installation."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever import __version__, metrics
from codetriever.config import format_size, store_folder
from codetriever.corpus.git import locate
from codetriever.errors import CodetrieverError, PathNotFound, ViewNotFound
from codetriever.roots import shared_name
from codetriever.store.embedded.cache import remove_store
from codetriever.store.embedded.folder import repository_folder
from codetriever.store.embedded.store import open_store
from codetriever.system import folder_bytes

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from codetriever.api import Index
    from codetriever.config import Settings
    from codetriever.corpus.explain import Explanation
    from codetriever.types import Chunk, ViewInfo

_LOCK_WAIT_S: Final = 10.0
_VERIFY_S: Final = 10.0
_DEBOUNCE_MS: Final = 800  # editors and branch switches change many files in a row
_ROOM_BYTES: Final = 1_000_000_000
OK, WARNING, ERROR = "ok", "warning", "error"


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """One repository's index: its folder, its size on disk, what it knows. `problem` says why it cannot be read, if so."""

    folder: Path
    size_bytes: int
    used_at: float  # seconds since the epoch, 0 when unknown
    views: tuple[ViewInfo, ...] = ()
    problem: str = ""

    @property
    def root(self) -> str:
        """A checkout that it is the index of, or its own folder when none can be read."""
        return self.views[0].key.root if self.views else str(self.folder)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `state` is ok, warning or error; `mend` says what to do unless it is ok."""

    name: str
    state: str
    found: str
    mend: str = ""


def stored_indexes(store: Path) -> list[StoredIndex]:
    """Return every index in a store, the most recently used first."""
    folders = [folder for folder in store.iterdir() if folder.is_dir()] if store.is_dir() else []
    return sorted(map(_read_index, folders), key=lambda index: (-index.used_at, index.folder))


def _read_index(folder: Path) -> StoredIndex:
    size_bytes = folder_bytes(folder)
    try:
        with open_store(folder, model="", dimensions=0, read_only=True) as opened:
            views = tuple(opened.views())
    except CodetrieverError as error:
        return StoredIndex(folder, size_bytes, 0.0, problem=error.message)
    return StoredIndex(folder, size_bytes, max((view.used_at for view in views), default=0.0), views)


def find_index(path: Path, store: Path) -> StoredIndex:
    """Return the index of the repository that a path lies, or lay, in, or that the path is itself; raises `ViewNotFound`."""
    real = Path(os.path.realpath(path))
    if real.parent == store.resolve() and real.is_dir():
        return _read_index(real)
    try:
        folder = repository_folder(store, locate(path).identity)
    except PathNotFound:
        for index in stored_indexes(store):
            if any(view.key.root == str(real) for view in index.views):
                return index
    else:
        if folder.is_dir():
            return _read_index(folder)
    raise ViewNotFound(f"{path} is not indexed.", hint="`codetriever list` shows what is.")


def is_in_checkout(path: Path) -> bool:
    """Say whether a path lies in a working tree of git."""
    return locate(path).is_git


def repository_of(path: Path) -> str:
    """Return what the repository that a path lies in is called in a database; raises `PathNotFound`."""
    return shared_name(locate(path))


def remove_index(index: StoredIndex) -> None:
    """Delete an index from the disk; raises `StoreLocked` while somebody writes it."""
    remove_store(index.folder, wait_s=_LOCK_WAIT_S)


def keep_metrics(index: Index) -> None:
    """Keep the metrics of this process beside the index, where its status finds them; a database has no such place."""
    if index.settings.database_url:
        return
    store = store_folder(index.settings).path
    for checkout in index.checkouts:
        metrics.keep(repository_folder(store, checkout.identity) / metrics.KEPT_FILE)


def changes(index: Index, *, stop: threading.Event | None = None) -> Iterator[None]:
    """Yield whenever files of an index have changed, a flurry of changes as one, until the event is set."""
    import watchfiles

    ignored = store_folder(index.settings).path
    yield from (
        None
        for _ in watchfiles.watch(
            *(checkout.root for checkout in index.checkouts),
            watch_filter=lambda _, path: _matters(path, ignored),
            debounce=_DEBOUNCE_MS,
            stop_event=stop,
            ignore_permission_denied=True,
        )
    )


def _matters(path: str, store: Path) -> bool:
    """Say whether a change can change the index: git's own files do when a branch is switched, the index itself never."""
    parts = Path(path).parts
    if ".git" in parts:
        return parts[-1] == "HEAD"
    return not Path(path).is_relative_to(store)


@dataclass(frozen=True, slots=True)
class ExplainedPath:
    """Why a file is indexed or not, and if so, how it is cut. `parser` is the language parsed, "" when it is cut by lines alone."""

    explanation: Explanation
    parser: str = ""
    chunks: tuple[Chunk, ...] = ()


def explain_path(path: Path, settings: Settings) -> ExplainedPath:
    """Say why a file is or is not indexed, and what it is cut into; raises `PathNotFound`."""
    from codetriever.chunking import cut
    from codetriever.corpus.explain import explain
    from codetriever.corpus.read import Content, read_file
    from codetriever.corpus.text import decode

    found = explain(
        locate(path if os.path.isdir(path) else path.parent),  # noqa: PTH112 (never raises)
        str(path),
        hidden=settings.hidden,
        no_ignore=settings.no_ignore,
        max_bytes=settings.max_file_bytes,
    )
    content = read_file(Path(found.root), found.path, max_bytes=settings.max_file_bytes) if found.is_indexed else None
    if not isinstance(content, Content):
        return ExplainedPath(found)
    pieces = cut(decode(content.data).utf8, found.language)
    return ExplainedPath(found, pieces.parser, tuple(pieces.chunks))


def examine(settings: Settings) -> list[Check]:
    """Look at everything that Codetriever needs."""
    checks = [_check_python(), _check_model(settings), _check_grammars(), _check_git()]
    return [*checks, *_check_store(settings), *_check_extras()]


def _check_python() -> Check:
    return Check("version", OK, f"codetriever {__version__}, Python {sys.version.split()[0]}, {sys.platform}")


def _check_model(settings: Settings) -> Check:
    from codetriever.embedding.embedder import embed_texts
    from codetriever.models import embedder_for

    try:
        embedder = embedder_for(settings)
        row = embed_texts(embedder, ["open a file"])
    except CodetrieverError as error:
        return Check("model", ERROR, error.message, error.hint or "codetriever model list")
    if not row.any():
        return Check("model", ERROR, f"{embedder.model} does not know the plainest words", "codetriever model use static")
    return Check("model", OK, f"{embedder.model}, {embedder.dimensions} dimensions")


def _check_grammars() -> Check:
    from codetriever.chunking.grammars import GRAMMARS
    from codetriever.chunking.parse import load_language

    missing = {GRAMMARS[language].module: language for language in GRAMMARS if load_language(language) is None}
    if missing:
        wheels = " ".join(sorted(module.replace("_", "-") for module in missing))
        found = f"{len(missing)} of {len(GRAMMARS)} grammars do not load: {', '.join(sorted(missing.values()))}"
        return Check("grammars", WARNING, f"{found}; these languages are cut by lines", f"pip install --force-reinstall {wheels}")
    return Check("grammars", OK, f"{len(GRAMMARS)} languages")


def _check_git() -> Check:
    found = shutil.which("git")
    return (
        Check("git", OK, found)
        if found
        else Check("git", WARNING, "git is not installed; files are listed without it, more slowly", "install git")
    )


def _check_store(settings: Settings) -> Iterator[Check]:
    try:
        folder = store_folder(settings)
    except CodetrieverError as error:
        yield Check("store", ERROR, error.message, error.hint)
        return
    mode = stat.S_IMODE(folder.path.stat().st_mode)
    if folder.note:
        yield Check("store", WARNING, folder.note, "make the cache folder writable, or set CODETRIEVER_STORE")
    elif not os.access(folder.path, os.W_OK):
        yield Check("store", WARNING, f"{folder.path} cannot be written: it can be searched only", f"chmod u+w {folder.path}")
    elif mode & 0o077:
        yield Check("store", WARNING, f"{folder.path} can be opened by others (mode {mode:o})", f"chmod 700 {folder.path}")
    else:
        yield Check("store", OK, str(folder.path))
    yield _check_room(folder.path)
    yield _check_indexes(settings, stored_indexes(folder.path))


def _check_room(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    if free < _ROOM_BYTES:
        return Check("disk", WARNING, f"{format_size(free)} are free", "make room, or name a store on another disk with --store")
    return Check("disk", OK, f"{format_size(free)} are free")


def _check_indexes(settings: Settings, indexes: Sequence[StoredIndex]) -> Check:
    """Compare the checksums of the indexes, the most recently used first, for as long as a person waits."""
    deadline = time.monotonic() + _VERIFY_S
    verified = 0
    for index in indexes:
        problem = index.problem
        if not problem and time.monotonic() < deadline:
            problem = _damage(index)
            verified += 1
        if problem:
            return Check("indexes", ERROR, problem, f"codetriever remove {index.root} --yes, then index it again")
    total = sum(index.size_bytes for index in indexes)
    found = f"{verified} of {len(indexes)} verified, {format_size(total)} of at most {format_size(settings.cache_limit_bytes)}"
    if total > settings.cache_limit_bytes:
        return Check("indexes", WARNING, found, "codetriever list, then codetriever remove what is not needed")
    return Check("indexes", OK, found)


def _damage(index: StoredIndex) -> str:
    try:
        with open_store(index.folder, model="", dimensions=0, read_only=True) as opened:
            opened.verify()
    except CodetrieverError as error:
        return error.message
    return ""


def _check_extras() -> Iterator[Check]:
    from importlib.metadata import version

    extras = (
        ("memray", "profile", "measures allocations for index --profile-memory"),
        ("onnxruntime", "transformer", "runs sentence models"),
    )
    for module, extra, purpose in extras:
        if find_spec(module):
            yield Check(extra, OK, f"{module} {version(module)}")
        else:
            yield Check(extra, OK, f"not installed ({purpose}): pip install 'codetriever[{extra}]'")


def as_row(index: StoredIndex) -> dict[str, Any]:
    """Return an index as interfaces print it, its views flattened."""
    views = [
        {
            "root": view.key.root,
            "branch": view.key.branch,
            "generation": view.generation,
            "files": view.files,
            "chunks": view.chunks,
            "text_bytes": view.text_bytes,
            "indexed_at": view.indexed_at,
            "used_at": view.used_at,
        }
        for view in index.views
    ]
    row: dict[str, Any] = {"folder": str(index.folder), "size_bytes": index.size_bytes, "used_at": index.used_at, "views": views}
    return {**row, "problem": index.problem} if index.problem else row
