"""Where does output go, and what reaches a terminal?"""

import io
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.cli.command import Command
from codetriever.cli.progress import ProgressBar, render
from codetriever.cli.screen import Screen, printable
from codetriever.errors import InvalidQuery
from codetriever.types import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _no_colour_variables(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def screen(out, *, color="auto", **options):
    return Screen(Command(**options), color=color, stdout=out, stderr=io.StringIO())


@pytest.mark.parametrize(
    ("color", "variables", "out", "expected"),
    [
        ("auto", {}, Terminal, True),
        ("auto", {}, io.StringIO, False),
        ("auto", {"NO_COLOR": "1"}, Terminal, False),
        ("auto", {"NO_COLOR": ""}, Terminal, True),
        ("auto", {"FORCE_COLOR": "1"}, io.StringIO, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, Terminal, False),
        ("auto", {"TERM": "dumb"}, Terminal, False),
        ("always", {"NO_COLOR": "1"}, io.StringIO, True),
        ("never", {"FORCE_COLOR": "1"}, Terminal, False),
    ],
)
def test_who_decides_on_colour(monkeypatch, color, variables, out, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert screen(out(), color=color).color is expected


@given(st.text())
def test_printable_text_has_nothing_that_a_terminal_obeys(text):
    shown = printable(text)
    assert not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)


def test_tabs_and_letters_of_every_script_stay():
    assert printable("a\tß 中文 🦀") == "a\tß 中文 🦀"
    assert printable("\x1b[31mred\n") == "\\x1b[31mred\\n"
    assert printable("\u202egnp.exe") == "\\u202egnp.exe"


def test_a_path_that_is_no_text_goes_as_it_is_to_a_pipe():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="utf-8")
    shown = screen(out)
    shown.line(shown.path(os.fsdecode(b"a\xff.py")))
    out.flush()
    assert raw.getvalue() == b"a\xff.py\n"


def test_a_path_that_is_no_text_is_escaped_on_a_terminal():
    assert screen(Terminal()).path(os.fsdecode(b"a\xff.py")) == "a\\xff.py"


def test_characters_that_the_encoding_lacks_do_not_stop_the_output():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    shown = screen(out)
    shown.line("größe")
    shown.json({"text": "größe"})
    out.flush()
    assert raw.getvalue() == b"gr??e\n" + '{"text": "größe"}\n'.encode()


def test_an_error_says_what_to_do():
    shown = screen(io.StringIO())
    shown.error(InvalidQuery("what is\x1b wrong", hint="do this"))
    assert shown.err.getvalue() == "error: what is\\x1b wrong\nhint: do this\n"


def test_quiet_keeps_errors_only():
    shown = screen(io.StringIO(), quiet=True)
    shown.note("a note")
    shown.detail("a detail")
    assert shown.err.getvalue() == ""
    shown.error(InvalidQuery("wrong"))
    assert shown.err.getvalue() == "error: wrong\n"


@given(done=st.integers(0, 10**6), more=st.integers(0, 10**6), elapsed_s=st.floats(0, 1e5), columns=st.integers(1, 300))
def test_the_progress_line_fits_the_terminal(done, more, elapsed_s, columns):
    assert len(render(done, done + more, elapsed_s, columns=columns)) <= max(columns - 1, 10)


def test_the_progress_line_says_how_far_how_fast_and_how_long():
    line = render(250, 1000, 5.0, columns=120)
    assert "25%" in line
    assert "250 of 1,000 files" in line
    assert "50/s" in line
    assert "0:15 left" in line


def test_the_progress_bar_is_for_terminals(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr("codetriever.cli.progress.time.monotonic", lambda: float(next(now)))
    for err, drawn in ((Terminal(), True), (io.StringIO(), False)):
        bar = ProgressBar(Screen(Command(), stdout=io.StringIO(), stderr=err))
        bar(Progress(1, 10, 5))
        bar(Progress(10, 10, 50))
        bar.close()
        assert ("10 of 10 files" in err.getvalue()) is drawn
        assert err.getvalue() == "" or err.getvalue().endswith("\r\x1b[2K")
