import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import faulty_analyser
import numpy as np
import psutil
import pytest
from projects import FILES, Project, commit, git, new_repository, write

from codetriever import metrics
from codetriever.corpus import changes, listing, read
from codetriever.corpus.git import locate
from codetriever.embedding.static import load_static
from codetriever.embedding.table import write_table
from codetriever.errors import ConfirmationNeeded, EmbedderFailed, StoreLocked, StoreNotWritable
from codetriever.indexing import analysis, indexer, memory, parsers
from codetriever.indexing.pool import Pool
from codetriever.store.embedded import open_store, repository_folder
from codetriever.types import SkipReason


@pytest.fixture
def settled(project, monkeypatch):
    """The project, with all its times past doubt; the clocks of file systems that tests run on tick within milliseconds."""
    for module in (changes, listing, read):
        monkeypatch.setattr(module, "RACY_NS", 50_000_000)
    time.sleep(0.1)
    return project


@pytest.fixture
def project(tmp_path):
    return Project(new_repository(tmp_path / "code", FILES), tmp_path / "stores")


def fresh(project, tmp_path):
    """What an index made from nothing answers."""
    other = Project(project.root, tmp_path / "fresh")
    other.refresh()
    return other.picture()


def reasons(report):
    return {skip.path: skip.reason for skip in report.skips}


def test_a_first_index_holds_every_file_with_text(project):
    report = project.refresh()
    assert project.paths() == sorted(set(FILES) - {"logo.png"})
    assert report.generation == 1
    assert report.files == report.read == len(FILES)
    assert report.analysed_blobs == len(FILES) - 1
    assert report.chunks == report.embedded_chunks > 5
    assert reasons(report) == {"logo.png": SkipReason.BINARY}
    assert report.failures == ()
    assert report.text_bytes == sum(len(text) for name, text in FILES.items() if name != "logo.png")


def test_indexing_twice_changes_nothing_and_embeds_nothing(project):
    first = project.refresh()
    before = project.picture()
    second = project.refresh()
    assert second.generation == first.generation
    assert (second.analysed_blobs, second.embedded_chunks, second.removed) == (0, 0, 0)
    assert reasons(second) == reasons(first)
    assert project.picture() == before


def test_an_unchanged_tree_is_not_read_and_needs_no_lock(settled):
    settled.refresh()
    settled.refresh()  # the times of folders are trusted from here on
    with settled.open() as other, other.writer():
        report = settled.refresh()
    assert report.read == 0
    assert report.skips
    assert report.files == len(FILES)


def test_one_changed_file_analyses_one_blob(project, tmp_path):
    project.refresh()
    write(project.root, {"src/session.py": "def renew_session(token):\n    return token\n"})
    report = project.refresh()
    assert report.generation == 2
    assert report.analysed_blobs == 1
    assert report.embedded_chunks == 1
    assert project.picture() == fresh(project, tmp_path)


