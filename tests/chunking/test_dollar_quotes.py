"""Functions in PL/pgSQL stay whole in SQL."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codetriever.chunking import cut
from codetriever.chunking.dollar_quotes import statement_layers
from codetriever.chunking.symbols import references

FUNCTION = b"""CREATE OR REPLACE FUNCTION shop.pay(wanted NAME)
RETURNS text AS $body$
DECLARE
    owner NAME := find_owner($1);
BEGIN
    IF owner IS NULL THEN
        RETURN ok(FALSE, $1) || E'\\n' || 'not found';
    END IF;
    RETURN done(owner);
END;
$body$ LANGUAGE plpgsql;

CREATE TABLE orders (id int);
"""

pieces = st.sampled_from(["AS $$", "$$", "as $a$", "$a$", " BEGIN x := 1; END;\n", "CREATE TABLE t (id int);\n", "SELECT 1;\n", "'", "é"])


def test_a_function_ends_with_its_body() -> None:
    pay, table, _ = cut(FUNCTION, "sql").definitions
    assert (pay.qualified_name, pay.kind, pay.start_line, pay.end_line) == ("shop.pay", "function", 1, 11)
    assert (table.qualified_name, table.line) == ("orders", 13)


def test_names_in_a_body_are_found() -> None:
    assert [(one.line, one.context) for one in references(FUNCTION, "sql", name="find_owner")] == [(4, "reference")]


def test_text_without_bodies_is_one_layer() -> None:
    source = b"SELECT 1 AS one;\n"
    assert [layer.source for layer in statement_layers(source)] == [source]


def test_a_body_that_is_not_closed_reaches_to_the_end() -> None:
    statements, bodies = statement_layers(b"CREATE FUNCTION f() AS $$ a\nb")
    assert statements.source == b"CREATE FUNCTION f() AS $$  \n "
    assert bodies.source == b" " * 26 + b"a\nb"


@given(st.lists(pieces, max_size=20))
def test_layers_share_out_the_text(parts: list[str]) -> None:
    source = "".join(parts).encode()
    for signs in zip(source, *(layer.source for layer in statement_layers(source)), strict=True):
        assert all(sign in (signs[0], 0x20) for sign in signs[1:])
        assert signs[0] in signs[1:]
