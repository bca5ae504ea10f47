from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from codetriever.corpus.changes import Changes, detect, settle, stats_of
from codetriever.corpus.git import locate
from codetriever.corpus.listing import RACY_NS
from codetriever.corpus.walk import list_files
from codetriever.types import FileTable

from .conftest import write

if TYPE_CHECKING:
    from pathlib import Path


def table(paths: list[str], stats: np.ndarray) -> FileTable:
    size = len(paths)
    return FileTable(
        paths=paths,
        blobs=np.arange(size),
        digests=np.zeros((size, 32), np.uint8),
        languages=np.zeros(size, np.uint16),
        roles=np.zeros(size, np.uint8),
        skips=np.zeros(size, np.uint8),
        stats=stats,
        language_names=("text",),
    )


def look(root: Path, previous: FileTable | None) -> tuple[list[str], Changes]:
    listing = list_files(locate(root), hidden=True)
    return list(listing.paths), detect(locate(root), listing, previous)


@pytest.fixture
def known(tmp_path: Path) -> FileTable:
    write(tmp_path, {"a": "1", "b": "22", "c/d": "333", "e": ""})
    paths, changes = look(tmp_path, None)
    assert changes.to_read == paths == ["a", "b", "c/d", "e"]
    assert changes.unchanged.shape == (0, 2)
    assert changes.stats[:, 0].tolist() == [1, 2, 3, 0]
    return table(paths, changes.stats)


def test_nothing_changed(tmp_path: Path, known: FileTable) -> None:
    _, changes = look(tmp_path, known)
    assert changes.unchanged.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert (changes.to_read, changes.removed) == ([], 0)


def test_new_changed_and_removed_files(tmp_path: Path, known: FileTable) -> None:
    write(tmp_path, {"b": "changed", "aa": "new"})
    (tmp_path / "e").unlink()
    paths, changes = look(tmp_path, known)
    assert paths == ["a", "aa", "b", "c/d"]
    assert changes.unchanged.tolist() == [[0, 0], [3, 2]]
    assert changes.to_read == ["aa", "b"]
    assert changes.removed == 1


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noticed(tmp_path: Path, known: FileTable) -> None:
    status = (tmp_path / "b").stat()
    write(tmp_path, {"new": "33"})
    os.utime(tmp_path / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (tmp_path / "new").replace(tmp_path / "b")
    assert look(tmp_path, known)[1].to_read == ["b"]


def test_a_file_edited_in_place_with_its_time_put_back_is_noticed(tmp_path: Path, known: FileTable) -> None:
    status = (tmp_path / "b").stat()
    time.sleep(0.02)
    write(tmp_path, {"b": "33"})
    os.utime(tmp_path / "b", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert look(tmp_path, known)[1].to_read == ["b"]


def test_rows_without_stats_are_always_read(tmp_path: Path, known: FileTable) -> None:
    stats = known.stats.copy()
    stats[1] = 0
    assert look(tmp_path, table(list(known.paths), stats))[1].to_read == ["b"]


def test_what_vanished_since_it_was_listed_is_neither_read_nor_kept(tmp_path: Path, known: FileTable) -> None:
    listing = list_files(locate(tmp_path))
    (tmp_path / "a").unlink()
    (tmp_path / "e").unlink()
    (tmp_path / "e").mkdir()
    changes = detect(locate(tmp_path), listing, known)
    assert changes.unchanged.tolist() == [[1, 1], [2, 2]]
    assert (changes.to_read, changes.removed) == ([], 2)
    assert not changes.stats[[0, 3]].any()


def test_links_have_the_stats_of_what_they_lead_to(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "sub/x": ""})
    for name, target in {"link": "a", "loop": "loop", "dangling": "nothing", "folder": "sub"}.items():
        (tmp_path / name).symlink_to(target)
    paths, changes = look(tmp_path, None)
    assert changes.to_read == ["a", "folder", "link", "loop", "sub/x"], "a loop is read, so that it becomes a skip"
    assert changes.stats[paths.index("link")].tolist() == list(stats_of((tmp_path / "a").stat()))


def test_no_files_at_all(tmp_path: Path, known: FileTable) -> None:
    (tmp_path / "empty").mkdir()
    _, changes = look(tmp_path / "empty", None)
    assert changes.stats.shape == (0, 4)
    assert look(tmp_path / "empty", known)[1].removed == 4
    assert look(tmp_path, table([], np.zeros((0, 4), np.int64)))[1].to_read == list(known.paths)


def test_recent_stats_are_not_settled() -> None:
    now = 10 * RACY_NS
    old, racy = now - RACY_NS - 1, now - RACY_NS
    stats = np.array([[1, old, old, 7], [1, racy, old, 7], [1, old, racy, 7], [1, old, now + 5, 7]], np.int64)
    assert settle(stats, now).tolist() == [[1, old, old, 7], [0] * 4, [0] * 4, [0] * 4]
    assert settle(np.zeros((0, 4), np.int64), now).shape == (0, 4)
