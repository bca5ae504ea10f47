"""What does a file, or every file of a folder, define?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.errors import PathNotFound
from codetriever.search.context import as_definitions
from codetriever.search.filters import allowed_files
from codetriever.search.places import position
from codetriever.types import FileOutline, Filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetriever.search.search import Source


def outline(
    source: Source, path: str, *, most: int | None = None, code_first: bool = False, mask: Callable[[str], str] = str
) -> tuple[list[FileOutline], int]:
    """Return what the file defines, or the files of the folder ("" or "." is the root) that define anything, and how many were not read.

    Files come by path or, `code_first`, those with code before tests, and tests before the others. No further file is read once `most`
    definitions were found. `mask` is applied to the signatures. Raises `PathNotFound` when nothing indexed is called so.
    """
    snapshot = source.snapshot
    path = "" if path == "." else path.removeprefix("./").rstrip("/")
    if path and position(snapshot, path) < 0:
        allowed = allowed_files(snapshot.files, Filter(folders=(path,)))
        files = np.flatnonzero(np.asarray(allowed))
        if len(files) == 0:
            raise PathNotFound(f"{path} is not in the index.", hint=f"`codetriever explain-path {path}` says why.")
    else:
        files = np.array([position(snapshot, path)]) if path else np.arange(len(snapshot.files.blobs))
    files = files[snapshot.file_first[files] >= 0]
    if code_first:
        files = files[np.argsort(snapshot.files.roles[files], kind="stable")]
    found: list[FileOutline] = []
    count = 0
    for number, file in enumerate(files.tolist()):
        if most is not None and count >= most:
            return found, len(files) - number
        definitions = tuple(as_definitions(snapshot.definitions(file), mask=mask))
        if definitions or len(files) == 1:
            language = snapshot.files.language_names[int(snapshot.files.languages[file])]
            count += len(definitions)
            found.append(FileOutline(snapshot.files.paths[file], language, definitions, source.repository))
    return found, 0
