"""Locks, private files and the memory of a process tree, as this system has them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from codetriever.system import is_at, make_private_folder, sync_folder, tree_memory_bytes, try_lock

if TYPE_CHECKING:
    from pathlib import Path


def test_a_lock_excludes_until_its_file_is_closed(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)


def test_a_replaced_file_is_not_the_one_that_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    assert is_at(descriptor, path)
    path.unlink()
    assert not is_at(descriptor, path)
    path.write_text("another")
    assert not is_at(descriptor, path)
    os.close(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as POSIX has them")
def test_a_private_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    make_private_folder(folder)
    make_private_folder(folder)
    sync_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_memory_is_that_of_the_whole_tree() -> None:
    alone = tree_memory_bytes()
    code = "import sys; taken = bytearray(b'x') * 50_000_000; print(len(taken), flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        together = tree_memory_bytes()
        child.communicate("")
    assert alone > 10_000_000
    assert 45_000_000 < together - alone < 90_000_000
