"""Where is a text in space, by its words alone?"""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.embedding.static import load_static
from codetriever.embedding.table import open_table
from codetriever.lexical.terms import count_terms

TEXTS = st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from("open close file token parseXml httpserver WebSocket sesion xyzzy 42 設定 == {".split()), max_size=20).map(
        " ".join
    ),
)


def test_rows_are_of_unit_length(embedder):
    rows = embedder.embed(["open the file", "close(session)", "HTTPServer"])
    assert rows.shape == (3, embedder.dimensions)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_the_sum_is_weighted_by_the_logarithm_of_the_count(embedder, table_path):
    table = open_table(table_path)
    row = dict(zip(table.terms(), table.rows * table.scales[:, None], strict=True))
    expected = row["open"] * (1 + np.log(3)) + row["file"]
    assert embedder.embed(["open open file open"])[0] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)  # weights are whole


@pytest.mark.parametrize("text", ["", " \n", "xyzzy", "авторизация", "== {} ;", "9 8 7"])
def test_a_text_without_known_words_is_a_zero_row(embedder, text):
    assert not embedder.embed([text]).any()
    assert not embedder.embed_query(text).any()


def test_nothing_is_nothing(embedder):
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_an_unknown_word_is_split_into_known_ones(embedder):
    assert embedder.embed_query("websocketserver") == pytest.approx(embedder.embed_query("web socket server"), abs=1e-6)
    assert embedder.embed(["httpserver"])[0] == pytest.approx(embedder.embed(["http server"])[0], abs=1e-6)


def test_a_word_that_is_mostly_unknown_is_not_split(embedder):
    assert not embedder.embed_query("zzqfilezzq").any()


def test_a_very_long_word_costs_nothing(embedder):
    assert embedder.embed(["file" * 10_000]).shape == (1, embedder.dimensions)


@pytest.mark.parametrize("typed", ["sesion", "sessoin", "sesssion", "sessiom"])
def test_a_typing_error_in_a_question_is_mended(embedder, typed):
    assert embedder.embed_query(typed) == pytest.approx(embedder.embed_query("session"), abs=1e-6)


def test_counts_beyond_the_stored_range_weigh_like_its_end(embedder):
    assert np.array_equal(embedder.project([{"open": 255, "file": 1}]), embedder.project([{"open": 10**6, "file": 1}]))


@given(TEXTS)
def test_projecting_counts_is_embedding_the_text(embedder, text):
    assert np.array_equal(embedder.project([count_terms(text)]), embedder.embed([text]))


@given(st.lists(TEXTS, max_size=8))
def test_counts_in_columns_give_the_same_rows(embedder, texts):
    counts = [{term: min(count, 255) for term, count in count_terms(text).items()} for text in texts]
    vocabulary = sorted({term for terms in counts for term in terms})
    columns = embedder.project_columns(
        vocabulary,
        np.array([len(terms) for terms in counts], dtype=np.uint32),
        np.array([vocabulary.index(term) for terms in counts for term in terms], dtype=np.uint32),
        np.array([count for terms in counts for count in terms.values()], dtype=np.uint8),
    )
    assert np.array_equal(columns, embedder.project(counts))


def test_it_travels_between_processes_as_the_path_of_its_file(embedder, table_path):
    sent = pickle.dumps(embedder)
    assert len(sent) < 500
    assert np.array_equal(pickle.loads(sent).embed(["open the file"]), embedder.embed(["open the file"]))


@given(st.lists(TEXTS, max_size=8))
def test_a_text_has_the_same_vector_in_any_batch(embedder, texts):
    alone = [embedder.embed([text])[0] for text in texts]
    assert all(np.array_equal(row, one) for row, one in zip(embedder.embed(texts), alone, strict=True))


@given(TEXTS)
def test_every_row_is_of_unit_length_or_zero(embedder, text):
    for row in (embedder.embed([text])[0], embedder.embed_query(text)):
        assert row.shape == (embedder.dimensions,)
        assert not row.any() or np.linalg.norm(row) == pytest.approx(1.0, abs=1e-5)


def test_the_model_is_named_by_its_content(embedder, table_path):
    assert embedder.model == load_static(table_path).model
    assert open_table(table_path).identity[:12] in embedder.model


def test_a_full_cache_of_splits_forgets_without_a_difference(table_path, monkeypatch):
    monkeypatch.setattr("codetriever.embedding.static._CACHE_TERMS", 2)
    words = ["httpserver", "filepath", "userlogin", "searchindex"]
    assert np.array_equal(load_static(table_path).embed(words), load_static(table_path).embed(words[::-1])[::-1])


def test_the_bundled_table_knows_what_goes_together():
    embedder = load_static()
    embedder.embed(["checked in full"])
    question = embedder.embed_query("how are expired sessions refreshed")
    right, wrong = embedder.embed(
        ["def renew(token):\n    if token.expires < now():\n        session.refresh()", "def parse_xml(text):\n    return tree(text)"]
    )
    assert question @ right > question @ wrong + 0.2
    assert embedder.dimensions <= 256
