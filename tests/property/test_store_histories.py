"""However an index came to be what it is, it answers like one built from nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from tests.contract.blobs import DIMENSIONS, analyse, cut_lines, digest_of, embed_chunks, embed_words, index, path_words

from codetriever.store.embedded import open_store
from codetriever.types import ViewKey

if TYPE_CHECKING:
    from codetriever.store.postgres.database import Database
    from codetriever.store.store import Snapshot, Store

WORDS = ("def", "parse", "tree", "Tree", "walk", "é", "x1")
LINES = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
CONTENTS = st.lists(LINES, max_size=4).map(lambda lines: "\n".join(lines).encode())
PATHS = st.sampled_from(["a.py", "b/a.py", "b/tree.py", "c d.txt", "z/\udcff.py", "ü.rs"])
KEYS = st.sampled_from([ViewKey("/one", "main"), ViewKey("/one", "side"), ViewKey("/two", "main")])
QUERIES = [embed_words(words) for words in (("parse",), ("def", "tree"), ("é", "x1", "walk"))]


class Killed(BaseException):
    """The writer's process ends."""


def answers(snapshot: Snapshot) -> dict[str, object]:
    """All that a snapshot tells, by path and place instead of ordinals."""
    ordinals = np.flatnonzero(snapshot.chunk_files() >= 0)
    columns = snapshot.chunks(ordinals)
    paths = list(snapshot.files.paths)
    names = {
        int(ordinal): (paths[snapshot.chunk_files()[ordinal]], int(start), int(end))
        for ordinal, start, end in zip(ordinals, columns.byte_start, columns.byte_end, strict=True)
    }

    def located(found: np.ndarray, *values: np.ndarray) -> list[tuple[object, ...]]:
        return sorted((names[ordinal], *rest) for ordinal, *rest in zip(found.tolist(), *(value.tolist() for value in values), strict=True))

    definitions = [snapshot.defined(word) for word in WORDS]
    allowed = np.arange(len(paths)) % 2 == 0
    return {
        "paths": paths,
        "chunks": sorted(zip(names.values(), columns.kinds.tolist(), columns.names, columns.start_line.tolist(), strict=True)),
        "statistics": (snapshot.chunk_count, snapshot.total_length, snapshot.info.files, snapshot.info.chunks, snapshot.info.text_bytes),
        "lengths": located(ordinals, snapshot.lengths[ordinals]),
        "keys": located(ordinals, snapshot.keys[ordinals]),
        "postings": {word: located(*snapshot.postings(word)) for word in WORDS},
        "path postings": {word: [part.tolist() for part in snapshot.path_postings(word)] for word in ("a", "b", "py", "tree", "absent")},
        "nearest": [[value.tolist() for value in ordered(snapshot.nearest(query, 5), names)] for query in QUERIES],
        "nearest allowed": [[value.tolist() for value in ordered(snapshot.nearest(query, 5, allowed), names)] for query in QUERIES],
        "cosines": [located(ordinals, snapshot.cosines(query, ordinals)) for query in QUERIES],
        "defined": [
            [list(found.names), list(found.qualified_names), list(found.signatures), [names[chunk] for chunk in found.chunks.tolist()]]
            for found in definitions
        ],
        "definitions": [list(snapshot.definitions(file).names) for file in range(len(paths))],
        "contents": [snapshot.content(file) for file in range(len(paths))],
        "same blob": [list(snapshot.same_blob(file)) for file in range(len(paths))],
        "allowed": located(np.flatnonzero(snapshot.chunk_files(allowed) >= 0)),
    }


