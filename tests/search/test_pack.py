"""Answers that fit a budget of tokens."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.errors import InvalidQuery
from codetriever.focus import shown_lines
from codetriever.search.pack import HEADING_TOKENS, heading_tokens, pack
from codetriever.tokens import count_tokens
from codetriever.types import Hit


def hit(number: int, text: str) -> Hit:
    return Hit(f"src/{number}.py", 1, text.count("\n"), 0, len(text), 0.5, "function", f"f{number}", "python", "code", text)


def cost(hits: list[Hit]) -> int:
    return sum(heading_tokens(one) + count_tokens(one.text) for one in hits)


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


def long_hit(number: int, lines: int = 60) -> Hit:
    body = "".join(f"    work({line})\n" for line in range(2, lines))
    return hit(number, f"def f{number}():\n{body}    sweep_garbage()\n")


def test_the_first_hits_show_more_than_the_next_and_the_tail_a_line_each() -> None:
    packed, cut = pack([long_hit(number) for number in range(25)], 1500)
    shown = [len(shown_lines(one.text, one.start_line, one.end_line)) for one in packed]
    assert cut == len(packed) > 15
    assert min(shown[:5]) > max(shown[5:10]) > 1
    assert set(shown[10:]) == {1}
    assert packed[-1].text == f"def f{len(packed) - 1}():\n…\n"
    assert packed[-1].end_line == 60


def test_what_is_left_over_shows_more_of_the_tail() -> None:
    packed, _ = pack([long_hit(number, 8) for number in range(14)], 4000)
    assert not [one for one in packed if "…" in one.text]


def test_lines_that_answer_are_shown_with_their_numbers() -> None:
    (short,), cut = pack([long_hit(0)], 60, "where is garbage swept")
    assert cut == 1
    assert short.text == "def f0():\n… line 60\n    sweep_garbage()\n"
    assert shown_lines(short.text, 1, 60) == [(1, "def f0():"), (60, "    sweep_garbage()")]


def test_a_budget_that_holds_nothing_is_an_error() -> None:
    with pytest.raises(InvalidQuery, match="hold no hit"):
        pack([hit(1, "x")], HEADING_TOKENS)


def test_what_is_cut_shows_its_signature_and_not_its_comment() -> None:
    text = "/// How it is done.\n/// route: at length\n#[inline]\npub fn route(\n    self,\n) -> Self {\n" + "    step();\n" * 60 + "}\n"
    (short,), _ = pack([replace(hit(2, text), name="Router::route")], 60)
    assert short.text.startswith("… line 4\npub fn route(\n    self,\n) -> Self {\n    step();\n")
    assert short.text.endswith("\n…\n")
