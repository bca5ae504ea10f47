"""What a person sees in a terminal."""

import os
import re
import subprocess
import sys
import time

import pytest

pty = pytest.importorskip("pty")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")


@pytest.fixture
def terminal(program):
    """Run the program with all three streams on a terminal of 100 columns, and return what it printed and its exit code."""

    def run(*words, cwd, typed="", **environ):
        controller, end = pty.openpty()
        environ = program.environ | {"TERM": "xterm-256color", "COLUMNS": "100"} | environ
        with subprocess.Popen(
            [program.executable, *words], cwd=cwd, stdin=end, stdout=end, stderr=end, env=environ, start_new_session=True
        ) as process:
            os.close(end)
            os.write(controller, typed.encode())
            shown = b""
            try:
                while part := os.read(controller, 65536):
                    shown += part
            except OSError:  # Linux says so when the other end is closed
                pass
            code = process.wait(timeout=60)
        os.close(controller)
        return shown.decode().replace("\r\n", "\n"), code

    return run


def plain(shown):
    """What is left to see when a bar was drawn and went away, without colours."""
    return re.sub(r"[^\n]*\r", "", re.sub(r"\x1b\[[0-9;]*[mK]", "", shown))


def test_hits_are_coloured_and_counted(terminal, repository):
    shown, code = terminal("parse_config", "-k", "1", cwd=repository)
    assert code == 0
    assert re.match(r"indexed 8 files in \d+\.\d s\n\n", plain(shown))
    assert "\x1b[1;35mshop/config.py\x1b[0m" in shown
    assert "\x1b[34mdef\x1b[0m \x1b[1mparse_config\x1b[0m" in shown
    assert re.search(r"\n1 of (at least )?\d+ hits · \d+ ms · indexed just now\n", plain(shown))


def test_no_color_is_honoured_in_a_terminal(terminal, repository):
    shown, _ = terminal("parse_config", cwd=repository, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*m", shown)


def test_usages_are_grouped_by_file(terminal, program, repository):
    program("index", cwd=repository)
    shown, _ = terminal("usages", "Session", cwd=repository)
    lines = plain(shown).splitlines()
    assert lines[0] == "shop/session.py"
    assert re.fullmatch(r" +8  definition  class Session:", lines[1])
    assert re.search(r"5 of 5: 1 definition, 2 imports, 1 call, 1 reference · \d+ ms", lines[-1])


def test_indexing_shows_a_bar_that_goes_away(terminal, tmp_path):
    root = tmp_path / "large"
    root.mkdir()
    for number in range(400):
        (root / f"module_{number}.py").write_text("".join(f"def function_{number}_{at}():\n    return {at}\n" for at in range(50)))
    shown, code = terminal("index", cwd=root)
    assert code == 0
    assert re.search(r"indexing [█▏▎▍▌▋▊▉ ]+ +\d+% · \d+ of 400 files · \d+/s", shown)
    assert "\r\x1b[2K400 files, " in shown


def test_what_is_unusually_large_is_asked(terminal, program):
    (program.home / "notes.txt").write_text("hello zanzibar\n")
    shown, code = terminal("zanzibar", cwd=program.home, typed="n\n")
    assert "[y/N]" in shown
    assert code == 2
    shown, code = terminal("zanzibar", cwd=program.home, typed="y\n")
    assert "notes.txt" in shown
    assert code == 0


def test_removing_is_asked(terminal, program, repository):
    program("index", cwd=repository)
    assert terminal("remove", ".", cwd=repository, typed="\n")[1] == 1
    assert program("list", cwd=repository).code == 0
    shown, code = terminal("remove", ".", cwd=repository, typed="yes\n")
    assert (code, str(repository) in shown) == (0, True)
    assert program("list", cwd=repository).code == 1


def test_what_was_not_indexed_in_time_is_announced(program, tmp_path):
    root = tmp_path / "large"
    root.mkdir()
    files = [root / f"module_{number}.py" for number in range(300)]
    for file in files:
        file.write_text("".join(f"def {file.stem}_{at}():\n    return {at}\n" for at in range(50)))
    program("index", cwd=root)
    for file in files:
        file.write_text(file.read_text() + "changed = 1\n")
    started = time.monotonic()
    done = program("module_7_7", "--refresh-budget-s", "10ms", cwd=root)
    assert time.monotonic() - started < 30
    assert done.code == 0
    assert re.search(r"\d+ changed files are not in this answer yet", done.err)
    assert program("module_7_7", "--refresh-budget-s", "10ms", "--json", cwd=root).json["freshness"]["pending_files"] > 0


def test_control_characters_never_reach_a_terminal(terminal, tmp_path):
    root = tmp_path / "hostile"
    root.mkdir()
    (root / "a\x1b]0;owned\x07.py").write_text("def zanzibar():\n    return '\x1b[2J\x9b31m\u202e'\n")
    for words in (["zanzibar"], ["zanzibar", "--files"], ["zanzibar", "--format", "vimgrep"], ["usages", "zanzibar"], ["outline"]):
        shown, code = terminal(*words, cwd=root)
        assert code == 0
        assert "zanzibar" in shown or "\\x1b]0;owned\\x07.py" in shown
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", plain(shown))