def ordered(found: tuple[np.ndarray, np.ndarray], names: dict[int, tuple[str, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([names[ordinal] for ordinal in found[0].tolist()], dtype=object), found[1]


class Histories(RuleBasedStateMachine):
    """Edits, switches of branches, models, removals and deaths, against a dictionary of files per view."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="histories-"))
        self.views: dict[ViewKey, dict[str, bytes | None]] = {}
        self.held: list[tuple[object, Snapshot, dict[str, object]]] = []

    @initialize(memory_bytes=st.sampled_from([1, 5_000, 1 << 20]), batch=st.integers(1, 4))
    def choose_sizes(self, memory_bytes: int, batch: int) -> None:
        self.memory_bytes, self.batch = memory_bytes, batch
        self.store = self.open("store")

    def open(self, name: str, model: str = "m") -> Store:
        return open_store(self.folder / name, model=model, dimensions=DIMENSIONS, memory_bytes=self.memory_bytes)

    @rule(key=KEYS, edits=st.dictionaries(PATHS, st.one_of(CONTENTS, st.none()), max_size=4), gone=st.sets(PATHS, max_size=2))
    def edit(self, key: ViewKey, edits: dict[str, bytes | None], gone: set[str]) -> None:
        files = {path: data for path, data in (self.views.get(key, {}) | edits).items() if path not in gone}
        before = self.store.generation(key)
        with self.store.writer() as writer:
            index(writer, key, files, batch=self.batch)
        same = self.views.get(key) == files
        assert self.store.generation(key) == before + (not same)
        self.views[key] = files

    @precondition(lambda self: self.views)
    @rule()
    def index_again(self) -> None:
        for key, files in self.views.items():
            generation = self.store.generation(key)
            with self.store.writer() as writer:
                assert index(writer, key, files, stat=2) == 0
            assert self.store.generation(key) == generation

    @rule(contents=st.lists(CONTENTS, min_size=1, max_size=3), flushed=st.booleans())
    def die_while_writing(self, contents: list[bytes], flushed: bool) -> None:
        try:
            with self.store.writer() as writer:
                writer.add(analyse(contents))
                if flushed:
                    writer.flush()
                raise Killed
        except Killed:
            self.store = self.open("store")

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.views, key=str)))
        self.store.remove([key])
        del self.views[key]

    @rule()
    def use_another_model(self) -> None:
        with self.open("store", model="other").writer() as writer:
            writer.embed_missing(lambda chunks: embed_chunks(chunks, "other"))

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        opened = self.store.snapshot(data.draw(st.sampled_from(sorted(self.views, key=str))))
        snapshot = opened.__enter__()
        self.held.append((opened, snapshot, answers(snapshot)))

    @precondition(lambda self: self.held)
    @rule()
    def release(self) -> None:
        opened, snapshot, expected = self.held.pop(0)
        assert answers(snapshot) == expected
        opened.__exit__(None, None, None)  # type: ignore[attr-defined]

    @invariant()
    def counts_follow_from_the_contents(self) -> None:
        for key, files in self.views.items():
            with self.store.snapshot(key) as snapshot:
                lines = [line for data in {data for data in files.values() if data is not None} for line in cut_lines(data)]
                assert snapshot.chunk_count == len(lines)
                for word in WORDS:
                    ordinals, frequencies = snapshot.postings(word)
                    assert len(ordinals) == sum(word in line.words for line in lines)
                    assert int(frequencies.sum()) == sum(line.words.count(word) for line in lines)
                for word in ("a", "py"):
                    assert len(snapshot.path_postings(word)[0]) == sum(word in path_words(path) for path in files)

    def teardown(self) -> None:
        for opened, snapshot, expected in self.held:
            assert answers(snapshot) == expected
            opened.__exit__(None, None, None)  # type: ignore[attr-defined]
        for key, files in self.views.items():
            fresh = self.open("fresh")
            with fresh.writer() as writer:
                index(writer, key, files, batch=100)
            with self.store.snapshot(key) as old, fresh.snapshot(key) as new:
                assert answers(old) == answers(new)
            self.forget(fresh, key)
        self.nothing_unlisted_is_left()
        self.store.close()
        shutil.rmtree(self.folder)

    def nothing_unlisted_is_left(self) -> None:
        if not hasattr(self, "store") or not self.views:
            return
        listed = {digest_of(data) for files in self.views.values() for data in files.values() if data is not None}
        key, files = next(iter(self.views.items()))
        with self.store.writer() as writer:
            index(writer, key, files | {"new": b"forces a switch"})
            index(writer, key, files)
        assert sorted(self.kept_digests()) == sorted(listed)

    def kept_digests(self) -> list[bytes]:
        with self.store.writer() as writer:
            return [digest for (digest,) in writer._connection.execute("SELECT digest FROM blobs").fetchall()]  # type: ignore[attr-defined]

    def forget(self, store: Store, key: ViewKey) -> None:
        store.close()  # type: ignore[attr-defined]
        shutil.rmtree(self.folder / "fresh")


class DatabaseHistories(Histories):
    """The same in a database; what it answers is also what the embedded store answers, up to the precision of vectors."""

    database: Database

    def open(self, name: str, model: str = "m") -> Store:
        from codetriever.store.postgres.store import open_store as open_in_database

        repository = f"{self.folder.name}/{name}"
        return open_in_database(self.database, repository, model=model, dimensions=DIMENSIONS, memory_bytes=self.memory_bytes)

    def kept_digests(self) -> list[bytes]:
        scope = {"tenant": self.store.tenant, "name": self.store.repository}  # type: ignore[attr-defined]
        with self.database.reading(self.store.tenant) as connection:  # type: ignore[attr-defined]
            rows = connection.execute(
                "SELECT digest FROM blobs JOIN repositories r USING (tenant_id, repository_id)"
                " WHERE r.tenant_id = %(tenant)s AND r.name = %(name)s",
                scope,
            ).fetchall()
            for table in ("chunk_metadata", "vectors", "symbols"):
                orphans = connection.execute(
                    f"SELECT FROM {table} c WHERE NOT EXISTS (SELECT FROM blobs b WHERE b.blob_id = c.blob_id"
                    " AND b.repository_id = c.repository_id)"
                ).fetchall()
                assert orphans == [], table
        return [bytes(digest) for (digest,) in rows]

    def forget(self, store: Store, key: ViewKey) -> None:
        embedded = open_store(self.folder / "embedded", model="m", dimensions=DIMENSIONS)
        with embedded.writer() as writer:
            index(writer, key, self.views[key])
        with store.snapshot(key) as one, embedded.snapshot(key) as other:
            assert_alike(answers(one), answers(other))
        embedded.close()
        shutil.rmtree(self.folder / "embedded")
        store.remove([key])


def assert_alike(one: dict[str, object], other: dict[str, object]) -> None:
    """Nothing differs but the last digits of cosines."""
    near = ("nearest", "nearest allowed", "cosines")
    assert {name: value for name, value in one.items() if name not in near} == {
        name: value for name, value in other.items() if name not in near
    }
    for found, expected in zip(one["cosines"], other["cosines"], strict=True):  # type: ignore[call-overload]
        assert [row[0] for row in found] == [row[0] for row in expected]
        assert [row[1] for row in found] == pytest.approx([row[1] for row in expected], abs=0.01)


def of_examples(count: int, steps: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, stateful_step_count=steps, deadline=None, suppress_health_check=slow)


def test_histories() -> None:
    run_state_machine_as_test(Histories, settings=of_examples(15, 12))


def run_in_database(url: str, examples: settings) -> None:
    from codetriever.store.postgres.database import Database

    with Database(url) as opened:
        run_state_machine_as_test(type("OpenHistories", (DatabaseHistories,), {"database": opened}), settings=examples)


def test_histories_in_a_database(database_url: str) -> None:
    run_in_database(database_url, of_examples(10, 12))


@pytest.mark.long("histories")
@pytest.mark.timeout(3600)
def test_many_long_histories_in_a_database(database_url: str) -> None:
    run_in_database(database_url, of_examples(300, 40))


@pytest.mark.long("histories")
@pytest.mark.timeout(3600)
def test_many_long_histories() -> None:
    run_state_machine_as_test(Histories, settings=of_examples(500, 40))
