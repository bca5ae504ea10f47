"""What holds for the terms of any text?"""

import unicodedata
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from codetriever.lexical import terms
from codetriever.lexical.terms import CUT, MAX_TERM_CHARS, count_terms, identifiers, literal_parts, query_terms

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,40}", fullmatch=True)
CODE = st.lists(st.one_of(NAMES, st.sampled_from(list(" .:;(){}=\n\t0123456789ab'\"")), st.text(max_size=8)), max_size=40).map("".join)
ANY = st.one_of(st.text(max_size=200), CODE)


@given(ANY, ANY, st.sampled_from([" ", "\n", "\r\n", " . ", "\n\n"]))
def test_terms_of_texts_joined_are_the_sum_of_their_terms(first, second, between):
    assert count_terms(first + between + second) == Counter(count_terms(first)) + Counter(count_terms(second))


@given(ANY)
def test_what_the_cache_remembers_is_what_would_be_found(text):
    warm = count_terms(text)
    terms._cache.clear()
    assert list(count_terms(text).items()) == list(warm.items())


@given(st.lists(NAMES, max_size=60))
def test_a_full_cache_forgets_without_a_difference(names):
    text = " ".join(names)
    expected = count_terms(text)
    terms._cache.clear()
    kept, terms._CACHE_WORDS = terms._CACHE_WORDS, 3
    try:
        assert count_terms(text) == expected
        assert len(terms._cache) <= 3
    finally:
        terms._CACHE_WORDS = kept


@given(ANY)
def test_terms_are_short_folded_and_encodable(text):
    for term, count in count_terms(text).items():
        assert count > 0
        assert 0 < len(term) <= 3 * MAX_TERM_CHARS  # folding may make three characters of one
        assert term.encode()
        assert not any(character.isspace() for character in term)
        assert term == term.casefold()


@given(ANY)
def test_a_text_asked_for_is_found_by_its_own_terms(text):
    assert set(query_terms(text)) <= count_terms(text).keys()
    assert len(set(query_terms(text))) == len(query_terms(text))


@given(ANY)
def test_identifiers_are_parts_of_the_question(text):
    assert all(identifier in text for identifier in identifiers(text))


@given(st.one_of(ANY, NAMES, st.text(alphabet="0123456789abcdefABCDEF_é設定", max_size=150)), st.data())
def test_every_part_of_a_literal_lies_within_a_term_of_the_text_that_holds_it(text, data):
    text = unicodedata.normalize("NFKC", text)
    start = data.draw(st.integers(0, len(text)))
    literal = text[start : data.draw(st.integers(start, len(text)))]
    found = count_terms(text)
    assert CUT in found or all(any(part in term for term in found) for part in literal_parts(literal))
