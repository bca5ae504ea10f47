import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codetriever.embedding.static import load_static
from codetriever.indexing.analysis import analyse
from codetriever.indexing.messages import RawBlob
from codetriever.indexing.streaming import batches

EMBEDDER = load_static()
LANGUAGES = ["python", "javascript", "rust", "go", "c", "html", "text", "no such language"]

contents = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace")),
    st.text("def f(x):\n {}();=éß中", max_size=2000).map(str.encode),
)
blobs = st.lists(
    st.builds(lambda data, language: RawBlob(hashlib.sha256(data).digest(), language, data), contents, st.sampled_from(LANGUAGES)),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(blobs)
def test_columns_fit_together_for_any_bytes(found):
    analysis = analyse(found, EMBEDDER)
    columns = analysis.blobs
    assert analysis.failures == ()
    assert len(columns.languages) == len(columns.contents) == len(columns.chunk_counts) == len(found)
    chunks = int(columns.chunk_counts.sum())
    for name in ("byte_start", "byte_end", "start_line", "end_line", "kinds", "names", "lengths", "pair_counts", "vectors"):
        assert len(getattr(columns, name)) == chunks, name
    assert int(columns.pair_counts.sum()) == len(columns.pair_terms) == len(columns.pair_frequencies)
    assert int(columns.definition_counts.sum()) == len(columns.definitions.names)
    assert len(set(columns.vocabulary)) == len(columns.vocabulary)
    assert not len(columns.pair_terms) or int(columns.pair_terms.max()) < len(columns.vocabulary)
    norms = np.linalg.norm(columns.vectors, axis=1)
    assert np.all(np.isclose(norms, 1, atol=1e-4) | (norms == 0))
    check_spans(columns)


def check_spans(columns):
    owner = np.repeat(np.arange(len(columns.languages)), columns.chunk_counts)
    assert np.all(columns.byte_start < columns.byte_end)
    assert np.all(columns.byte_end <= columns.sizes[owner])
    same = owner[1:] == owner[:-1]
    assert np.all(columns.byte_end[:-1][same] <= columns.byte_start[1:][same])
    of_definitions = np.repeat(np.arange(len(columns.languages)), columns.definition_counts)
    assert np.array_equal(owner[columns.definitions.chunks], of_definitions)


@given(st.lists(st.integers(0, 400_000), max_size=60), st.integers(1, 20), st.integers(1, 200))
def test_batches_keep_order_lose_nothing_and_hold_their_bounds(sizes, files, chunks):
    found = [RawBlob(number.to_bytes(32), "text", bytes(size)) for number, size in enumerate(sizes)]
    made = list(batches(found, files=files, chunks=chunks))
    assert [blob for batch in made for blob in batch] == found
    assert all(len(batch) <= files for batch in made)
    assert all(len(batch) == 1 or sum(len(blob.data) for blob in batch) <= chunks * 1536 for batch in made)
