"""Which folders may be searched? Those that the user allowed and those that the client names as its roots, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from codetriever.errors import InvalidArguments, PathNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 200
_HOW_TO_ALLOW = "Folders are allowed by the client's roots, by `codetriever mcp --allow FOLDER`, or by starting the server in them."


@dataclass(slots=True)
class Roots:
    """The folders that may be searched, absolute and free of links.

    `allowed` are the user's, `named` the client's, in the order in which it names them. `here` is the working directory, which
    relative paths start from.
    """

    allowed: tuple[Path, ...]
    here: Path
    named: tuple[Path, ...] = field(default=())

    @property
    def all(self) -> tuple[Path, ...]:
        """Every folder that may be searched, the client's first."""
        return tuple(dict.fromkeys((*self.named, *self.allowed)))

    def folders(self, path: str) -> tuple[Path, ...]:
        """Return what a call with this `path` is about: the path, or without one the client's roots, or the only allowed folder.

        Raises `PathNotFound` for what is missing or lies outside, `InvalidArguments` when it is not clear which folder is meant.
        """
        if path:
            return (self.inside(path),)
        if self.named:
            return self._present(self.named)
        if self.here in self.allowed:
            return self._present((self.here,))
        if len(self.allowed) == 1:
            return self._present(self.allowed)
        if not self.allowed:
            raise PathNotFound("No folder may be searched.", hint=_HOW_TO_ALLOW)
        raise InvalidArguments("It is not clear which folder is meant.", hint=f"Set path to one within {self._listed()}.")

    def inside(self, path: str) -> Path:
        """Return an existing path within the folders, links resolved; raises `PathNotFound`, which says nothing about what is outside."""
        try:
            real = Path(os.path.realpath(self.here / Path(path).expanduser()))
            is_there = real.exists()
        except (OSError, ValueError, RuntimeError):
            raise PathNotFound(f"{path[:_SHOWN]!r} is no path.") from None
        if not any(real.is_relative_to(folder) for folder in self.all):
            hint = f"Allowed are {self._listed()}. {_HOW_TO_ALLOW}" if self.all else _HOW_TO_ALLOW
            raise PathNotFound(f"{path[:_SHOWN]} lies outside the folders that may be searched.", hint=hint)
        if not is_there:
            raise PathNotFound(f"There is no file or folder {path[:_SHOWN]}.", hint=f"Relative paths start from {self.here}.")
        return real

    def _present(self, folders: tuple[Path, ...]) -> tuple[Path, ...]:
        present = tuple(folder for folder in folders if folder.exists())
        if not present:
            raise PathNotFound(f"{', '.join(map(str, folders))} is no longer there.", hint=_HOW_TO_ALLOW)
        return present

    def _listed(self) -> str:
        return ", ".join(map(str, self.all))


def labels(roots: Iterable[Path]) -> dict[Path, str]:
    """Return what paths below each of several roots begin with in answers: its folder's name, or its whole path where names are alike."""
    roots = tuple(roots)
    names = [root.name for root in roots]
    return {root: name if name and names.count(name) == 1 else str(root) for root, name in zip(roots, names, strict=True)}


def unlabelled(roots: Iterable[Path], path: str) -> list[Path]:
    """Return the places that a path may mean which begins with the label of one of several roots."""
    found = labels(roots)
    first, _, rest = path.replace("\\", "/").removeprefix("./").partition("/")
    return [root / rest for root, label in found.items() if len(found) > 1 and label == first]


def starting_roots(allowed: Iterable[str]) -> Roots:
    """Return the folders that the user allows: those named, else the working directory unless it is a home or root folder.

    Desktop programs start their servers there, and nobody means all of it. Raises `PathNotFound`.
    """
    here = Path.cwd().resolve()
    folders = []
    for name in allowed:
        folder = Path(name).expanduser().resolve()
        if not folder.is_dir():
            raise PathNotFound(f"--allow {name}: there is no such folder.", hint="Name a folder that exists.")
        folders.append(folder)
    if not folders and here not in (Path.home().resolve(), Path(here.anchor)):
        folders.append(here)
    return Roots(tuple(dict.fromkeys(folders)), here)


def folders_of(uris: Iterable[str]) -> tuple[Path, ...]:
    """Return the folders of `file:` addresses, links resolved; what is no folder of this machine is left out."""
    found = []
    for uri in uris:
        parts = urlsplit(uri)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            try:
                folder = Path(url2pathname(parts.path)).resolve()
                if folder.is_dir():
                    found.append(folder)
            except (OSError, ValueError, RuntimeError):
                continue
    return tuple(dict.fromkeys(found))
