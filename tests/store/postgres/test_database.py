"""Pools, plans, statements, locks and lost connections of a real database."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import partialmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.contract.blobs import DIMENSIONS, analyse, digest_of, embed_words, index, path_words, table

psycopg = pytest.importorskip("psycopg")

from codetriever.errors import DatabaseUnavailable, StoreLocked, ViewNotFound  # noqa: E402 - after the skip
from codetriever.store import likeness  # noqa: E402
from codetriever.store.postgres import arrays, graph  # noqa: E402
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, transaction  # noqa: E402
from codetriever.store.postgres.merge import FAN, groups_to_merge  # noqa: E402
from codetriever.store.postgres.queries import queries, query  # noqa: E402
from codetriever.store.postgres.store import PostgresStore, find_tenant, open_store  # noqa: E402
from codetriever.types import ViewKey  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = ViewKey("/repository", "main")
FILES = {f"src/{name}.py": f"def {name} the input\nreturn {name} tree\n".encode() for name in ("parse", "walk", "render")}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url, wait_s=0.5) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> PostgresStore:
    opened = open_one(database)
    with opened.writer() as writer:
        index(writer, MAIN, FILES)
    return opened


def open_one(database: Database, name: str = "one", **more: Any) -> PostgresStore:
    return open_store(database, name, model="m", dimensions=DIMENSIONS, features="1", **more)


def test_pools_have_limits_and_say_how_busy_they_are(database: Database) -> None:
    assert [(one.name, one.limit, one.size) for one in database.statistics()] == [("write", 10, 0), ("read", 20, 0), ("analytics", 5, 0)]
    with ExitStack() as exits:
        for _ in range(5):
            exits.enter_context(database.reading(DEFAULT_TENANT, "analytics"))
        (busy,) = (one for one in database.statistics() if one.name == "analytics")
        assert (busy.size, busy.idle, busy.utilisation) == (5, 0, 1.0)
        with pytest.raises(DatabaseUnavailable, match="busy"), database.reading(DEFAULT_TENANT, "analytics"):
            pass
        with database.reading(DEFAULT_TENANT) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,), "searches have connections of their own"
    (free,) = (one for one in database.statistics() if one.name == "analytics")
    assert (free.idle, free.waiting, free.utilisation, free.requests_waited >= 1) == (5, 0, 0.0, True)


def test_searches_go_to_the_replica(database_url: str) -> None:
    replica = f"{database_url} application_name=replica"
    with Database(database_url, read_url=replica) as database:
        name = "SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid() AND application_name = %s"
        with database.reading(DEFAULT_TENANT) as connection:
            assert connection.execute(name, ("codetriever read",)).fetchone() == ("client backend",)
    with Database(database_url, read_url="host=/nowhere") as database, pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        database.check()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://somebody@127.0.0.1:1/x", r'at "127\.0\.0\.1", port 1 failed: Connection refused'),
        ("host=/nowhere", "/nowhere/.*No such file"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_with_the_reason(url: str, why: str) -> None:
    with Database(url) as database, pytest.raises(DatabaseUnavailable, match=f"The database cannot be reached: .*{why}"):
        database.check()


def test_what_was_closed_opens_again(database: Database, store: PostgresStore) -> None:
    store.close()
    database.close()
    assert store.generation(MAIN) == 1


def noted(connection: Any, asked: list[str], execute: Any, *words: Any, **more: Any) -> Any:
    asked.append(words[0])
    return execute(connection, *words, **more)


def test_a_batch_takes_as_many_statements_as_there_are_tables(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for blobs in (1, 200):
        asked: list[str] = []
        with open_one(database, f"of {blobs}").writer() as writer:
            writer.add(analyse([f"def line{number}\nand another {number}\n".encode() for number in range(blobs)]))
            monkeypatch.setattr(psycopg.Connection, "execute", partialmethod(noted, asked, psycopg.Connection.execute))
            writer.flush()
            monkeypatch.undo()
        counts.append([name for name, sql in queries().items() if sql in asked])
        assert len(asked) == len(counts[-1]) + 2, "and BEGIN and COMMIT"
    assert counts[0] == counts[1]
    assert sorted(counts[0]) == [
        "add_blobs",
        "add_chunks",
        "add_postings",
        "add_segment",
        "add_signs",
        "add_symbols",
        "add_vectors",
        "advance_number",
    ]


def plan(connection: Any, name: str, parameters: dict[str, Any]) -> str:
    return "\n".join(row[0] for row in connection.execute(f"EXPLAIN {query(name)}", parameters).fetchall())


HOT = {
    "known_blobs": "blobs_tenant_id_repository_id_digest",
    "load_files": "on indexed_files_",
    "load_chunks": "chunk_metadata_pkey",
    "chunk_names": "chunk_metadata_pkey",
    "postings": "postings_pkey",
    "symbols_named": "symbols_by_name",
    "blob_content": "blobs_pkey",
    "products": "vectors_pkey",
    "products_of_blobs": "vectors_pkey",
    "load_signs": "vector_signs_pkey",
    "find_view": "project_branches_tenant_id_repository_id_worktree_branch",
}


def test_hot_queries_use_their_indexes(database: Database) -> None:
    many = {f"src/{number}.py": f"def line{number}\nreturn {number}\n".encode() for number in range(1500)}
    with open_one(database).writer() as writer:
        index(writer, MAIN, many, batch=500)
        index(writer, ViewKey("/repository", "side"), dict(list(many.items())[:300]))
    with database.connection("write") as connection:
        connection.execute("VACUUM ANALYZE")
    numbers = arrays.bigints(np.arange(1, 4))
    scope = {
        "tenant": DEFAULT_TENANT, "repository": 1, "view": 1, "worktree": "/repository", "branch": "main", "features": "1", "model": "m",
        "digests": arrays.byteas([b"x"]), "languages": arrays.texts(["text"]), "blobs": numbers, "indexes": arrays.ints(np.arange(3)),
        "term": b"the", "hash": 1, "blob": 1, "high": arrays.halfvec(embed_words(("the",))),
        "low": arrays.halfvec(embed_words(("the",))),
    }  # fmt: skip
    with database.reading(DEFAULT_TENANT) as connection:
        for name, index_name in HOT.items():
            assert index_name in plan(connection, name, scope), name
        assert "Index Only Scan using chunk_metadata_pkey" in plan(connection, "load_chunks", scope)


def test_a_second_writer_waits_then_says_so(database: Database, store: PostgresStore) -> None:
    with store.writer(), pytest.raises(StoreLocked, match="one is being written"), open_one(database).writer(wait_s=0.1):
        pass
    with store.writer(), open_one(database, "another repository").writer(wait_s=0.1):
        pass


def test_a_second_writer_goes_on_when_the_first_is_done(database: Database, store: PostgresStore) -> None:
    with store.writer():
        done: list[int] = []
        thread = threading.Thread(target=lambda: done.append(_index_again(database)))
        thread.start()
        assert done == []
    thread.join()
    assert done == [0]


def _index_again(database: Database) -> int:
    with open_one(database).writer(wait_s=20) as writer:
        return index(writer, MAIN, FILES)


def test_a_writer_whose_connection_is_lost_loses_its_lock_and_nothing_else(database: Database, store: PostgresStore) -> None:
    def lose_it() -> None:
        with store.writer() as writer:
            writer.add(analyse([b"def lost\n"]))
            with database.connection("write") as other:
                other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()")
            writer.flush()

    with pytest.raises(DatabaseUnavailable):
        lose_it()
    assert store.generation(MAIN) == 1
    with open_one(database).writer(wait_s=5) as writer:
        assert list(writer.known([(digest_of(b"def lost\n"), "text")])) == [-1]
        assert index(writer, MAIN, FILES | {"new": b"def found\n"}) == 1
    with store.snapshot(MAIN) as snapshot:
        assert list(snapshot.defined("found").names) == ["found"]


def test_a_reader_whose_connection_is_lost_is_told_so(database: Database, store: PostgresStore) -> None:
    def lose_it() -> None:
        with store.snapshot(MAIN) as snapshot:
            with database.connection("write") as other:
                other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'codetriever read'")
            snapshot.content(0)

    with pytest.raises(DatabaseUnavailable):
        lose_it()
    with store.snapshot(MAIN) as snapshot:
        assert snapshot.content(0) == FILES["src/parse.py"]


def test_nothing_is_left_after_many_edits(database: Database, store: PostgresStore) -> None:
    """Small segments are merged, and of what is gone nothing is kept."""
    random = np.random.default_rng(1)
    files = dict(FILES)
    for turn in range(100):
        files[f"src/{random.integers(5)}.py"] = f"def turn{turn} of {random.integers(10)}\nreturn {turn} {random.integers(10)}\n".encode()
        with store.writer() as writer:
            index(writer, MAIN, files)
    with database.reading(DEFAULT_TENANT) as connection:
        counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("blobs", "chunk_metadata", "vectors")}
        (segments,) = connection.execute("SELECT count(*) FROM segments").fetchone() or (0,)
        (unlisted,) = connection.execute(
            "SELECT count(*) FROM postings WHERE segment_id NOT IN (SELECT segment_id FROM segments)"
        ).fetchone() or (1,)
    distinct = len(set(files.values()))
    assert counts == {"blobs": (distinct,), "chunk_metadata": (2 * distinct,), "vectors": (2 * distinct,)}
    assert segments < 2 * FAN
    assert unlisted == 0
    with store.snapshot(MAIN) as old, fresh(database, files).snapshot(MAIN) as new:
        for word in ("def", "return", "of", "3", "tree"):
            assert len(old.postings(word)[0]) == len(new.postings(word)[0])


def fresh(database: Database, files: dict[str, bytes]) -> PostgresStore:
    opened = open_one(database, "fresh")
    with opened.writer() as writer:
        index(writer, MAIN, files)
    return opened


def test_which_segments_are_merged() -> None:
    small = [(number, 10, 0) for number in range(FAN)]
    assert groups_to_merge(small[:-1]) == []
    assert groups_to_merge(small) == [[number for number, _, _ in small]]
    assert groups_to_merge([(1, 100, 51), (2, 100, 50)]) == [[1]]
    assert groups_to_merge([(number, 60_000, 0) for number in range(FAN)]) == [], "large ones stay as they are"


def test_writing_what_is_there_already_changes_nothing(database: Database, store: PostgresStore) -> None:
    """Every statement that adds rows may be sent again, after an answer that was lost."""
    with database.connection("write") as connection, transaction(connection, DEFAULT_TENANT):
        scope = {"tenant": DEFAULT_TENANT, "repository": 1, "model": "m"}
        blobs, indexes, vectors = arrays.bigints(np.array([1])), arrays.ints(np.array([0])), np.ones((1, DIMENSIONS), np.float32)
        more = {"blobs": blobs, "indexes": indexes, "vectors": arrays.halfvecs(vectors, database.halfvec_type)}
        assert connection.execute(query("add_vectors"), scope | more, binary=True).rowcount == 0


def test_branches_of_the_shared_checkout_have_no_worktree(database: Database) -> None:
    shared = open_one(database, root="/home/somebody/repository")
    with shared.writer() as writer:
        index(writer, ViewKey("/home/somebody/repository", "main"), FILES)
        index(writer, ViewKey("/home/somebody/worktree", "main"), {"a": b"def other\n"})
    elsewhere = open_one(database, root="/srv/clone")
    assert elsewhere.generation(ViewKey("/srv/clone", "main")) == 1
    assert {info.key.root for info in elsewhere.views()} == {"/srv/clone", "/home/somebody/worktree"}


def test_what_another_version_indexed_is_said(database: Database, store: PostgresStore) -> None:
    newer = open_store(database, "one", model="m", dimensions=DIMENSIONS, features="2")
    with pytest.raises(ViewNotFound, match="another version of Codetriever"), newer.snapshot(MAIN):
        pass
    with pytest.raises(ViewNotFound, match="is not indexed"), newer.snapshot(ViewKey("/repository", "other")):
        pass


def test_a_tenant_is_found_by_name_and_number(database: Database) -> None:
    assert find_tenant(database, "default") == find_tenant(database, DEFAULT_TENANT) == find_tenant(database, str(DEFAULT_TENANT))
    assert find_tenant(database, "nobody") is None


def test_an_address_is_shown_without_its_password(database_url: str) -> None:
    assert Database("postgresql://me:secret@db.example/code").name == "code on db.example"


@pytest.mark.parametrize("text", ["", "plain", "ünï", "a\0b", "\udcff", "😀"])
def test_texts_that_a_database_cannot_hold(text: str) -> None:
    kept = arrays.storable(text)
    kept.encode()
    assert "\0" not in kept
    assert kept == text or not text.isprintable() or "\udcff" in text


def test_columns_come_back_as_they_went(database: Database) -> None:
    numbers = np.array([0, 1, -5, 2**40], np.int64)
    vectors = np.array([[0.5, -1, 2, 0], [1, 1, 1, 1]], np.float32)
    with database.reading(DEFAULT_TENANT) as connection:
        row = connection.execute(
            "SELECT %(longs)s::bigint[], %(small)s::smallint[], %(none)s::int[], %(blobs)s::bytea[], %(texts)s::text[],"
            " (%(vectors)s::halfvec[])[1], %(uuids)s::uuid[]",
            {
                "longs": arrays.bigints(numbers),
                "small": arrays.smallints(numbers[:3]),
                "none": arrays.ints(numbers[:0]),
                "blobs": arrays.byteas([b"", b"\0x"]),
                "texts": arrays.texts(["ü", ""]),
                "vectors": arrays.halfvecs(vectors, database.halfvec_type),
                "uuids": arrays.uuids(np.frombuffer(DEFAULT_TENANT.bytes, np.uint8).reshape(1, 16)),
            },
            binary=True,
        ).fetchone()
    assert row is not None
    assert row[0].tolist() == numbers.tolist()
    assert row[1].tolist() == [0, 1, -5]
    assert row[2].tolist() == []
    assert row[3:5] == ([b"", b"\0x"], ["ü", ""])
    assert arrays.from_halfvec(row[5]).tolist() == vectors[0].tolist()
    assert row[6] == [DEFAULT_TENANT]


def test_a_switch_that_fails_changes_nothing(database: Database, store: PostgresStore) -> None:
    def broken(path: str) -> dict[str, int]:
        raise ZeroDivisionError

    with store.writer() as writer:
        (number,) = writer.add(analyse([b"def new\n"]))
        with pytest.raises(ZeroDivisionError):
            writer.switch(MAIN, table({"new": b"def new\n"}, {digest_of(b"def new\n"): number}), path_terms=broken)
    assert store.generation(MAIN) == 1
    with store.snapshot(MAIN) as snapshot:
        assert list(snapshot.files.paths) == sorted(FILES)
    with store.writer() as writer:
        listed = table({"new": b"def new\n"}, {digest_of(b"def new\n"): number})
        assert writer.switch(MAIN, listed, path_terms=path_words).generation == 2


MANY = {
    f"src/{number}.py": "".join(f"word{number} of{line} line{number * line % 97}\n" for line in range(20)).encode() for number in range(60)
}


def nearest(store: PostgresStore, word: str, allowed: Any) -> list[tuple[int, int, float]]:
    """The chunks nearest to a word, and how near, as one compares all of them."""
    with store.snapshot(MAIN) as snapshot:
        ordinals, cosines = snapshot.nearest(embed_words((word, "of5")), 50, allowed)
        return [(*place, cosine) for place, cosine in zip(places_of(snapshot, ordinals), cosines.tolist(), strict=True)]


@pytest.mark.parametrize("has_graph", [False, True])
def test_of_many_chunks_a_pool_is_compared(database: Database, monkeypatch: pytest.MonkeyPatch, has_graph: bool) -> None:
    store = open_one(database)
    filters = (None, np.arange(60) < 20, np.arange(60) < 50)
    with store.writer() as writer:
        index(writer, MAIN, MANY, batch=60)
        exact = {(word, number): nearest(store, word, filters[number]) for word in ("word7", "of3", "line12") for number in range(3)}
        monkeypatch.setattr(graph, "SCANNED_CHUNKS", 300 if has_graph else 10**6)
        monkeypatch.setattr(likeness, "_SMALLEST_POOL", 300)
        index(writer, MAIN, MANY | {"src/60.py": b"one more\n"})
        index(writer, MAIN, MANY)
        writer.compact()
        writer.compact()
    for (word, number), expected in exact.items():
        found = nearest(store, word, filters[number])
        assert len(found) == 50, "a filter leaves as many"
        assert len(set(found) & set(expected)) >= 45
    with store.snapshot(MAIN) as snapshot:
        assert graph.has_graph(snapshot._connection, snapshot._scope) == has_graph
        assert bool(snapshot._generation._signs) != has_graph
        asked = snapshot._scope | {"vector": arrays.halfvec(embed_words(("of5",))), "blobs": None, "limit": 9}
        rows = snapshot._connection.execute("EXPLAIN " + graph.by_graph("nearest", DIMENSIONS), asked).fetchall()
        assert ("Index Scan using vectors_near_" in "\n".join(row[0] for row in rows)) == has_graph


def test_signs_that_are_missing_are_made(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an upgrade; some blobs have signs and some have none, and of one a vector is missing."""
    monkeypatch.setattr(likeness, "_SMALLEST_POOL", 300)
    store = open_one(database)
    with store.writer() as writer:
        index(writer, MAIN, MANY)
    expected = nearest(store, "of3", None)
    with database.connection("write") as connection, transaction(connection, DEFAULT_TENANT):
        connection.execute("DELETE FROM vector_signs WHERE blob_id % 3 > 0")
    again = open_one(database)
    assert nearest(again, "of3", None) == expected
    with again.writer() as writer:
        writer.compact()
    with database.reading(DEFAULT_TENANT) as connection:
        assert connection.execute("SELECT count(*), sum(octet_length(signs)) FROM vector_signs").fetchone() == (60, 60 * 20 * 32)
    with database.connection("write") as connection, transaction(connection, DEFAULT_TENANT):
        connection.execute("DELETE FROM vectors WHERE blob_id = 1 AND chunk_index = 3")
        connection.execute("DELETE FROM vector_signs WHERE blob_id = 1")
    with open_one(database).snapshot(MAIN) as snapshot:
        signs = snapshot._generation.signs(snapshot._connection, "m", DIMENSIONS)
        assert signs.missing.tolist() == [3]
        assert snapshot.cosines(embed_words(("of3",)), np.array([3])).tolist() == [0]
    with open_one(database).writer() as writer:
        assert writer.embed_missing(lambda chunks: np.stack([embed_words(("of3",)) for _ in chunks])) == 1
    with open_one(database).snapshot(MAIN) as snapshot:
        assert not len(snapshot._generation.signs(snapshot._connection, "m", DIMENSIONS).missing)


def places_of(snapshot: Any, ordinals: Any) -> list[tuple[int, int]]:
    columns = snapshot.chunks(ordinals)
    return list(zip(snapshot.chunk_files()[ordinals].tolist(), columns.start_line.tolist(), strict=True))
