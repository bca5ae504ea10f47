"""Do columns of terms say what `count_terms` says of each text?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.lexical import columns as columns_module
from codetriever.lexical.columns import TermCounter, words_in
from codetriever.lexical.terms import count_terms

WORDS = "HTTPServer open_file sha256_sum größe 設定 naïve i 0 _ \x1c \u0130x == 0xdeadbeefdeadbeefdeadbeef".split(" ")
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS)).map(" ".join))


def as_counts(found):
    counts, end = [], 0
    for size in found.pair_counts.tolist():
        pairs = slice(end, end := end + size)
        terms = [found.vocabulary[term] for term in found.pair_terms[pairs].tolist()]
        counts.append(dict(zip(terms, found.pair_frequencies[pairs].tolist(), strict=True)))
    return counts


def encoded(text):
    return text.encode("utf-8", "replace")


@given(st.lists(TEXTS, max_size=6), st.lists(TEXTS, max_size=6))
def test_a_batch_counts_what_each_text_counts(first, second):
    counter = TermCounter()
    for texts in (first, second, first):
        found = counter.count([words_in(encoded(text)) for text in texts])
        expected = [count_terms(encoded(text).decode()) for text in texts]
        assert as_counts(found) == expected
        assert found.lengths.tolist() == [sum(counts.values()) for counts in expected]
        assert set(found.vocabulary) == {term for counts in expected for term in counts}
        assert len(set(found.vocabulary)) == len(found.vocabulary)


@given(TEXTS, TEXTS)
def test_texts_joined_by_a_blank_count_as_one(text, name):
    found = TermCounter().count([words_in(encoded(text)) + b" " + words_in(encoded(name))])
    expected = count_terms(encoded(text).decode())
    for term, count in count_terms(encoded(name).decode()).items():
        expected[term] = expected.get(term, 0) + count
    assert as_counts(found) == [expected]


@given(st.binary(max_size=200))
def test_bytes_that_are_no_text_count_as_what_they_decode_to(data):
    assert as_counts(TermCounter().count([words_in(data)])) == [count_terms(data.decode("utf-8", "replace"))]


def test_no_texts_and_empty_texts_have_columns():
    for texts in ([], [b""], [b"", b" == "]):
        found = TermCounter().count(texts)
        assert found.pair_counts.tolist() == found.lengths.tolist() == [0] * len(texts)
        assert found.vocabulary == []
        assert len(found.pair_terms) == len(found.pair_frequencies) == 0


@pytest.mark.parametrize("limit", [1, 3])
def test_a_full_memory_forgets_without_a_difference(monkeypatch, limit):
    monkeypatch.setattr(columns_module, "_CACHE_WORDS", limit)
    counter = TermCounter()
    for text in (b"open the file", b"HTTPServer opens", b"open the file"):
        assert as_counts(counter.count([text, text])) == [count_terms(text.decode())] * 2
