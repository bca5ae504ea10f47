"""What the system refuses is told from what is damaged, and what another version made from what was never made."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.contract.blobs import DIMENSIONS, index
from tests.store.test_lifetime import FILES, KEY, fill, opened, run_python

from codetriever.errors import DiskFailed, DiskFull, StoreDamaged, ViewNotFound
from codetriever.store.embedded import open_store
from codetriever.store.embedded.catalog import open_for_writing, translated
from codetriever.types import ViewKey

if TYPE_CHECKING:
    from collections.abc import Iterator

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="limits and permissions as POSIX has them")

WRITE_BEYOND_A_LIMIT = """
import os, resource, sys
from pathlib import Path
from codetriever.errors import CodetrieverError
from tests.contract.blobs import DIMENSIONS, index
from tests.store.test_lifetime import FILES, KEY, opened
try:
    with opened(Path(sys.argv[1])).writer() as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        index(writer, KEY, FILES | {f"{n}": b"%d " % n + os.urandom(3000).hex().encode() for n in range(50)}, batch=50)
except CodetrieverError as error:
    print(error.code, error.hint)
"""


@POSIX
def test_a_write_that_the_system_refuses_is_no_damage(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    with run_python(WRITE_BEYOND_A_LIMIT, str(tmp_path / "store")) as writing:
        output = writing.communicate()[0]
    assert output.startswith(("disk_failed Look for free space", "disk_full Free some space"))
    with opened(tmp_path / "store").snapshot(KEY) as snapshot:
        assert snapshot.chunk_count == 40


@pytest.mark.parametrize(
    ("number", "expected"), [(5, DiskFailed), (24, DiskFailed), (122, DiskFull), (28, DiskFull), (2, StoreDamaged), (116, DiskFailed)]
)
def test_the_system_s_errors_are_told_apart(tmp_path: Path, number: int, expected: type[Exception]) -> None:
    with pytest.raises(expected), translated(tmp_path):
        raise OSError(number, os.strerror(number))


def test_a_read_that_fails_is_not_called_damage(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR_READ, "SQLITE_IOERR_READ"
    with pytest.raises(DiskFailed, match="SQLITE_IOERR_READ") as raised, translated(tmp_path):
        raise error
    assert "Remove" not in raised.value.hint


def test_what_another_version_made_is_said_to_be_that(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    newer = open_store(tmp_path / "store", model="m", dimensions=1, features="999.9")
    with pytest.raises(ViewNotFound, match=r"another version .* here it is 999\.9"), newer.snapshot(KEY):
        pass
    assert newer.generation(KEY) == 0


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that another user may enter, unlike those of a test."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


READ_A_COPY = """
import os, sys
from pathlib import Path
import numpy, codetriever.compression
from codetriever.errors import StoreNotWritable
from tests.store.test_lifetime import KEY, opened
if os.getuid() == 0:
    os.setuid(65534)
try:
    with opened(Path(sys.argv[1])).snapshot(KEY) as snapshot:
        print(snapshot.info.generation)
except StoreNotWritable as error:
    print("not writable:", error.message)
"""


@POSIX
@pytest.mark.parametrize(("with_shared_memory", "expected"), [(True, "2\n"), (False, "not writable")])
def test_a_log_that_cannot_be_read_is_not_passed_over(tmp_path: Path, public: Path, with_shared_memory: bool, expected: str) -> None:
    store = fill(tmp_path / "store")
    copy = public / "copy"
    with store.writer() as writer:
        index(writer, KEY, FILES | {"new": b"a new file\n"})  # is in the log for as long as the writer is open
        shutil.copytree(tmp_path / "store", copy)
    if not with_shared_memory:
        (copy / "catalog.sqlite-shm").unlink()
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    with run_python(READ_A_COPY, str(copy)) as reading:
        output = reading.communicate()[0]
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert output.startswith(expected)


def test_roots_and_branches_whose_names_are_no_text(tmp_path: Path) -> None:
    key = ViewKey("/caf\udce9/code", "branch-\udcff")
    fill(tmp_path, key=key).close()
    with open_store(tmp_path, model="m", dimensions=DIMENSIONS, identity="/caf\udce9/code/.git") as store:
        assert [view.key for view in store.views()] == [key]
        assert (store.generation(key), store.is_complete(key)) == (1, True)
        with store.snapshot(key) as snapshot:
            assert snapshot.info.key == key
        with store.writer() as writer:
            assert writer.previous(key) is not None
        store.remove([key])
        assert store.views() == []


class Interrupting(str):
    """An identity that interrupts whoever writes it down."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        raise KeyboardInterrupt


def test_a_catalog_that_was_interrupted_while_it_was_made_is_made_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        open_for_writing(tmp_path, Interrupting("here"))
    connection = open_for_writing(tmp_path, "here")
    assert {name for (name,) in connection.execute("SELECT name FROM meta")} >= {"identity", "epoch", "swept_blob", "unswept"}
    connection.close()
