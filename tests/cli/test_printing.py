"""How does a person read hits?"""

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.cli.command import Command
from codetriever.cli.highlight import highlight
from codetriever.cli.hits import ago, heading, print_answer
from codetriever.cli.screen import Screen
from codetriever.cli.searching import show, vimgrep_line
from codetriever.cli.symbols import nested
from codetriever.focus import LINES_SHOWN, chosen_lines
from codetriever.types import Answer, Definition, Freshness, Hit, Role, Signal

FUNCTION = "@cache\n# what f is for\ndef f(x):\n    y = x\n\n    return y\n"
HIT = Hit("src/a.py", 10, 15, 0, len(FUNCTION), 0.87, "function", "Box.f", "python", Role.CODE, FUNCTION)
ANSWER = Answer("q", (HIT,), 1, True, 3, Freshness(1.0, 2.0), 4.0)


def printed(answer, *, color="never", **options):
    screen = Screen(Command(**options), color=color, stdout=io.StringIO(), stderr=io.StringIO())
    code = show(answer, Command(**options), screen)
    return code, screen.out.getvalue(), screen.err.getvalue()


def test_a_hit_has_a_heading_and_numbered_lines():
    code, out, err = printed(ANSWER)
    assert code == 0
    assert out.splitlines()[0] == "src/a.py:10-15  Box.f  function  0.87"
    assert " 12 │ def f(x):" in out
    assert err == ""


def test_a_page_behind_the_last_hit_says_how_many_there_are():
    assert printed(replace(ANSWER, hits=(), total=1234)) == (1, "", "no more hits: there are 1,234\n")
    assert printed(replace(ANSWER, hits=(), total=0)) == (1, "", "nothing found\n")


def test_short_hits_are_shown_whole_and_long_ones_from_the_definition_on():
    assert chosen_lines(FUNCTION, "f") == list(range(6))
    long = "import a\n" * 20 + "def f():\n" + "    body\n" * 30
    assert chosen_lines(long, "f") == list(range(20, 20 + LINES_SHOWN))
    assert chosen_lines(long, "f", most=None) == list(range(51))


def test_a_name_in_a_comment_or_a_call_is_not_its_definition():
    text = "\n" * 20 + "# f does\n" + "f()\n" * 3 + "def f():\n" + "    body\n" * 30
    assert chosen_lines(text, "Box.f")[0] == 24


@pytest.mark.parametrize("line", ["fn f() {", "macro_rules! f {", "#define f(x) x", "x = 1; let f = 2", "class Undefined: def f()"])
def test_what_defines_stands_before_the_name_in_its_statement(line):
    calls = "f(1)\nlet x = f\ntype t; f()\nvar\n"
    assert chosen_lines(calls * 5 + line + "\n    body" * 30, "f")[0] == 20


def test_lines_further_down_that_say_what_was_asked_are_shown_below_the_definition():
    text = "class Store:\n" + "    pass\n" * 30 + "    def sweep_garbage(self):\n" + "        gone\n" * 30
    assert chosen_lines(text, "Store", "where is garbage swept") == [0, *range(31, 38)]
    assert chosen_lines(text, "Store", "a store class") == list(range(LINES_SHOWN))


@given(
    text=st.text(alphabet="ab \n", max_size=400),
    name=st.text(alphabet="ab", max_size=2),
    query=st.text(alphabet="ab ", max_size=20),
    most=st.one_of(st.none(), st.integers(2, 10)),
)
def test_chosen_lines_are_lines_in_order(text, name, query, most):
    lines = text.removesuffix("\n").split("\n")
    chosen = chosen_lines(text, name, query, most=most)
    assert chosen == sorted(set(chosen))
    assert chosen
    assert 0 <= chosen[0] <= chosen[-1] < len(lines)
    assert most is None or len(chosen) <= most + 1


def test_left_out_lines_are_marked():
    text = "class Store:\n" + "    pass\n" * 30 + "    def sweep_garbage(self):\n" + "        gone\n" * 30
    _, out, _ = printed(replace(ANSWER, query="sweep garbage", hits=(replace(HIT, name="Store", text=text),)))
    assert out.splitlines()[1:4] == [" 10 │ class Store:", "    ⋮", " 41 │     def sweep_garbage(self):"]
    assert out.splitlines()[-1] == "    ⋮ 24 more lines"


