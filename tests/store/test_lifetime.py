"""Writers that wait, die or find no room; readers that look on; damaged, foreign and unwritable indexes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.contract.blobs import DIMENSIONS, analyse, digest_of, embed_words, index

from codetriever.errors import StoreDamaged, StoreFormatUnsupported, StoreLocked, StoreNotWritable, ViewNotFound
from codetriever.store.embedded import EmbeddedStore, cache, open_store, repository_folder
from codetriever.store.embedded.sections import Sections
from codetriever.types import ViewKey

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
KEY = ViewKey("/repository", "main")
FILES = {f"src/{number}.py": b"def function_%d of the tree\nreturn %d\n" % (number, number) for number in range(20)}


def opened(folder: Path, *, memory_bytes: int = 1 << 20, read_only: bool = False) -> EmbeddedStore:
    return open_store(folder, model="m", dimensions=DIMENSIONS, memory_bytes=memory_bytes, read_only=read_only)


def fill(folder: Path, files: Mapping[str, bytes | None] = FILES, *, key: ViewKey = KEY) -> EmbeddedStore:
    store = opened(folder)
    with store.writer() as writer:
        index(writer, key, files)
    return store


def run_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment
    )


HOLD_THE_LOCK = """
import sys
from pathlib import Path
from tests.store.test_lifetime import opened
with opened(Path(sys.argv[1])).writer():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_waits_and_then_names_the_first(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    with run_python(HOLD_THE_LOCK, str(tmp_path / "store")) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(StoreLocked, match=str(holder.pid)), store.writer(wait_s=0.1):
            pass
        with store.snapshot(KEY) as snapshot:
            assert snapshot.chunk_count == 40
        threading.Timer(0.2, holder.kill).start()
        with store.writer(wait_s=30) as writer:
            assert index(writer, KEY, FILES) == 0


def test_two_writers_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    with store.writer(), pytest.raises(StoreLocked, match=str(os.getpid())), store.writer(wait_s=0):
        pass


def test_a_store_opened_for_reading_is_not_written(tmp_path: Path) -> None:
    store = opened(tmp_path / "store", read_only=True)
    with pytest.raises(StoreNotWritable), store.writer():
        pass
    assert store.views() == []
    assert not (tmp_path / "store").exists()


def test_an_index_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    with (
        pytest.raises(StoreNotWritable, match=r"store cannot be written: (File exists|Not a directory)\.$"),
        opened(tmp_path / "store").writer(),
    ):
        pass


WRITE_AND_DIE = """
import sys
from pathlib import Path
from tests.contract.blobs import index
from tests.store.test_lifetime import KEY, opened
store = opened(Path(sys.argv[1]), memory_bytes=2000)
for round in range(1000):
    with store.writer() as writer:
        print(round, flush=True)
        index(writer, KEY, {f"{number}": b"round %d\\nfile %d\\n" % (round, number if number % 5 else round) for number in range(30)})
"""


LONG_DELAYS = [pytest.param(number / 1000, marks=pytest.mark.long("kill -9")) for number in range(1, 100)]


@pytest.mark.parametrize("delay_s", [0.0, 0.007, 0.029, *LONG_DELAYS])
def test_a_killed_writer_leaves_a_whole_generation(tmp_path: Path, delay_s: float) -> None:
    with run_python(WRITE_AND_DIE, str(tmp_path / "store")) as writing:
        assert writing.stdout is not None
        while int(writing.stdout.readline()) < 4:
            pass
        time.sleep(delay_s)
        writing.send_signal(signal.SIGKILL)
    store = opened(tmp_path / "store")
    with store.snapshot(KEY) as snapshot:
        assert snapshot.info.files == 30
        assert len(snapshot.postings("file")[0]) == len(set(snapshot.files.blobs.tolist()))
        rounds = {snapshot.content(file).split(b"\n")[0] for file in range(30)}
    assert len(rounds) == 1
    store.verify()
    fill(tmp_path / "store")
    assert_tidy(tmp_path / "store", blobs=len(FILES))


def assert_tidy(folder: Path, *, blobs: int) -> None:
    """Nothing is kept but what one view needs."""
    assert len(list((folder / "views").iterdir())) == 1
    segments, vectors = list((folder / "segments").iterdir()), list((folder / "vectors").iterdir())
    assert len(segments) == len(vectors) <= 5
    with opened(folder).writer() as writer:
        assert writer._connection.execute("SELECT count(*) FROM blobs").fetchone() == (blobs,)
        chunks, dead = writer._connection.execute("SELECT sum(chunks), sum(dead_chunks) FROM segments").fetchone()
        assert dead <= 0.25 * chunks


def test_a_hundred_random_edits_leave_nothing_behind(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    random = np.random.default_rng(1)
    files = dict(FILES)
    for number in range(100):
        files[f"src/{random.integers(25)}.py"] = b"edit %d\n" % number
        files.pop(f"src/{random.integers(25)}.py", None)
        with store.writer() as writer:
            index(writer, KEY, files)
    assert_tidy(tmp_path / "store", blobs=len(set(files.values())))
    store.verify()
    with store.snapshot(KEY) as snapshot:
        assert snapshot.ordinals <= 2 * snapshot.chunk_count


def test_readers_see_whole_generations_while_a_writer_works(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", {f"{number}": b"round %d 0\n" % number for number in range(12)})
    stop, failures, looks = threading.Event(), [], [0]

    def read() -> None:
        reader = opened(tmp_path / "store")
        query = embed_words(("round",))
        while not stop.is_set():
            try:
                with reader.snapshot(KEY) as snapshot:
                    time.sleep(0.002)
                    texts = [snapshot.content(file).split()[-1] for file in range(12)]
                    assert len(set(texts)) == 1
                    assert len(snapshot.postings(texts[0].decode())[0]) >= 11
                    assert len(snapshot.postings("round")[0]) == len(snapshot.nearest(query, 100)[0]) == 12
                    looks[0] += 1
            except BaseException as error:
                failures.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for edit in range(100, 130):
        with store.writer() as writer:
            index(writer, KEY, {f"{number}": b"round %d %d\n" % (number, edit) for number in range(12)})
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert looks[0] > 5


def test_a_reader_that_loses_the_race_starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = fill(tmp_path / "store")
    load, losses = EmbeddedStore._load_generation, []

    def switch_first(reader: EmbeddedStore, *arguments: object) -> object:
        if len(losses) < 3:
            losses.append(fill(tmp_path / "store", {"a": b"loss %d\n" % len(losses)}))
        return load(reader, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(EmbeddedStore, "_load_generation", switch_first)
    with store.snapshot(KEY) as snapshot:
        assert snapshot.content(0) == b"loss 2\n"


def test_private_folders_and_files(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, path


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    with store.writer() as writer:
        writer._connection.execute("PRAGMA user_version = 99")
    newer = opened(tmp_path / "store")
    with pytest.raises(StoreFormatUnsupported, match="format 99"), newer.snapshot(KEY):
        pass
    with pytest.raises(StoreFormatUnsupported), newer.writer():
        pass
    with pytest.raises(StoreFormatUnsupported):
        newer.views()


def test_an_older_format_is_made_anew(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    with store.writer() as writer:
        writer._connection.execute("PRAGMA user_version = 2")
    older = opened(tmp_path / "store")
    assert older.generation(KEY) == 0
    assert older.views() == []
    with older.writer() as writer:
        assert writer.previous(KEY) is None
        assert index(writer, KEY, FILES) == len(FILES)
    with older.snapshot(KEY) as snapshot:
        assert snapshot.chunk_count == 40
    assert_tidy(tmp_path / "store", blobs=len(FILES))


@pytest.mark.parametrize("place", ["segments", "vectors", "views"])
@pytest.mark.parametrize("harm", ["cut", "emptied", "deleted", "end overwritten"])
def test_damage_is_reported_and_a_new_index_helps(tmp_path: Path, place: str, harm: str) -> None:
    fill(tmp_path / "store").close()
    (path,) = (tmp_path / "store" / place).iterdir()
    whole = path.read_bytes()
    path.unlink()
    if harm != "deleted":
        path.write_bytes({"cut": whole[:-100], "emptied": b"", "end overwritten": whole[:-40] + bytes(40)}[harm])
    store = opened(tmp_path / "store")
    with pytest.raises(StoreDamaged, match=path.name), store.snapshot(KEY):
        pass
    with pytest.raises(StoreDamaged):
        store.verify()
    cache.remove_store(tmp_path / "store")
    with pytest.raises(ViewNotFound), opened(tmp_path / "store").snapshot(KEY):
        pass
    with fill(tmp_path / "store").snapshot(KEY) as snapshot:
        assert snapshot.chunk_count == 40


def test_numbers_that_fit_nowhere_are_traced_to_the_damaged_file(tmp_path: Path) -> None:
    fill(tmp_path / "store").close()
    (path,) = (tmp_path / "store" / "segments").iterdir()
    at = Sections(path)._section("posting_low")
    whole = bytearray(path.read_bytes())
    whole[at["at"] : at["at"] + at["bytes"]] = b"\xff" * at["bytes"]
    path.write_bytes(whole)
    store = opened(tmp_path / "store")
    with pytest.raises(StoreDamaged, match="posting_low"), store.snapshot(KEY) as snapshot:
        snapshot.chunk_files()[snapshot.postings("tree")[0]]
    with pytest.raises(StoreDamaged, match="posting_low"):
        store.verify()
    with pytest.raises(IndexError), fill(tmp_path / "other").snapshot(KEY) as snapshot:
        snapshot.chunk_files()[1000]


def test_a_catalog_that_is_none_is_reported(tmp_path: Path) -> None:
    fill(tmp_path / "store").close()
    (tmp_path / "store" / "catalog.sqlite").write_bytes(b"no catalog " * 1000)
    store = opened(tmp_path / "store")
    with pytest.raises(StoreDamaged), store.snapshot(KEY):
        pass
    with pytest.raises(StoreDamaged), store.writer():
        pass
    with pytest.raises(StoreDamaged):
        store.views()


def test_verify_reads_contents(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    store.verify()
    with store.writer() as writer:
        writer._connection.execute("UPDATE blobs SET content = (SELECT content FROM blobs ORDER BY blob LIMIT 1) WHERE blob = 3")
    with pytest.raises(StoreDamaged, match="blob 3"):
        store.verify()


FILL_THE_DISK = """
import resource, sys
from pathlib import Path
from codetriever.errors import DiskFull
from tests.contract.blobs import analyse
from tests.store.test_lifetime import opened
try:
    with opened(Path(sys.argv[1])).writer() as writer:
        writer.add(analyse([b"word%d\\n" % number for number in range(500)]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        writer.flush()
except DiskFull as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as POSIX does")
def test_a_full_disk_leaves_the_last_generation(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    with run_python(FILL_THE_DISK, str(tmp_path / "store")) as full:
        assert "no room left" in full.communicate()[0]
        assert full.returncode == 0
    with store.snapshot(KEY) as snapshot:
        assert snapshot.chunk_count == 40
    fill(tmp_path / "store", FILES | {"new": b"room again\n"})
    assert_tidy(tmp_path / "store", blobs=21)


def test_room_for_the_switch_but_not_for_the_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path / "store", memory_bytes=1)

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, store.writer() as writer:
        patched.setattr("codetriever.store.embedded.compact.write_merged", no_room)
        index(writer, KEY, FILES, batch=2)
    with store.snapshot(KEY) as snapshot:
        assert snapshot.chunk_count == 40
    fill(tmp_path / "store", FILES | {"new": b"room again\n"})
    assert_tidy(tmp_path / "store", blobs=21)


READ_AS_SOMEBODY = """
import os, sys
from pathlib import Path
import numpy, codetriever.compression
import codetriever.store.embedded.sweep, codetriever.store.embedded.writer
from codetriever.errors import StoreNotWritable
from tests.store.test_lifetime import KEY, opened
if os.getuid() == 0:
    os.setuid(65534)
store = opened(Path(sys.argv[1]))
for _ in range(2):
    with store.snapshot(KEY) as snapshot:
        print(snapshot.chunk_count, store.generation(KEY), len(snapshot.content(0)))
try:
    with store.writer():
        pass
except StoreNotWritable as error:
    print("not writable")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as POSIX has them")
def test_an_index_in_a_folder_that_one_may_not_write_can_be_searched() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name) / "store"
        fill(folder).close()
        Path(name).chmod(0o755)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        with run_python(READ_AS_SOMEBODY, str(folder)) as reading:
            output = reading.communicate()[0]
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert output.split("\n") == ["40 1 36", "40 1 36", "not writable", ""]


def test_views_are_listed_by_last_use(tmp_path: Path) -> None:
    first, second = ViewKey("/repository", "first"), ViewKey("/repository", "second")
    fill(tmp_path / "store", key=first)
    store = fill(tmp_path / "store", key=second)
    assert [info.key for info in store.views()] == [second, first]
    with store.snapshot(first):
        pass
    for mark in (tmp_path / "store" / "used").iterdir():
        os.utime(mark, (time.time() + 60, time.time() + 60))
    assert [info.key for info in store.views()] == [first, second]


def test_the_least_recently_used_indexes_go_first(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("oldest", "kept", "newest")]
    for age, folder in enumerate(folders):
        with fill(folder, key=ViewKey(folder.name)).snapshot(ViewKey(folder.name)):
            pass
        for mark in (folder / "used").iterdir():
            os.utime(mark, (time.time() + age * 100, time.time() + age * 100))
    size = opened(folders[0]).size_bytes()
    assert cache.limit_cache(tmp_path, 4 * size) == []
    assert cache.limit_cache(tmp_path, size + size // 2, keep=[folders[1]]) == ["oldest", "newest"]
    assert opened(folders[1]).generation(ViewKey("kept")) == 1
    with opened(folders[1]).writer():
        assert cache.limit_cache(tmp_path, 0) == []


def test_a_removed_store_still_answers_its_snapshots(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    with store.snapshot(KEY) as snapshot:
        cache.remove_store(tmp_path / "store")
        assert len(snapshot.postings("tree")[0]) == 20
        assert snapshot.content(0) == FILES["src/0.py"]
    cache.remove_store(tmp_path / "store")
    assert store.generation(KEY) == 0
    fill(tmp_path / "store", {"a": b"built again\n"})
    with store.snapshot(KEY) as snapshot:
        assert snapshot.content(0) == b"built again\n"


def test_folders_are_told_apart_and_recognised(tmp_path: Path) -> None:
    one, other = repository_folder(tmp_path, "/home/me/one/project/.git"), repository_folder(tmp_path, "/home/me/two/project/.git")
    assert one != other
    assert one == repository_folder(tmp_path, "/home/me/one/project/.git")
    assert one.name.startswith("project-")
    assert repository_folder(tmp_path, "/").parent == tmp_path
    assert repository_folder(tmp_path, "/ünï/ \udcff").parent == tmp_path


def test_what_reads_an_index_does_not_load_what_writes_one() -> None:
    code = (
        "import sys, codetriever.store.embedded.store as s; print([m for m in sys.modules if m.split('.')[-1] in ('writer', 'tempfile')])"
    )
    with run_python(code) as reading:
        assert reading.communicate()[0] == "[]\n"


def test_a_blob_that_nobody_listed_survives_until_the_next_switch(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    with store.writer() as writer:
        writer.add(analyse([b"kept\n"]))
    with store.writer() as writer:
        assert writer.known([(digest_of(b"kept\n"), "text")])[0] >= 0
        index(writer, KEY, FILES | {"other": b"other\n"})
        assert writer.known([(digest_of(b"kept\n"), "text")])[0] == -1