def test_a_change_of_the_same_size_at_the_same_time_is_noticed(project):
    path = project.root / "src/session.py"
    project.refresh()
    before = path.stat()
    path.write_text(path.read_text().replace("refresh_session", "hserfer_session"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert project.refresh().analysed_blobs == 1


def test_a_rename_embeds_nothing(project, tmp_path):
    project.refresh()
    (project.root / "src/session.py").rename(project.root / "src/login.py")
    report = project.refresh()
    assert (report.analysed_blobs, report.embedded_chunks) == (0, 0)
    assert "src/login.py" in project.paths()
    assert "src/session.py" not in project.paths()
    assert project.picture() == fresh(project, tmp_path)


def test_the_same_bytes_under_two_paths_are_analysed_once(tmp_path):
    text = FILES["src/app.py"]
    project = Project(new_repository(tmp_path / "code", {f"copy_{number}.py": text for number in range(30)}), tmp_path / "stores")
    report = project.refresh()
    assert report.analysed_blobs == 1
    assert len(project.paths()) == 30


def test_the_same_bytes_in_two_languages_are_two_blobs(tmp_path):
    project = Project(new_repository(tmp_path / "code", {"a.py": "x = 1\n", "a.rb": "x = 1\n"}), tmp_path / "stores")
    assert project.refresh().analysed_blobs == 2


def test_a_deleted_file_disappears(project, tmp_path):
    project.refresh()
    (project.root / "src/lib.rs").unlink()
    report = project.refresh()
    assert report.removed == 1
    assert report.generation == 2
    assert "src/lib.rs" not in project.paths()
    assert project.refresh().generation == 2  # git still lists it: that is no change
    assert project.picture() == fresh(project, tmp_path)


def test_switching_branches_and_back_embeds_nothing(project, tmp_path):
    project.refresh()
    before = project.picture()
    git(project.root, "switch", "-q", "-c", "feature")
    write(project.root, {"src/feature.py": "def feature():\n    return True\n"})
    commit(project.root)
    there = project.refresh()
    assert (there.analysed_blobs, there.generation) == (1, 1)
    git(project.root, "switch", "-q", "main")
    back = project.refresh()
    assert (back.analysed_blobs, back.embedded_chunks, back.generation) == (0, 0, 1)
    assert project.picture() == before
    git(project.root, "switch", "-q", "feature")
    assert project.refresh().analysed_blobs == 0
    assert project.picture() == fresh(project, tmp_path)


def test_two_worktrees_share_their_work(project, tmp_path):
    project.refresh()
    git(project.root, "worktree", "add", "-q", str(tmp_path / "other"), "-b", "other")
    other = Project(tmp_path / "other", project.stores)
    write(other.root, {"src/more.py": "more = 1\n"})
    report = other.refresh()
    assert report.analysed_blobs == 1
    assert report.generation == 1
    assert len(list(project.stores.iterdir())) == 1
    assert "src/more.py" not in project.paths()


def test_a_folder_without_git_is_indexed_too(tmp_path):
    write(tmp_path / "plain", {**FILES, "node_modules/x/index.js": "var x\n"})
    project = Project(tmp_path / "plain", tmp_path / "stores")
    report = project.refresh()
    assert project.paths() == sorted(set(FILES) - {"logo.png"})
    assert reasons(report)["node_modules"] is SkipReason.DEPENDENCY


ODD_NAMES = [b"caf\xe9.py", b"new\nline.py", b"tab\tand space.py", "größe/日本.py".encode(), b"-dash.py", b"quote'\".py", b"[star]*.py"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse some of these names")
def test_names_that_are_odd_or_not_text_are_kept_as_they_are(tmp_path):
    root = os.fsencode(tmp_path / "code")
    for name in ODD_NAMES:
        path = os.path.join(root, name)  # noqa: PTH118
        Path(os.fsdecode(path)).parent.mkdir(parents=True, exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(b"def odd(): pass\n" + repr(name).encode())
    project = Project(tmp_path / "code", tmp_path / "stores")
    assert project.refresh().analysed_blobs == len(ODD_NAMES)
    assert [os.fsencode(path) for path in project.paths()] == sorted(ODD_NAMES)
    assert project.refresh().removed == 0


def test_a_skipped_file_is_not_read_again_and_is_indexed_once_it_can_be(settled):
    settled.refresh()
    assert settled.refresh().read == 0
    write(settled.root, {"logo.png": "not a picture any more\n"})
    assert settled.refresh().analysed_blobs == 1
    assert "logo.png" in settled.paths()


def test_the_limit_on_size_holds_for_files_that_did_not_change(settled):
    write(settled.root, {"big.txt": "word " * 1000})
    time.sleep(0.1)
    assert reasons(settled.refresh(max_file_bytes=4000))["big.txt"] is SkipReason.TOO_LARGE
    report = settled.refresh(max_file_bytes=8000)
    assert (report.read, report.analysed_blobs) == (1, 1)
    assert "big.txt" in settled.paths()
    assert reasons(settled.refresh(max_file_bytes=4000))["big.txt"] is SkipReason.TOO_LARGE
    assert "big.txt" not in settled.paths()


@pytest.mark.skipif(not hasattr(os, "seteuid") or os.geteuid() != 0, reason="another user is needed, since root may read everything")
def test_an_unreadable_file_is_reported_and_stops_nothing():
    folder = Path(tempfile.mkdtemp())
    try:
        project = Project(folder / "code", folder / "stores")
        write(project.root, FILES)
        (project.root / "src/app.py").chmod(0)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 65534, 65534)
        os.seteuid(65534)
        try:
            report = project.refresh()
            again = project.refresh()
        finally:
            os.seteuid(0)
        assert [(skip.path, skip.reason) for skip in report.failures] == [("src/app.py", SkipReason.UNREADABLE)]
        assert [skip.path for skip in again.failures] == ["src/app.py"]
        assert "src/session.py" in project.paths()
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("data", [faulty_analyser.CRASH, faulty_analyser.HANG])
def test_a_file_that_kills_the_parser_is_reported_and_stops_nothing(settled, monkeypatch, data):
    monkeypatch.setattr(parsers, "ANALYSER", "faulty_analyser:analyse")
    monkeypatch.setattr(parsers, "POOL_WORTH_S", 0.0)
    monkeypatch.setattr(parsers, "FILE_LIMIT_S", 1.0)
    write(settled.root, {"src/bad.txt": data, "src/bad_copy.txt": data})
    time.sleep(0.1)
    report = settled.refresh()
    assert [(skip.path, skip.reason) for skip in report.failures] == [
        ("src/bad.txt", SkipReason.UNPARSABLE),
        ("src/bad_copy.txt", SkipReason.UNPARSABLE),
    ]
    assert report.failures[0].detail
    assert settled.paths() == sorted(set(FILES) - {"logo.png"})
    again = settled.refresh()
    assert again.read == 0
    assert len(again.failures) == 2
    write(settled.root, {"src/bad.txt": "mended\n"})
    assert [skip.path for skip in settled.refresh().failures] == ["src/bad_copy.txt"]
    assert "src/bad.txt" in settled.paths()


def test_a_parser_that_raises_costs_the_one_file(project, monkeypatch):
    cut = analysis.cut

    def broken(source, language):
        if language == "rust":
            raise RuntimeError("a bug")
        return cut(source, language)

    monkeypatch.setattr(analysis, "cut", broken)
    report = project.refresh()
    assert [(skip.path, skip.detail) for skip in report.failures] == [("src/lib.rs", "RuntimeError: a bug")]
    assert "src/app.py" in project.paths()


def many_files(count):
    return {f"src/module_{number}.py": f"def function_{number}(value):\n    return value + {number}\n" for number in range(count)}


def interrupt_after(files):
    def progress(now):
        if now.files_done >= files:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("workers", [0, 2])
def test_ctrl_c_leaves_the_last_generation_and_keeps_what_was_done(project, monkeypatch, tmp_path, workers):
    project.refresh()
    before = project.picture()
    write(project.root, many_files(250))
    monkeypatch.setattr(parsers, "POOL_WORTH_S", 0.0 if workers else 1000.0)
    with pytest.raises(KeyboardInterrupt):
        project.refresh(progress=interrupt_after(100), workers=workers)
    assert project.picture()[0] == before[0]
    report = project.refresh(workers=workers)
    assert 0 < report.analysed_blobs <= 150
    assert project.picture() == fresh(project, tmp_path)


def test_a_deadline_keeps_the_last_generation_and_what_was_done(project, tmp_path, monkeypatch):
    monkeypatch.setattr(parsers, "POOL_WORTH_S", 1000.0)
    project.refresh()
    write(project.root, many_files(200))
    late = project.refresh(deadline_s=0.0)
    assert late.generation == 1
    assert 0 < late.pending <= 200
    assert "src/module_0.py" not in project.paths()
    done = project.refresh(deadline_s=60.0)
    assert (done.pending, done.generation) == (0, 2)
    assert late.analysed_blobs > 0
    assert late.analysed_blobs + done.analysed_blobs == 200
    assert project.picture() == fresh(project, tmp_path)


def test_a_second_indexer_waits_and_then_says_who_is_in_the_way(project):
    project.refresh()
    write(project.root, {"src/new.py": "new = 1\n"})
    with project.open() as other, other.writer():
        with pytest.raises(StoreLocked):
            project.refresh(lock_wait_s=0.1)
        report = project.refresh(deadline_s=0.1)
    assert report.pending >= 1
    assert "process" in report.note
    assert project.refresh().analysed_blobs == 1


def test_an_index_that_cannot_be_written_answers_with_what_it_has(settled):
    settled.refresh()
    write(settled.root, {"src/new.py": "new = 1\n"})
    folder = repository_folder(settled.stores, locate(settled.root).identity)
    settings = {"model": settled.embedder.model, "dimensions": settled.embedder.dimensions, "read_only": True}
    report = settled.refresh(store=open_store(folder, **settings), deadline_s=5.0)
    assert (report.generation, report.files, report.pending) == (1, len(FILES), 1)
    assert report.note
    with pytest.raises(StoreNotWritable):
        settled.refresh(store=open_store(folder, **settings))


def test_a_home_folder_and_very_many_files_are_confirmed_first(project, monkeypatch):
    asked = []
    monkeypatch.setenv("HOME", str(project.root))
    with monkeypatch.context() as before_it_is_listed:
        before_it_is_listed.delattr(indexer, "make_plan")
        with pytest.raises(ConfirmationNeeded, match="home"):
            project.refresh()
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(indexer, "MANY_FILES", 3)
    with pytest.raises(ConfirmationNeeded, match="8 files"):
        project.refresh(confirm=lambda reason: asked.append(reason) or False)
    assert project.refresh(confirm=lambda reason: asked.append(reason) or True).generation == 1
    assert len(asked) == 2
    assert project.refresh(confirm=lambda reason: asked.append(reason) or False).generation == 1
    assert len(asked) == 2


class Spelling:
    """An embedder that is no projection of terms: how often each letter occurs."""

    model = "spelling-1"
    dimensions = 32

    def __init__(self):
        self.texts = []

    def embed(self, texts):
        self.texts += texts
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            for character in text:
                rows[row, ord(character) % self.dimensions] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_another_embedder_gets_every_chunk_once_in_bounded_batches(project, tmp_path):
    embedder = Spelling()
    other = Project(project.root, tmp_path / "others", embedder)
    calls = []
    embed = embedder.embed
    embedder.embed = lambda texts: calls.append(len(texts)) or embed(texts)
    report = other.refresh(batch_chunks=2)
    assert max(calls) == 2
    assert len(embedder.texts) == report.chunks
    assert "refresh_session\ndef refresh_session(token):" in "\n".join(embedder.texts)
    with other.open() as store, store.snapshot(other.key) as snapshot:
        row = snapshot.files.paths.index("src/session.py")
        first = int(snapshot.file_first[row])
        expected = Spelling().embed([text for text in embedder.texts if "refresh_session(token)" in text])
        np.testing.assert_allclose(snapshot.vectors(np.array([first])), expected, atol=0.02)


class Slow(Spelling):
    """One that several threads may ask, and that counts how many do."""

    concurrency = 3

    def __init__(self):
        super().__init__()
        self.now = self.most = 0
        self.lock = threading.Lock()

    def embed(self, texts):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self.lock:
            self.now -= 1
        return super().embed(texts)


def test_an_embedder_is_asked_by_as_many_threads_as_it_says_and_gives_the_same_index(project, tmp_path):
    write(project.root, {f"more/file{number}.py": f"def work{number}(value):\n    return value * {number}\n" for number in range(30)})
    one, several = Project(project.root, tmp_path / "one", Spelling()), Project(project.root, tmp_path / "several", Slow())
    one.refresh(batch_files=1)
    report = several.refresh(batch_files=1)
    assert several.embedder.most == 3
    assert len(several.embedder.texts) == report.chunks
    assert several.picture() == one.picture()


def test_an_embedder_that_is_not_wanted_any_more_is_interrupted(project, tmp_path):
    embedder = Slow()
    interrupted = []
    embedder.interrupt = lambda: interrupted.append(True)
    embedder.embed = lambda texts: 1 / 0
    with pytest.raises(EmbedderFailed):
        Project(project.root, tmp_path / "others", embedder).refresh(batch_files=1)
    assert interrupted


def test_another_model_embeds_what_is_stored_and_reads_nothing(settled):
    first = settled.refresh()
    other = Project(settled.root, settled.stores, Spelling())
    report = other.refresh()
    assert (report.read, report.analysed_blobs, report.generation) == (0, 0, 1)
    assert report.embedded_chunks == first.chunks
    assert other.refresh().embedded_chunks == 0
    assert settled.refresh().embedded_chunks == 0  # the first model's vectors are still there


def test_another_table_makes_the_same_vectors_of_what_is_stored_as_of_the_files(settled, tmp_path):
    path = tmp_path / "other.table"
    terms = ["refresh", "session", "token", "server", "start", "length", "menu", "point"]
    write_table(path, terms, np.random.default_rng(3).normal(size=(len(terms), 16)).astype(np.float32))
    settled.refresh()
    again, fresh = (Project(settled.root, stores, load_static(path)) for stores in (settled.stores, tmp_path / "fresh"))
    assert again.refresh().analysed_blobs == 0
    fresh.refresh()
    assert again.picture() == fresh.picture()


def test_another_version_of_the_analysis_analyses_everything_again(settled):
    first = settled.refresh()
    folder = repository_folder(settled.stores, locate(settled.root).identity)
    model = {"model": settled.embedder.model, "dimensions": settled.embedder.dimensions}
    report = settled.refresh(store=open_store(folder, features="2", **model))
    assert report.analysed_blobs == first.analysed_blobs
    assert report.generation == 2
    assert settled.refresh(store=open_store(folder, features="2", **model)).read == 0


@pytest.mark.parametrize("answer", [lambda texts: 1 / 0, lambda texts: np.zeros((len(texts), 7), np.float32)])
def test_an_embedder_that_fails_leaves_the_last_generation(project, tmp_path, answer):
    embedder = Spelling()
    other = Project(project.root, tmp_path / "others", embedder)
    other.refresh()
    write(project.root, {"src/new.py": "new = 1\n"})
    embedder.embed = answer
    with pytest.raises(EmbedderFailed, match="spelling-1"):
        other.refresh()
    assert "src/new.py" not in other.paths()
    del embedder.embed
    assert other.refresh().analysed_blobs == 1


def test_what_was_embedded_before_an_embedder_failed_is_kept(project, tmp_path):
    embedder = Spelling()
    other = Project(project.root, tmp_path / "others", embedder)
    embed, calls = embedder.embed, []

    def fails_at_last(texts):
        calls.append(texts)
        return embed(texts) if len(calls) < 4 else None

    embedder.embed = fails_at_last
    with pytest.raises(EmbedderFailed):
        other.refresh(batch_files=1)
    del embedder.embed
    kept = 3 + len(["empty.txt"])
    assert other.refresh().analysed_blobs == len(FILES) - len(["logo.png"]) - kept


def test_the_report_carries_the_metrics_of_the_review(project):
    report = project.refresh()
    for name in ("embedding_chunks_per_s", "classify_us_p95", "store_add_ms_p95", "store_switch_ms_p99"):
        assert report.metrics[name] > 0
    with project.open() as store:
        assert metrics.kept(store.folder / metrics.KEPT_FILE)["chunks_embedded_total"] >= report.chunks


def test_a_long_run_samples_the_memory_of_the_process_tree(project, monkeypatch):
    metrics.reset()
    monkeypatch.setattr(parsers, "POOL_WORTH_S", 0.0)
    monkeypatch.setattr(memory, "SAMPLE_EVERY_S", 0.0)
    report = project.refresh(workers=1, batch_files=1)
    assert report.metrics["peak_memory_bytes"] > 10 << 20


CRASHES = """
import os, signal, sys
sys.path.append({tests!r})
from pathlib import Path
from codetriever.indexing import analysis
from projects import Project

analysis.cut = lambda source, language: os.kill(os.getpid(), signal.SIGSEGV)
Project(Path({root!r}), Path({stores!r})).refresh()
"""


def test_a_parser_that_takes_the_program_with_it_is_found_out_the_next_time(project, monkeypatch):
    project.refresh()
    write(project.root, {"src/bad.txt": faulty_analyser.CRASH, "src/good.txt": "good\n"})
    tests = str(Path(__file__).parent)
    source = CRASHES.format(tests=tests, root=str(project.root), stores=str(project.stores))
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == -signal.SIGSEGV
    monkeypatch.setattr(parsers, "ANALYSER", "faulty_analyser:analyse")
    report = project.refresh()
    assert [skip.path for skip in report.failures] == ["src/bad.txt"]
    assert "src/good.txt" in project.paths()
    monkeypatch.undo()
    again = project.refresh()  # in this process, where the file would be fatal: it is not tried
    assert [skip.path for skip in again.failures] == ["src/bad.txt"]
    assert again.analysed_blobs == 0


def test_little_work_is_shared_with_a_process_once_that_is_up(project, monkeypatch, tmp_path):
    submit = Pool.submit
    starting, shared = [], []

    def watched(pool, blobs):
        future = submit(pool, blobs)
        (shared if blobs else starting).append(future)
        return future

    monkeypatch.setattr(Pool, "submit", watched)
    monkeypatch.setattr(parsers, "HELP_WORTH_S", 1e-6)
    write(project.root, many_files(60))
    report = project.refresh(workers=2, batch_files=2, progress=lambda _: starting[0].result(30))
    assert (len(starting), report.failures) == (1, ())
    assert 0 < len(shared) < report.analysed_blobs / 2
    assert project.picture() == fresh(project, tmp_path)


def test_a_process_that_was_started_for_nothing_ends(project, monkeypatch):
    pools = []

    def watched(*arguments, **named):
        pools.append(Pool(*arguments, **named))
        return pools[-1]

    monkeypatch.setattr("codetriever.indexing.pool.Pool", watched)
    project.refresh(workers=2)
    assert [pool.pids for pool in pools] == [[]]
    assert not psutil.Process().children()
