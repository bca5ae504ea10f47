"""Several at once, no room on the disk, and other trouble around an index."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from projects import Project, new_repository, write

DRIVER = """
import sys
sys.path.append({tests!r})
from pathlib import Path
from projects import Project

{before}
report = Project(Path({root!r}), Path({stores!r})).refresh(workers={workers})
print(report.generation, report.analysed_blobs)
"""
LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
"""


def start(project, *, before="", workers=1):
    tests = str(Path(__file__).parent)
    source = DRIVER.format(tests=tests, before=before, root=str(project.root), stores=str(project.stores), workers=workers)
    return subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def versioned(version, count):
    """Files that all tell the same version."""
    body = "\n".join(f"def function_{number}(value):\n    return value * {number}\n" for number in range(10))
    return {f"src/module_{number}.py": f"VERSION = {version}\nNUMBER = {number}\n\n\n{body}" for number in range(count)}


@pytest.fixture
def project(tmp_path):
    made = Project(new_repository(tmp_path / "code", versioned(0, 60)), tmp_path / "stores")
    made.refresh()
    return made


class Reader(threading.Thread):
    """Opens snapshots, one after the other, until it is stopped; notes each whose files are not all of one version."""

    def __init__(self, project):
        super().__init__(daemon=True)
        self._project = project
        self._stop_asked = threading.Event()
        self.versions = set()
        self.trouble = []
        self.looked = 0

    def run(self):
        try:
            with self._project.open() as store:
                while not self._stop_asked.is_set():
                    self._look(store)
        except Exception as error:
            self.trouble.append(repr(error))

    def _look(self, store):
        with store.snapshot(self._project.key) as snapshot:
            files = range(len(snapshot.files.paths))
            found = {re.match(rb"VERSION = (\d+)", snapshot.content(file))[1] for file in files}
            terms = {len(snapshot.postings("version")[0])}
        self.looked += 1
        self.versions |= found
        if len(found) != 1 or terms != {60}:
            self.trouble.append((found, terms))

    def stop(self):
        self._stop_asked.set()
        self.join(30)


def index_twice_while_reading(project, *, rounds, readers):
    reading = [Reader(project) for _ in range(readers)]
    for reader in reading:
        reader.start()
    for version in range(1, rounds + 1):
        write(project.root, versioned(version, 60))
        indexers = [start(project), start(project)]
        outputs = [indexer.communicate(timeout=100) for indexer in indexers]
        assert [indexer.returncode for indexer in indexers] == [0, 0], outputs
        assert sum(int(out.split()[1]) for out, _ in outputs) == 60  # together they did the work once
    for reader in reading:
        reader.stop()
    assert [reader.trouble for reader in reading] == [[]] * readers
    assert all(reader.looked for reader in reading)
    fresh = Project(project.root, project.root.parent / "fresh")
    fresh.refresh()
    assert project.picture() == fresh.picture()
    return sum(reader.looked for reader in reading)


def test_two_indexers_and_readers_at_once_see_whole_generations(project):
    index_twice_while_reading(project, rounds=2, readers=3)


@pytest.mark.long("two indexers and ten readers")
def test_two_indexers_and_ten_readers_at_once_see_whole_generations(project, record_property):
    looked = index_twice_while_reading(project, rounds=25, readers=10)
    record_property("done", f"25 rounds of two indexers over ten readers, which opened {looked:,} snapshots, each of one generation")


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files cannot be limited")
@pytest.mark.parametrize("limit", [4_000, 70_000])
def test_no_room_on_the_disk_leaves_the_last_generation(project, limit):
    before = project.picture()
    write(project.root, versioned(1, 60) | {f"more/file_{number}.py": f"value_{number} = {number}\n" * 50 for number in range(200)})
    full = start(project, before=LIMITED.format(limit=limit))
    _, complaint = full.communicate(timeout=100)
    if full.returncode:
        assert re.search(r"^codetriever\.errors\.(DiskFull|DiskFailed)", complaint, re.MULTILINE)  # SQLite tells them apart badly
        assert project.picture() == before
    project.refresh()
    fresh = Project(project.root, project.root.parent / "fresh")
    fresh.refresh()
    assert project.picture() == fresh.picture()
