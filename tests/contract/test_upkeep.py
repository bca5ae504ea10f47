"""Do the stores answer the same after they were swept and compacted, with nothing in them that no view lists?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.contract.blobs import analyse, embed_words, index, place
from tests.contract.test_store import FILES, MAIN, SIDE, open_one, store

if TYPE_CHECKING:
    from codetriever.store.store import Snapshot, Store

__all__ = ["open_one", "store"]


def answers(snapshot: Snapshot) -> list[object]:
    found: list[object] = [snapshot.chunk_count, snapshot.total_length, list(snapshot.files.paths)]
    for term in ("parse", "tree", "extra", "gone"):
        ordinals, frequencies = snapshot.postings(term)
        found.append(sorted(zip((place(snapshot, one) for one in ordinals.tolist()), frequencies.tolist(), strict=True)))
    nearest, cosines = snapshot.nearest(embed_words(("parse", "tree")), 10)
    found.append([place(snapshot, one) for one in nearest.tolist()])
    found.append(np.round(cosines, 3).tolist())
    found.append(snapshot.defined("parse").signatures)
    return found


@pytest.fixture
def grown(store: Store) -> Store:
    """Many small writes, views that came and went, and blobs of a writer that was interrupted."""
    for turn in range(7):
        with store.writer() as writer:
            index(writer, SIDE, {**FILES, f"extra{turn}.txt": f"extra number {turn}\n".encode()})
    with store.writer() as writer:
        writer.add(analyse([b"gone before it was listed\n"]))
        writer.flush()
    store.remove([SIDE])
    return store


def test_answers_stay_as_they_are(grown: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codetriever.store.embedded.catalog._BUSY_MS", 150_000)  # longer than a test may take: readers are not waited for
    with grown.snapshot(MAIN) as snapshot:
        before = answers(snapshot)
        with grown.writer() as writer:
            writer.sweep()
            writer.compact()
        assert answers(snapshot) == before, "who reads already goes on"
    with grown.snapshot(MAIN) as snapshot:
        assert answers(snapshot) == before
        assert list(snapshot.terms_containing("extra", 10)) == []
    with grown.writer() as writer:
        writer.compact()
        assert index(writer, MAIN, FILES) == 0, "nothing that is listed was lost"
        assert index(writer, MAIN, {"new.txt": b"a new file\n"}) == 1


def test_what_nobody_lists_goes(store: Store) -> None:
    blob = b"left by an interrupted writer\n"
    with store.writer() as writer:
        writer.add(analyse([blob]))
        writer.flush()
        writer.sweep()
        assert writer.known([(analyse([blob]).digests[0].tobytes(), "text")]) == [-1]
        assert index(writer, MAIN, FILES) == 0


def test_an_empty_store(open_one) -> None:
    store = open_one()
    with store.writer() as writer:
        writer.sweep()
        writer.compact()
    assert store.views() == []
