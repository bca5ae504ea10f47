"""What every store promises, whatever it is made of."""

from __future__ import annotations

import time
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.contract.blobs import DIMENSIONS, analyse, digest_of, embed_chunks, embed_words, index, path_words, place, table

from codetriever.errors import EmbedderFailed, ViewNotFound
from codetriever.store.embedded import open_store
from codetriever.types import KIND_CODES, ViewKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from codetriever.store.store import Snapshot, Store
    from codetriever.types import StoredChunk

    OpenStore = Callable[..., Store]

MAIN = ViewKey("/repository", "main")
SIDE = ViewKey("/repository", "side")
FILES: dict[str, bytes | None] = {
    "src/parse.py": b"def parse the input\nreturn tree tree tree\n\ndef Render the tree\n",
    "src/copy of parse.py": b"def parse the input\nreturn tree tree tree\n\ndef Render the tree\n",
    "docs/readme.txt": b"how to parse a tree\n",
    "empty.txt": b"",
    "logo.png": None,
}


@pytest.fixture(params=["embedded", "postgres"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the same store again and again, or another one when it is named."""
    with ExitStack() as exits:
        yield opener(request, tmp_path, exits)


def opener(request: pytest.FixtureRequest, tmp_path: Path, exits: ExitStack) -> OpenStore:
    if request.param == "embedded":

        def open_embedded(model: str = "m", features: str = "1", memory_bytes: int = 1 << 20, name: str = "store") -> Store:
            return open_store(tmp_path / name, model=model, dimensions=DIMENSIONS, features=features, memory_bytes=memory_bytes)

        return open_embedded
    url = request.getfixturevalue("database_url")
    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.store import open_store as open_in_database

    database = exits.enter_context(Database(url))

    def open_postgres(model: str = "m", features: str = "1", memory_bytes: int = 1 << 20, name: str = "store") -> Store:
        return open_in_database(database, name, model=model, dimensions=DIMENSIONS, features=features, memory_bytes=memory_bytes)

    return open_postgres


@pytest.fixture
def store(open_one: OpenStore) -> Store:
    opened = open_one()
    with opened.writer() as writer:
        index(writer, MAIN, FILES, head="abc")
    return opened


def places(snapshot: Snapshot, ordinals: np.ndarray) -> list[tuple[str, int]]:
    columns = snapshot.chunks(ordinals)
    files = snapshot.chunk_files()[ordinals]
    return [(snapshot.files.paths[file], start) for file, start in zip(files.tolist(), columns.start_line.tolist(), strict=True)]


def test_nothing_is_there_before_the_first_switch(open_one: OpenStore) -> None:
    store = open_one()
    assert store.views() == []
    assert store.generation(MAIN) == 0
    with pytest.raises(ViewNotFound), store.snapshot(MAIN):
        pass


def test_a_snapshot_lists_the_files_as_they_were_given(store: Store) -> None:
    with store.snapshot(MAIN) as snapshot:
        assert list(snapshot.files.paths) == ["docs/readme.txt", "empty.txt", "logo.png", "src/copy of parse.py", "src/parse.py"]
        assert snapshot.files.paths[-1] == "src/parse.py"
        assert snapshot.files.paths[1:3] == ["empty.txt", "logo.png"]
        assert "logo.png" in snapshot.files.paths
        assert snapshot.files.skips.tolist() == [0, 0, 1, 0, 0]
        assert snapshot.files.blobs[2] == -1
        assert snapshot.files.digests[0].tobytes() == digest_of(FILES["docs/readme.txt"] or b"")
        assert snapshot.info.files == 5
        assert snapshot.info.head == "abc"
        assert snapshot.info.text_bytes == sum(len(data or b"") for data in FILES.values())


def test_chunks_of_a_blob_under_two_paths_are_counted_once(store: Store) -> None:
    with store.snapshot(MAIN) as snapshot:
        assert snapshot.chunk_count == 4
        assert snapshot.total_length == 4 + 4 + 4 + 5
        assert snapshot.file_chunks.tolist() == [1, 0, 0, 3, 3]
        assert snapshot.file_first[2] == -1
        assert snapshot.file_first[3] == snapshot.file_first[4]
        assert list(snapshot.same_blob(4)) == [3, 4]
        assert list(snapshot.same_blob(2)) == [2]


def test_chunk_files_names_the_first_allowed_path(store: Store) -> None:
    with store.snapshot(MAIN) as snapshot:
        first = int(snapshot.file_first[3])
        assert snapshot.chunk_files()[first] == 3
        assert snapshot.chunk_files(np.array([True, True, True, False, True]))[first] == 4
        assert snapshot.chunk_files(np.array([True, True, True, False, False]))[first] == -1


def test_postings_and_statistics(store: Store) -> None:
    with store.snapshot(MAIN) as snapshot:
        ordinals, frequencies = snapshot.postings("tree")
        assert np.all(np.diff(ordinals) > 0)
        found = dict(zip(places(snapshot, ordinals), frequencies.tolist(), strict=True))
        assert found == {("src/copy of parse.py", 2): 3, ("src/copy of parse.py", 4): 1, ("docs/readme.txt", 1): 1}
        assert len(snapshot.postings("absent")[0]) == 0
        assert int(snapshot.lengths[ordinals].sum()) == 4 + 4 + 5


def test_parts_of_terms_and_words_of_paths(store: Store) -> None:
    with store.snapshot(MAIN) as snapshot:
        assert list(snapshot.terms_containing("re", 10)) == ["return", "tree"]
        assert list(snapshot.terms_containing("re", 1)) == ["return"]
        assert list(snapshot.terms_containing("eetr", 10)) == []
        files, counts = snapshot.path_postings("parse")
        assert (files.tolist(), counts.tolist()) == ([3, 4], [1, 1])
        assert len(snapshot.path_postings("absent")[0]) == 0


def test_nearest_orders_by_cosine(store: Store) -> None:
    query = embed_words(("how", "to", "parse"))
    with store.snapshot(MAIN) as snapshot:
        ordinals, cosines = snapshot.nearest(query, 2)
        assert places(snapshot, ordinals)[0] == ("docs/readme.txt", 1)
        expected = embed_words(("how", "to", "parse", "a", "tree")) @ query
        assert cosines[0] == pytest.approx(expected, abs=0.01)
        assert np.all(np.diff(cosines) <= 0)
        assert np.array_equal(snapshot.cosines(query, ordinals), cosines)
        assert snapshot.vectors(ordinals)[0] @ embed_words(("how", "to", "parse", "a", "tree")) == pytest.approx(1, abs=0.001)
        ordinals, _ = snapshot.nearest(query, 10, np.array([False, True, True, False, True]))
        assert {path for path, _ in places(snapshot, ordinals)} == {"src/copy of parse.py"}
        assert len(snapshot.nearest(query, 10, np.zeros(5, np.bool_))[0]) == 0


def test_definitions(store: Store) -> None:
    with store.snapshot(MAIN) as snapshot:
        found = snapshot.defined("rENDER")
        assert list(found.names) == ["Render"]
        assert list(found.qualified_names) == ["module.Render"]
        assert list(found.signatures) == ["def Render the tree"]
        assert found.lines.tolist() == [4]
        assert places(snapshot, found.chunks) == [("src/copy of parse.py", 4)]
        assert list(snapshot.definitions(4).names) == ["parse", "Render"]
        assert len(snapshot.definitions(2).names) == len(snapshot.defined("absent").names) == 0


def test_chunks_in_the_order_asked(store: Store) -> None:
    with store.snapshot(MAIN) as snapshot:
        first = int(snapshot.file_first[3])
        columns = snapshot.chunks(np.array([first + 2, first]))
        assert list(columns.names) == ["Render", "parse"]
        assert columns.kinds.tolist() == [KIND_CODES["function"]] * 2
        assert columns.start_line.tolist() == [4, 1]
        assert place(snapshot, first + 1) == ("src/copy of parse.py", 20, 42)


def test_content_is_of_the_snapshots_generation(store: Store) -> None:
    with store.snapshot(MAIN) as snapshot:
        with store.writer() as writer:
            index(writer, MAIN, {"src/parse.py": b"other\n"})
        assert store.generation(MAIN) == 2
        assert snapshot.content(4) == FILES["src/parse.py"]
        assert snapshot.content(2) == b""
        assert snapshot.encoding(4) == "utf-8"
        assert len(snapshot.postings("tree")[0]) == 3
    with store.snapshot(MAIN) as snapshot:
        assert snapshot.content(0) == b"other\n"
        assert len(snapshot.postings("tree")[0]) == 0
        assert snapshot.chunk_count == snapshot.total_length == 1


def test_indexing_again_changes_nothing(store: Store) -> None:
    with store.writer() as writer:
        assert index(writer, MAIN, FILES, head="abc") == 0
    assert store.generation(MAIN) == 1


def test_new_stats_alone_keep_the_generation(store: Store) -> None:
    with store.writer() as writer:
        index(writer, MAIN, FILES, head="def", stat=2)
    assert store.generation(MAIN) == 1
    with store.snapshot(MAIN) as snapshot:
        assert np.all(snapshot.files.stats == 2)
        assert snapshot.info.head == "def"


def test_a_listing_is_kept_beside_the_list(store: Store) -> None:
    with store.writer() as writer:
        previous = writer.previous(MAIN)
        assert previous is not None
        writer.switch(MAIN, previous, path_terms=path_words, listing=b"rules")
        assert writer.listing(MAIN) == b"rules"
        assert writer.listing(ViewKey("/elsewhere", "main")) == b""
    assert store.generation(MAIN) == 1
    with store.snapshot(MAIN) as snapshot:
        assert snapshot.listing == b"rules"


def test_a_list_of_blobs_that_were_never_added_is_refused(store: Store) -> None:
    with store.writer() as writer, pytest.raises(ValueError, match="never added"):
        writer.switch(MAIN, table({"a": b"new"}, {digest_of(b"new"): 999}), path_terms=path_words)
    assert store.generation(MAIN) == 1


def test_a_rename_adds_no_blob(store: Store) -> None:
    renamed = {path.replace("docs", "manual"): data for path, data in FILES.items()}
    with store.writer() as writer:
        assert index(writer, MAIN, renamed) == 0
    assert store.generation(MAIN) == 2


def test_branches_share_blobs_and_see_their_own(store: Store) -> None:
    changed = FILES | {"docs/readme.txt": b"nothing here\n"}
    with store.writer() as writer:
        assert index(writer, SIDE, changed) == 1
    with store.snapshot(MAIN) as main, store.snapshot(SIDE) as side:
        assert len(main.postings("tree")[0]) == 3
        assert len(side.postings("tree")[0]) == 2
        assert len(main.postings("nothing")[0]) == 0
        query = embed_words(("nothing", "here"))
        assert side.nearest(query, 1)[1][0] == pytest.approx(1, abs=0.001)
        assert main.nearest(query, 1)[1][0] < 0.5
    with store.writer() as writer:
        assert index(writer, SIDE, FILES) == 0
        assert index(writer, SIDE, changed) == 1, "what no view lists any more is swept"


def test_what_no_view_lists_is_swept(store: Store) -> None:
    known = [(digest_of(data), "text") for data in FILES.values() if data]
    with store.writer() as writer:
        index(writer, SIDE, {"one.txt": FILES["docs/readme.txt"]})
    store.remove([MAIN])
    assert [info.key for info in store.views()] == [SIDE]
    with store.writer() as writer:
        numbers = dict(zip(known, writer.known(known), strict=True))
    assert [digest for (digest, _), number in numbers.items() if number >= 0] == [digest_of(FILES["docs/readme.txt"] or b"")]
    with pytest.raises(ViewNotFound), store.snapshot(MAIN):
        pass


def test_previous_is_the_views_list_or_the_checkouts_last(store: Store) -> None:
    with store.writer() as writer:
        for key in (MAIN, ViewKey("/repository", "new branch")):
            previous = writer.previous(key)
            assert previous is not None
            assert list(previous.paths) == sorted(FILES)
        assert writer.previous(ViewKey("/elsewhere", "main")) is None


def test_what_was_flushed_survives_a_writer_that_dies(open_one: OpenStore) -> None:
    class Killed(Exception):
        pass

    def die_while_adding() -> None:
        with store.writer() as writer:
            writer.add(analyse([b"kept\n"]))
            writer.flush()
            writer.add(analyse([b"lost\n"]))
            raise Killed

    store = open_one()
    with pytest.raises(Killed):
        die_while_adding()
    with open_one().writer() as writer:
        assert [number >= 0 for number in writer.known([(digest_of(b"kept\n"), "text"), (digest_of(b"lost\n"), "text")])] == [True, False]
    assert store.views() == []


def test_a_blob_added_twice_keeps_its_number(store: Store) -> None:
    with store.writer() as writer:
        first = list(writer.add(analyse([b"new one\n"])))
        again = list(writer.add(analyse([b"other def\n", b"new one\n", FILES["docs/readme.txt"] or b"", b"def last\n"])))
        assert again[1] == first[0]
        assert len(set(again)) == 4
        numbers = dict(zip([b"new one\n", b"other def\n", b"def last\n"], [first[0], again[0], again[3]], strict=True))
        files = {"a": b"new one\n", "b": b"other def\n", "c": b"def last\n"}
        listed = table(files, {digest_of(data): number for data, number in numbers.items()})
        writer.switch(MAIN, listed, path_terms=path_words)
    with store.snapshot(MAIN) as snapshot:
        assert snapshot.chunk_count == 3
        assert places(snapshot, snapshot.defined("last").chunks) == [("c", 1)]
        assert places(snapshot, snapshot.postings("one")[0]) == [("a", 1)]
        assert snapshot.nearest(embed_words(("def", "last")), 1)[1][0] == pytest.approx(1, abs=0.001)


def test_many_small_segments_answer_like_one(open_one: OpenStore) -> None:
    store = open_one(memory_bytes=1)
    with store.writer() as writer:
        index(writer, MAIN, FILES, batch=1)
    test_postings_and_statistics(store)
    test_definitions(store)
    test_nearest_orders_by_cosine(store)
    test_parts_of_terms_and_words_of_paths(store)
    test_chunks_in_the_order_asked(store)


def test_two_models_keep_their_own_vectors(open_one: OpenStore, store: Store) -> None:
    other = open_one(model="other")
    query = embed_words(("how", "to", "parse"), "other")
    with other.snapshot(MAIN) as snapshot:
        assert len(snapshot.nearest(query, 5)[0]) == 0
    with other.writer() as writer:
        assert writer.embed_missing(lambda chunks: embed_chunks(chunks, "other")) == 4
        assert writer.embed_missing(lambda chunks: embed_chunks(chunks, "other")) == 0
    with other.snapshot(MAIN) as snapshot:
        ordinals, _ = snapshot.nearest(query, 1)
        assert places(snapshot, ordinals) == [("docs/readme.txt", 1)]
    test_nearest_orders_by_cosine(store)


def test_blobs_without_vectors_are_embedded_later(open_one: OpenStore) -> None:
    store = open_one()
    data = b"def parse the input\nreturn tree\n"
    with store.writer() as writer:
        (number,) = writer.add(analyse([data], model=None))
        listed = table({"a": data}, {digest_of(data): number})
        writer.switch(MAIN, listed, path_terms=path_words)
        assert writer.embed_missing(embed_chunks) == 2
    with store.snapshot(MAIN) as snapshot:
        assert snapshot.nearest(embed_words(("return", "tree")), 1)[1][0] == pytest.approx(1, abs=0.001)


def test_other_features_make_blobs_unknown(open_one: OpenStore, store: Store) -> None:
    newer = open_one(features="2")
    with newer.writer() as writer:
        assert writer.previous(MAIN) is None
        assert index(writer, MAIN, FILES) == 3
    assert newer.generation(MAIN) == 2
    with open_one().writer() as writer:
        assert set(writer.known([(digest_of(data), "text") for data in FILES.values() if data is not None])) == {-1}


def test_vectors_are_complete_or_not(open_one: OpenStore, store: Store) -> None:
    assert store.is_complete(MAIN)
    assert not store.is_complete(SIDE)
    assert not open_one(features="2").is_complete(MAIN)
    other = open_one(model="other")
    assert not other.is_complete(MAIN)
    with other.writer() as writer:
        writer.embed_missing(lambda chunks: embed_chunks(chunks, "other"))
    assert other.is_complete(MAIN)
    with store.writer() as writer:
        index(writer, MAIN, {"a": b"one\n", "b": FILES["docs/readme.txt"]})
    assert store.is_complete(MAIN)
    assert not other.is_complete(MAIN)
    with other.writer() as writer:
        assert writer.embed_missing(lambda chunks: embed_chunks(chunks, "other")) == 1
    assert other.is_complete(MAIN)


def test_views_of_other_features_are_as_if_not_there(open_one: OpenStore, store: Store) -> None:
    newer = open_one(features="2")
    assert newer.generation(MAIN) == 0
    with pytest.raises(ViewNotFound), newer.snapshot(MAIN):
        pass
    assert store.generation(MAIN) == 1


def test_the_nearest_do_not_depend_on_what_else_is_stored(open_one: OpenStore) -> None:
    files = {f"{file}": b"\n".join(b"word%d of%d" % (file * 50 + line, line) for line in range(50)) for file in range(60)}
    others = {f"{file}": b"\n".join(b"other%d of%d" % (file * 50 + line, line) for line in range(50)) for file in range(60)}
    answers = []
    for name, first in (("fresh", None), ("shared", others)):
        store = open_one(name=name)
        with store.writer() as writer:
            if first is not None:
                index(writer, SIDE, first, batch=60)
            index(writer, MAIN, files, batch=60)
        with store.snapshot(MAIN) as snapshot:
            allowed = np.arange(60) < 40
            for some in (None, allowed):
                ordinals, cosines = snapshot.nearest(embed_words(("word7", "of3", "of5")), 100, some)
                answers.append((places(snapshot, ordinals), cosines.tolist()))
    assert answers[:2] == answers[2:]


def test_embedding_goes_on_where_it_was_interrupted(open_one: OpenStore, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codetriever.store.embedded.missing._CHUNKS_AT_ONCE", 1)
    monkeypatch.setattr("codetriever.store.embedded.missing._DURABLE_EVERY_S", 0.02)
    if find_spec("psycopg"):
        monkeypatch.setattr("codetriever.store.postgres.missing.CHUNKS_AT_ONCE", 1)
    other, calls = open_one(model="other"), []

    def slow(chunks: Sequence[StoredChunk]) -> np.ndarray:
        calls.append(chunks)
        if len(calls) == 2:
            raise ConnectionResetError
        time.sleep(0.03)
        return embed_chunks(chunks, "other")

    with other.writer() as writer, pytest.raises(EmbedderFailed, match="ConnectionResetError"):
        writer.embed_missing(slow)
    assert not other.is_complete(MAIN)
    with other.writer() as writer:
        writer.embed_missing(slow)
    assert other.is_complete(MAIN)
    done = [chunk for number, call in enumerate(calls) if number != 1 for chunk in call]
    assert len(done) == len(set(done)) == 4, "nothing is embedded twice"


def test_an_embedder_that_answers_the_wrong_shape_is_named(open_one: OpenStore, store: Store) -> None:
    with open_one(model="other").writer() as writer, pytest.raises(EmbedderFailed, match=r"other answered \(1, 3\)"):
        writer.embed_missing(lambda _: np.zeros((1, 3), np.float32))
    test_nearest_orders_by_cosine(store)
