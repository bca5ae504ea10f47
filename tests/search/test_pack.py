"""Answers that fit a budget of tokens."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.errors import InvalidQuery
from codetriever.search.pack import HEADING_TOKENS, pack
from codetriever.tokens import count_tokens
from codetriever.types import Hit


def hit(number: int, text: str) -> Hit:
    return Hit(f"src/{number}.py", 1, 9, 0, len(text), 0.5, "function", f"f{number}", "python", "code", text)


def cost(hits: list[Hit]) -> int:
    return sum(HEADING_TOKENS + count_tokens(one.text) for one in hits)


TEXTS = st.lists(st.text(alphabet="ab\n ", max_size=400), max_size=12)


@given(TEXTS, st.integers(HEADING_TOKENS + 1, 600))
def test_what_is_packed_is_a_prefix_that_fits(texts: list[str], budget: int) -> None:
    hits = [hit(number, text) for number, text in enumerate(texts)]
    packed, cut = pack(hits, budget)
    assert cost(packed) <= budget
    assert [one.path for one in packed] == [one.path for one in hits[: len(packed)]]
    assert cut == sum(short.text != whole.text for short, whole in zip(packed, hits, strict=False))


@given(TEXTS)
def test_a_large_budget_changes_only_repeated_text(texts: list[str]) -> None:
    hits = [hit(number, text) for number, text in enumerate(texts)]
    packed, _ = pack(hits, 100_000)
    seen: set[str] = set()
    for short, whole in zip(packed, hits, strict=True):
        assert short.text == ("" if whole.text in seen else whole.text)
        seen.add(whole.text)


def test_the_tail_keeps_its_first_lines_and_its_whole_span() -> None:
    body = "def f():\n" + "    work()\n" * 60
    packed, cut = pack([hit(number, body + str(number)) for number in range(3)], 400)
    assert cut == len(packed) - 1 > 0
    assert packed[-1].text == "def f():\n    work()\n    work()\n…\n"
    assert packed[-1].end_line == 9


def test_a_budget_that_holds_nothing_is_an_error() -> None:
    with pytest.raises(InvalidQuery, match="hold no hit"):
        pack([hit(1, "x")], HEADING_TOKENS)


def test_what_is_cut_shows_its_signature_and_not_its_comment():
    text = "/// How it is done.\n/// route: at length\n#[inline]\npub fn route(\n    self,\n) -> Self {\n" + "    step();\n" * 60 + "}\n"
    first, second = pack([hit(1, "x = 1\n" * 40), replace(hit(2, text), name="Router::route")], 200)[0]
    assert first.text == "x = 1\n" * 40
    assert second.text == "…\npub fn route(\n    self,\n) -> Self {\n…\n"
