"""What a question is understood to ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.errors import InvalidQuery
from codetriever.search.query import MAX_QUERY_CHARACTERS, parse_query, simple_name
from codetriever.types import Role


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_query_is_an_error(text: str) -> None:
    with pytest.raises(InvalidQuery, match="empty"):
        parse_query(text)


def test_a_query_has_at_most_a_thousand_characters() -> None:
    assert parse_query("x" * MAX_QUERY_CHARACTERS).is_symbol
    with pytest.raises(InvalidQuery, match="1,001 characters"):
        parse_query("x" * (MAX_QUERY_CHARACTERS + 1))


@pytest.mark.parametrize("text", ["refresh", "Session.refresh", "std::vector", "a->b", "save!", "empty?", "refresh()", "Foo#bar", "naïve"])
def test_a_name_is_a_symbol_query(text: str) -> None:
    assert parse_query(text).is_symbol


@pytest.mark.parametrize("text", ["refresh session", "how?", "a + b", "(refresh)", "where is it"])
def test_a_question_is_not(text: str) -> None:
    assert parse_query(text).is_symbol is (text == "how?")


def test_quoted_parts_must_occur_literally_and_their_words_still_rank() -> None:
    query = parse_query('where is "retry after" used with `0x1F`')
    assert query.literals == ("retry after", "0x1F")
    assert "retry" in query.terms


@pytest.mark.parametrize(
    ("text", "exact", "literal"), [('"a b"', False, True), ("`a` 'b'", False, False), ("a b", True, True), ("a", False, False)]
)
def test_a_query_may_be_literal_as_a_whole(text: str, exact: bool, literal: bool) -> None:
    assert parse_query(text, exact=exact).is_literal is literal


def test_exact_takes_the_whole_query_quotes_included() -> None:
    assert parse_query('say "hi"', exact=True).literals == ('say "hi"',)


def test_intent_is_read_from_the_words() -> None:
    assert parse_query("tests for the parser").intent == {Role.TEST}
    assert parse_query("README of the project").intent == {Role.DOCS}
    assert parse_query("parse a header").intent == frozenset()


@pytest.mark.parametrize("text", ["Add tests for overflow", "fixed the docs of dialects", "`Rename` a spec", "re-enable h1 decoder tests"])
def test_a_question_that_begins_as_a_commit_does_tells_of_a_change(text: str) -> None:
    assert parse_query(text).is_change


@pytest.mark.parametrize("text", ["tests for adding numbers", "add", "use()", "where are rows added", "docs of updates", "42 fixes"])
def test_others_do_not(text: str) -> None:
    assert not parse_query(text).is_change


@pytest.mark.parametrize(
    ("name", "last"),
    [("a.b.c", "c"), ("std::vector", "vector"), ("x->y", "y"), ("Foo#bar()", "bar"), ("App\\Http\\Kernel", "Kernel"), ("f", "f")],
)
def test_the_simple_name_is_the_last_part(name: str, last: str) -> None:
    assert simple_name(name) == last


@given(st.text(max_size=MAX_QUERY_CHARACTERS), st.booleans())
def test_any_text_is_understood_or_refused_as_empty(text: str, exact: bool) -> None:
    try:
        query = parse_query(text, exact=exact)
    except InvalidQuery:
        assert not text.strip()
    else:
        assert len(set(query.terms)) == len(query.terms)
        assert all(literal in query.text for literal in query.literals)
