"""Is this folder somebody else's code, an environment or a cache? Asked only where there is no repository to say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

_BY_NAME: dict[bytes, str] = {
    **dict.fromkeys(
        (b"node_modules", b"bower_components", b"jspm_packages", b"site-packages", b"dist-packages", b"__pypackages__", b"elm-stuff"),
        "installed dependencies",
    ),
    **dict.fromkeys((b".venv", b".virtualenv", b".direnv", b".conda"), "virtual environment"),
    **dict.fromkeys(
        (
            b"__pycache__",
            b".cache",
            b".eggs",
            b".gradle",
            b".hypothesis",
            b".ipynb_checkpoints",
            b".mypy_cache",
            b".next",
            b".nox",
            b".nuxt",
            b".nyc_output",
            b".parcel-cache",
            b".pnpm-store",
            b".pytest_cache",
            b".ruff_cache",
            b".sass-cache",
            b".stack-work",
            b".svelte-kit",
            b".terraform",
            b".tox",
            b".turbo",
            b".dart_tool",
            b".yarn",
            b"dist-newstyle",
            b"zig-cache",
            b".zig-cache",
            b"DerivedData",
            b"Pods",
        ),
        "cache or build output",
    ),
    **dict.fromkeys((b".hg", b".svn", b".bzr", b".jj", b"CVS", b"_darcs"), "version control data"),
}
_BY_CONTENTS: tuple[tuple[bytes, str], ...] = (
    (b"pyvenv.cfg", "virtual environment"),
    (b"conda-meta", "virtual environment"),
    (b"CACHEDIR.TAG", "cache or build output"),
)


def dependency_by_name(name: bytes) -> str:
    """Say what kind of foreign folder has this name, or ""."""
    return _BY_NAME.get(name, "")


def dependency_by_contents(entries: Container[bytes]) -> str:
    """Say what kind of foreign folder holds these entries, or ""."""
    return next((why for marker, why in _BY_CONTENTS if marker in entries), "")