def test_weak_answers_are_called_weak():
    _, out, _ = printed(replace(ANSWER, weak=True))
    assert out.startswith("Weak match")


def test_nothing_found_says_why_and_ends_in_1():
    code, out, err = printed(replace(ANSWER, hits=(), total=0, note="No indexed file passes the filters."))
    assert (code, out) == (1, "")
    assert err == "nothing found: No indexed file passes the filters.\n"


def test_pending_files_are_announced():
    _, _, err = printed(replace(ANSWER, freshness=Freshness(0.0, 1.0, pending_files=3)))
    assert "3 changed files are not in this answer yet" in err


def test_a_replica_that_is_behind_is_announced():
    _, _, err = printed(replace(ANSWER, freshness=Freshness(0.0, 1.0, replica_lag_s=12.3)))
    assert err == "the replica that answered is 12 s behind\n"
    assert printed(replace(ANSWER, freshness=Freshness(0.0, 1.0, replica_lag_s=0.3)))[2] == ""


def test_signals_are_explained():
    _, out, _ = printed(replace(ANSWER, hits=(replace(HIT, signals=(Signal("definition", 1.0, 0.25),)),)), explain=True)
    assert re.search(r"definition +1\.000 +\+0\.250", out)


def test_paths_only_once_each():
    answer = replace(ANSWER, hits=(HIT, replace(HIT, start_line=40), replace(HIT, path="b.py")), total=3)
    assert printed(answer, files=True)[1] == "src/a.py\nb.py\n"
    assert '"hits": [{"path": "src/a.py", "score": 0.87}, {"path": "b.py", "score": 0.87}]' in printed(answer, files=True, output="json")[1]


def test_vimgrep_lines_count_columns_in_bytes_from_one():
    hit = replace(HIT, text="class Bär:\n\tdef f(x):\n" + "\t\tbody\n" * 20)
    screen = Screen(Command(), stdout=io.StringIO(), stderr=io.StringIO())
    assert vimgrep_line(hit, screen) == "src/a.py:11:2:\tdef f(x):"


def test_jsonl_is_a_hit_per_line():
    answer = replace(ANSWER, hits=(HIT, HIT), total=2)
    assert len(printed(answer, output="jsonl")[1].splitlines()) == 2


def test_control_characters_of_a_file_do_not_reach_the_terminal():
    hostile = replace(HIT, path="a\x1b]0;x\x07.py", name="f\x1b[1m", text="def f\x1b[2J():\r\n\x9b31m\n")
    _, out, _ = printed(replace(ANSWER, hits=(hostile,)))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


def test_colours_change_nothing_but_colour():
    _, plain, _ = printed(ANSWER)
    _, colored, _ = printed(ANSWER, color="always")
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n"), max_size=200))
def test_highlighting_keeps_every_character(text):
    screen = Screen(Command(), color="always", stdout=io.StringIO(), stderr=io.StringIO())
    for language in ("python", "rust", "no such language"):
        lines = highlight(text, language, screen)
        assert re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines)) == text


def test_several_repositories_are_named():
    hit = replace(HIT, repository="github.com/a/b", branch="main")
    screen = Screen(Command(), color="never", stdout=io.StringIO(), stderr=io.StringIO())
    assert heading(hit, screen) == "src/a.py:10-15  Box.f  function  github.com/a/b@main  0.87"


def test_the_last_line_counts():
    screen = Screen(Command(verbose=True), color="never", stdout=io.StringIO(), stderr=io.StringIO())
    print_answer(replace(ANSWER, total=40), screen)
    assert "1 of 40 hits · 4 ms · indexed just now" in screen.err.getvalue()


@pytest.mark.parametrize(
    ("age_s", "text"), [(-3, "just now"), (1, "just now"), (30, "30 seconds ago"), (61, "1 minute ago"), (7200, "2 hours ago")]
)
def test_ages(age_s, text):
    assert ago(age_s) == text


def test_definitions_are_indented_by_what_they_lie_in():
    spans = [(0, 100), (10, 40), (20, 30), (50, 60), (100, 110)]
    definitions = [Definition("n", "n", "function", 1, start, end, 1, 1) for start, end in spans]
    assert [depth for _, depth in nested(definitions)] == [0, 1, 2, 1, 0]
