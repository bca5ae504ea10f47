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


def outline(source: Source, path: str, *, most: int | None = None, mask: Callable[[str], str] = str) -> list[FileOutline]:
    """Return the definitions of the file, or of the files of the folder ("" or "." is the root) that have any, by path.

    No further file is read once `most` definitions were found. `mask` is applied to the signatures.
    Raises `PathNotFound` when nothing indexed is called so.
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
    found: list[FileOutline] = []
    count = 0
    for file in files[snapshot.file_first[files] >= 0].tolist():
        if most is not None and count >= most:
            break
        definitions = tuple(as_definitions(snapshot.definitions(file), mask=mask))
        if definitions or len(files) == 1:
            language = snapshot.files.language_names[int(snapshot.files.languages[file])]
            count += len(definitions)
            found.append(FileOutline(snapshot.files.paths[file], language, definitions, source.repository))
    return found
