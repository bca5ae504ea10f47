"""Which repositories does an index have, what are they called, and which view of each is asked?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetriever.corpus.git import is_git_folder, locate
from codetriever.errors import PathNotFound, ViewNotFound
from codetriever.store.embedded.folder import repository_folder
from codetriever.types import IndexReport, ViewKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from codetriever.corpus.git import Checkout
    from codetriever.embedding.embedder import Embedder
    from codetriever.store.store import Store
    from codetriever.types import ViewInfo


class Root:
    """One repository of an index: where it is, its store, the folders that were named in it, and what the last refresh left undone."""

    def __init__(self, checkout: Checkout, store: Store, folders: tuple[str, ...]) -> None:
        self.checkout = checkout
        self.store = store
        self.folders = folders
        self.pending = 0
        self.note = ""
        self._whole: dict[ViewKey, int] = {}  # the generation of a view that is known to lack nothing

    @property
    def key(self) -> ViewKey:
        """The view of what is checked out."""
        return ViewKey(str(self.checkout.root), self.checkout.branch)

    def lacks_vectors(self, info: ViewInfo) -> bool:
        """Say whether chunks have no vector of the model that is set; a generation that has them all is looked at once."""
        if self._whole.get(info.key) != info.generation:
            if not self.store.is_complete(info.key):
                return True
            self._whole[info.key] = info.generation
        return False

    def view(self, branch: str | None) -> ViewKey:
        """Return the view of a branch, if possible this checkout's, or without a branch that of what is checked out."""
        if branch is None:
            return self.key
        views = self.store.views()
        of_branch = [view.key for view in views if view.key.branch == branch]
        if not of_branch:
            known = ", ".join(sorted({view.key.branch for view in views if view.key.branch})) or "none"
            raise ViewNotFound(
                f"Branch {branch!r} of {self.checkout.root} is not indexed; indexed are: {known}.",
                hint=f"git switch {branch} && codetriever index",
            )
        return next((key for key in of_branch if key.root == self.key.root), of_branch[0])


def open_roots(paths: Sequence[Path], open_one: Callable[[Checkout], Store]) -> list[Root]:
    """Open the stores of the repositories that these paths lie in, each once; raises `PathNotFound`."""
    roots: dict[Path, Root] = {}
    for path in paths:
        if not path.exists():
            raise PathNotFound(f"{path} does not exist.", hint="Give a file or folder, or nothing for the working directory.")
        if is_git_folder(path):
            raise PathNotFound(f"{path} is where git keeps a repository: there are no files in it.", hint="Name a checkout (git clone).")
        checkout = locate(path)
        known = roots.get(checkout.root)
        if known is not None:
            known.folders = () if "" in (checkout.folder, *known.folders) or not known.folders else (*known.folders, checkout.folder)
            continue
        roots[checkout.root] = Root(checkout, open_one(checkout), (checkout.folder,) if checkout.folder else ())
    return list(roots.values())


def open_embedded(checkout: Checkout, store_folder: Path, embedder: Embedder, *, memory_bytes: int) -> Store:
    """Open the store of a repository in the folder of all stores."""
    from codetriever.store.embedded import open_store

    return open_store(
        repository_folder(store_folder, checkout.identity),
        model=embedder.model,
        dimensions=embedder.dimensions,
        identity=checkout.identity,
        memory_bytes=memory_bytes,
    )


def names(roots: Sequence[Root]) -> list[str]:
    """Return the repositories' names as hits carry them: "" for the only one; two of one name are told apart by their folders."""
    if len(roots) == 1:
        return [""]
    called = [repository_name(root.checkout) for root in roots]
    return [name if called.count(name) == 1 else str(root.checkout.root) for name, root in zip(called, roots, strict=True)]


def repository_name(checkout: Checkout) -> str:
    """Return what a repository is called: its origin without scheme and user, else its folder's name."""
    origin = checkout.origin.removesuffix(".git").removesuffix("/")
    if origin.startswith(("http://", "https://", "ssh://", "git://")):
        return origin.split("://", 1)[1].rsplit("@", 1)[-1]
    if "@" in origin and ":" in origin:
        return origin.rsplit("@", 1)[-1].replace(":", "/", 1)
    return checkout.root.name


def shared_name(checkout: Checkout) -> str:
    """Return what a repository is called in a database: its origin (`github.com/owner/repository`), else `local/<folder>`."""
    name = repository_name(checkout)
    return name if checkout.origin and "/" in name else f"local/{checkout.root.name}"


def described(root: Root) -> dict[str, Any]:
    """Return what is indexed of a repository, as plain values."""
    return {
        "repository": repository_name(root.checkout),
        "root": str(root.checkout.root),
        "branch": root.checkout.branch,
        "head": root.checkout.head,
        "store": root.store.place,
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
            for view in root.store.views()
        ],
    }


def joined(reports: Sequence[IndexReport]) -> IndexReport:
    """Return what the refreshes of several repositories did together."""
    if len(reports) == 1:
        return reports[0]
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
        metrics={name: value for report in reports for name, value in report.metrics.items()},
    )
