"""A hundred thousand files; the short version has three thousand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from codetriever.corpus.changes import detect
from codetriever.corpus.git import locate
from codetriever.corpus.listing import RACY_NS, listing_from_bytes
from codetriever.corpus.walk import list_files
from codetriever.types import FileTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Git


@pytest.mark.parametrize("size", [3_000, pytest.param(100_000, marks=pytest.mark.long("100,000 files"))])
@pytest.mark.parametrize("with_git", [False, True])
def test_a_large_tree_is_listed_once_and_then_only_looked_at(
    tmp_path: Path, git: Git, size: int, with_git: bool, record_property: Callable[[str, str], None]
) -> None:
    if with_git:
        git(tmp_path, "init", "-q")
    for number in range(size):
        folder = tmp_path / f"top{number % 10}" / f"folder{number // 50}"
        if number % 50 < 10:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number}.py").touch()
    if with_git:
        git(tmp_path, "add", "-A")
    time.sleep(RACY_NS / 1e9 + 0.1)

    found = list_files(locate(tmp_path))
    assert len(found.paths) == size
    stats = detect(locate(tmp_path), found, None).stats
    stored = found.to_bytes()
    column = np.zeros(size, np.uint8)
    table = FileTable(
        found.paths,
        np.arange(size),
        np.zeros((size, 32), np.uint8),
        column.astype(np.uint16),
        column,
        column,
        stats,
        language_names=("text",),
    )
    started = time.perf_counter()
    previous = listing_from_bytes(stored)
    assert previous is not None
    again = list_files(locate(tmp_path), previous=previous)
    assert again is previous
    changes = detect(locate(tmp_path), again, table)
    record_property(
        "done", f"{size:,} unchanged files looked at in {time.perf_counter() - started:.1f} s {'with' if with_git else 'without'} git"
    )
    assert (len(changes.unchanged), changes.to_read, changes.removed) == (size, [], 0)
