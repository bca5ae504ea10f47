"""Which files may an answer come from?"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from codetriever.errors import InvalidQuery
from codetriever.types import Filter, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from pathspec import GitIgnoreSpec

    from codetriever.types import FileTable


# What people call some languages.
_LANGUAGE_NAMES = {
    "c#": "csharp",
    "c++": "cpp",
    "golang": "go",
    "js": "javascript",
    "jsx": "javascript",
    "kt": "kotlin",
    "md": "markdown",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "ts": "typescript",
    "yml": "yaml",
}


def language_name(text: str) -> str:
    """Return the name by which a language is indexed, from any usual one."""
    folded = text.strip().casefold()
    return _LANGUAGE_NAMES.get(folded, folded)


def make_filter(paths: Iterable[str] = (), languages: Iterable[str] = (), roles: Iterable[str | Role] = ()) -> Filter:
    """Return the filter for what somebody asked for; a single value may be given as it is. Raises `InvalidQuery`."""
    try:
        wanted_roles = tuple(Role(role) for role in _several(roles))
    except ValueError as error:
        raise InvalidQuery(f"{error}.".replace("Role", "role"), hint=f"Roles are {', '.join(Role)}.") from None
    return Filter(_several(paths), tuple(map(language_name, _several(languages))), wanted_roles)


def _several(values: Iterable[str]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)


def allowed_files(files: FileTable, wanted: Filter) -> NDArray[np.bool_] | None:
    """Return the mask `(files,)` of files that pass the filter, or None when it lets everything pass.

    A path glob means what the same line means in a `.gitignore`: `*.py` at any depth, `src/` or `/src/**` from the root.
    """
    if not wanted:
        return None
    mask = np.ones(len(files.blobs), dtype=np.bool_)
    if wanted.roles:
        mask &= np.array([role in wanted.roles for role in Role])[files.roles]
    if wanted.languages:
        names = {language.casefold() for language in wanted.languages}
        speaks = [name in names for name in files.language_names]
        mask &= np.array([*speaks, False])[np.minimum(files.languages, len(speaks))]
    if wanted.folders:
        prefixes = tuple(folder + "/" for folder in wanted.folders)
        mask &= _where(files.paths, mask, lambda path: path in wanted.folders or path.startswith(prefixes))
    if wanted.paths:
        included, excluded = _specs(wanted.paths)
        mask &= _where(
            files.paths,
            mask,
            lambda path: (included is None or included.match_file(path)) and (excluded is None or not excluded.match_file(path)),
        )
    return mask


def _where(paths: Sequence[str], mask: NDArray[np.bool_], passes: Callable[[str], bool]) -> NDArray[np.bool_]:
    result = np.zeros(len(mask), dtype=np.bool_)
    for row in np.flatnonzero(mask).tolist():
        result[row] = passes(paths[row])
    return result


@lru_cache(maxsize=64)
def _specs(globs: tuple[str, ...]) -> tuple[GitIgnoreSpec | None, GitIgnoreSpec | None]:
    from pathspec import GitIgnoreSpec

    included = [glob for glob in globs if not glob.startswith("!")]
    excluded = [glob[1:] for glob in globs if glob.startswith("!")]
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # "[[" means the same to all versions of `re`
            return (
                GitIgnoreSpec.from_lines(included) if included else None,
                GitIgnoreSpec.from_lines(excluded) if excluded else None,
            )
    except (ValueError, re.error) as error:
        raise InvalidQuery(
            f"A path pattern cannot be read: {error}", hint="Patterns are those of .gitignore: '*.py', 'src/', '!tests/'."
        ) from error
