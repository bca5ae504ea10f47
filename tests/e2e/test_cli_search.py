"""`codetriever QUERY [PATH...]`, run as people run it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HIT_FIELDS = ["path", "start_line", "end_line", "byte_start", "byte_end", "score", "kind", "name", "language", "role", "text"]


@pytest.fixture
def search(shop):
    program, root = shop
    return lambda *words, cwd=root, **more: program(*words, cwd=cwd, **more)


def test_one_line_indexes_and_answers(program, repository):
    done = program("how is a session prolonged", cwd=repository)
    assert done.code == 0
    assert done.out.startswith("shop/session.py:")
    assert "def refresh" in done.out
    assert done.err == ""


def test_json_is_one_object_with_the_promised_fields(search, shop):
    answer = search("how is a session prolonged", "--json").json
    assert [name for name in answer if name not in ("weak", "note")] == (
        ["query", "hits", "total", "exhaustive", "generation", "freshness", "took_ms"]
    )
    assert list(answer["hits"][0]) == HIT_FIELDS
    for hit in answer["hits"]:
        raw = (shop[1] / hit["path"]).read_bytes()
        assert raw[hit["byte_start"] : hit["byte_end"]].decode() == hit["text"]
        assert hit["start_line"] == raw.count(b"\n", 0, hit["byte_start"]) + 1
        assert 0 <= hit["score"] <= 1
    assert answer["freshness"]["pending_files"] == 0


def test_jsonl_is_a_hit_per_line(search):
    lines = search("session", "--jsonl", "-k", "3").out.splitlines()
    assert 1 <= len(lines) <= 3
    assert all(list(json.loads(line)) == HIT_FIELDS for line in lines)


def test_files_prints_each_path_once(search):
    paths = search("session", "--files").out.splitlines()
    assert "shop/session.py" in paths
    assert len(paths) == len(set(paths))


def test_vimgrep_lines_point_at_what_was_asked(search):
    done = search("parse_config", "--format", "vimgrep", "-k", "1")
    assert done.out == "shop/config.py:4:1:def parse_config(text):\n"


def test_a_path_restricts_and_paths_are_relative_to_the_working_directory(search, shop):
    _, root = shop
    assert set(search("session", "shop", "--json").paths) <= {"shop/session.py", "shop/cart.py", "shop/config.py"}
    assert search("session", "-k1", "--files", cwd=root / "shop").out == "session.py\n"
    assert search("session", "../shop", "-k1", "--files", cwd=root / "server").out == "../shop/session.py\n"
    assert search("session", str(root), "-k1", "--files", cwd=root.parent).out == f"{root.name}/shop/session.py\n"
    assert set(search("session", "shop/cart.py", "--json").paths) == {"shop/cart.py"}


def test_filters_restrict(search):
    assert set(search("session", "--path", "*.md", "--json").paths) == {"README.md", "docs/naïve ünïcode (1).md"}
    assert not {path for path in search("session", "--path", "!shop/**", "--json").paths if path.startswith("shop/")}
    assert set(search("cart", "--lang", "go", "--json").paths) == {"server/main.go"}
    assert set(search("session", "--role", "test", "--json").paths) == {"tests/test_session.py"}


def test_a_filter_that_fits_nothing_gives_nothing_and_says_why(search):
    done = search("session", "--lang", "cobol")
    assert (done.code, done.out) == (1, "")
    assert "cobol" in done.err
    answer = search("session", "--path", "nowhere/**", "--json")
    assert (answer.code, answer.json["hits"], answer.json["total"]) == (1, [], 0)
    assert answer.json["note"]


def test_pages_follow_each_other(search):
    whole = search("session cart", "--json", "-k", "6").json["hits"]
    first, second = (search("session cart", "--json", "-k", "3", "--offset", offset).json["hits"] for offset in ("0", "3"))
    assert first + second == whole


def test_exact_finds_punctuation(search):
    assert search('split("=", 1)', "--exact", "--json").paths == ["shop/config.py"]
    assert search("no such text anywhere", "--exact").code == 1


def test_an_identifier_finds_its_definition_first(search):
    assert search("add_to_cart", "--json").paths[0] == "shop/cart.py"


def test_explain_shows_signals(search):
    assert all(hit["signals"] for hit in search("session", "--explain", "--json").json["hits"])
    assert re.search(r"^  \w.* [+-]\d\.\d{3}$", search("session", "--explain").out, re.MULTILINE)


def test_context_widens_hits_with_the_lines_around(search, shop):
    hit, wide = (search("parse_config", "--json", "-k1", *more).json["hits"][0] for more in ((), ("-C", "2")))
    assert wide["start_line"] == max(hit["start_line"] - 2, 1)
    assert hit["text"] in wide["text"]
    raw = (shop[1] / wide["path"]).read_bytes()
    assert raw[wide["byte_start"] : wide["byte_end"]].decode() == wide["text"]


def test_a_token_budget_is_kept(search):
    answer = search("session cart config", "--max-tokens", "60", "--json").json
    assert sum(len(hit["text"]) for hit in answer["hits"]) < 60 * 6


@pytest.mark.parametrize("query", ["🦀 hello", "größe", "\x1b[31m\x07", "a\tb", "()[]{}*?+", "--", "\u202e", "0xdeadbeef", "x" * 1000])
def test_any_query_is_answered(search, query):
    done = search("--json", "--", query)
    assert done.code in (0, 1)
    assert done.json["query"] == query


def test_an_example_may_be_long_but_not_endless(search):
    assert search("similar", "-", "--json", stdin=b"def add(cart, article):\n    pass\n" * 2000).code == 0
    done = search("similar", "-", "--json", stdin=b"x = 1\n" * 20_000)
    assert (done.code, done.json["error"]["code"]) == (2, "invalid_query")


def test_a_query_that_is_not_utf_8_is_answered(search):
    done = search("--json", "--", b"caf\xe9")
    assert done.code in (0, 1)
    assert done.json["query"] == "caf\ufffd"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([""], "empty"),
        (["  \n"], "empty"),
        (["x" * 1001], "1,?000"),
        (["q", "-k", "0"], "limit"),
        (["q", "-k", "101"], "limit"),
        (["q", "-k", "many"], "limit"),
        (["q", "--role", "hero"], "hero"),
        (["q", "--branch", "nowhere"], "nowhere"),
        (["q", "--color", "pink"], "pink"),
        (["q", "--format", "yaml"], "yaml"),
        (["q", "--no-such"], "--no-such"),
    ],
)
def test_what_cannot_be_asked_is_an_error_in_both_forms(search, words, message):
    done = search(*words)
    assert (done.code, done.out) == (2, "")
    assert re.search(rf"^error: .*{message}", done.err)
    assert "Traceback" not in done.err
    done = search(*words, "--json")
    assert (done.code, done.err) == (2, "")
    assert re.search(message, done.json["error"]["message"])
    assert set(done.json["error"]) >= {"code", "message", "hint"}


def test_a_misspelt_verb_is_not_a_query(search, shop):
    done = search("serach", "sessions", "shop")
    assert done.code == 2
    assert "codetriever search" in done.err


def test_an_unquoted_question_is_explained(search):
    done = search("how", "is", "a", "session", "prolonged")
    assert done.code == 2
    assert '"how is a session prolonged"' in done.err


def test_when_a_path_does_not_exist_nothing_is_indexed(program, repository):
    assert program("session", "no/such/folder", cwd=repository).code == 2
    assert not list(program.store.glob("*/*")) if program.store.exists() else True


def test_a_verb_after_two_dashes_is_a_query(search):
    assert search("--json", "--", "status").json["query"] == "status"


def test_several_paths_are_one_answer(program, repository, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "sessions.py").write_text("def prolong_session():\n    '''Prolong a session.'''\n")
    answer = program("prolong a session", str(repository), str(other), "--json", cwd=tmp_path).json
    assert {hit["repository"] for hit in answer["hits"]} == {"repository", "other"}
    assert {"repository/shop/session.py", "other/sessions.py"} <= {hit["path"] for hit in answer["hits"]}


def test_an_edit_is_in_the_next_answer(program, repository):
    assert program("zanzibar_archipelago", "--exact", cwd=repository).code == 1
    (repository / "shop" / "new.py").write_text("zanzibar_archipelago = 1\n")
    assert program("zanzibar_archipelago", "--exact", "--json", cwd=repository).paths == ["shop/new.py"]
    (repository / "shop" / "new.py").unlink()
    assert program("zanzibar_archipelago", "--exact", cwd=repository).code == 1


def test_without_a_refresh_the_last_generation_answers(program, repository):
    assert program("session", "--no-refresh", cwd=repository).code == 2
    program("index", cwd=repository)
    (repository / "shop" / "new.py").write_text("zanzibar_archipelago = 1\n")
    assert program("zanzibar_archipelago", "--exact", "--no-refresh", cwd=repository).code == 1


def test_credentials_and_ignored_files_are_not_found(search):
    assert search("SECRET_TOKEN", "--exact").code == 1
    assert search("generated_thing", "--exact").code == 1


def test_colour_only_where_it_is_wanted(search):
    assert "\x1b[" not in search("session", "-k1").out
    assert "\x1b[" in search("session", "-k1", "--color", "always").out
    assert "\x1b[" in search("session", "-k1", FORCE_COLOR="1").out
    assert "\x1b[" not in search("session", "-k1", FORCE_COLOR="1", NO_COLOR="1").out


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close differently")
def test_a_closed_pipe_is_quiet(shop):
    program, root = shop
    line = f"'{program.executable}' session --context 50 | head -c 10; echo \"${{PIPESTATUS[0]}}\""
    done = subprocess.run(["bash", "-c", line], cwd=root, env=program.environ, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.endswith("0\n")


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are not UTF-8")
def test_names_that_are_no_text(program, tmp_path):
    root = tmp_path / "odd"
    root.mkdir()
    (root / os.fsdecode(b"caf\xe9\n\x1b.py")).write_text("def zanzibar():\n    return 1\n")
    done = program("zanzibar", "--files", cwd=root)
    assert done.out == os.fsdecode(b"caf\xe9\\n\\x1b.py\n")
    hit = program("zanzibar", "--json", cwd=root).json["hits"][0]
    assert hit["path"] == "caf\ufffd\n\x1b.py"
    assert hit["path_bytes"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_answer_that_cannot_be_written_is_an_error(shop):
    program, root = shop
    for words in (["session"], ["session", "--json"], ["--help"]):
        with open("/dev/full", "w") as full, program.start(*words, cwd=root, stdout=full, stderr=subprocess.PIPE) as process:
            assert "Traceback" not in process.stderr.read()
            assert process.wait() == 2


@pytest.mark.skipif(sys.platform == "win32" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="permissions do not bind this user")
def test_an_index_that_may_not_be_written_can_be_searched(program, repository):
    program("index", cwd=repository)
    folders = [program.store, *(path for path in program.store.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        assert program("session", "-k1", "--files", cwd=repository).out == "shop/session.py\n"
        (repository / "new.py").write_text("x = 1\n")
        assert program("session", "-k1", "--files", cwd=repository).code == 0
    finally:
        for folder in folders:
            folder.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes the streams")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(shop, closed):
    program, root = shop
    line = f"'{program.executable}' session {closed}"
    done = subprocess.run(["bash", "-c", line], cwd=root, env=program.environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("session" in done.stdout) is (">&-" not in closed.replace("2>&-", ""))


def test_a_bare_repository_is_no_tree_of_files(program, repository, tmp_path):
    subprocess.run(["git", "clone", "-q", "--bare", repository, tmp_path / "bare.git"], check=True, capture_output=True)
    for folder in (tmp_path / "bare.git", repository / ".git"):
        done = program("session", str(folder), cwd=repository)
        assert (done.code, "where git keeps a repository" in done.err, "git clone" in done.err) == (2, True, True)


@pytest.mark.parametrize(
    ("query", "meant"),
    [("statuss", "Did you mean `codetriever status`?"), ("https://example.org/a/b", "git clone https://example.org/a/b")],
)
def test_a_word_that_finds_nothing_may_have_been_meant_otherwise(program, repository, query, meant):
    done = program(query, cwd=repository)
    assert meant in done.err
    assert meant not in program("--", query, "--exact", cwd=repository).out
    assert program(query, "--json", cwd=repository).err == ""


INTERRUPT_WHILE_LOADING = """
import sys

class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == "codetriever.cli.arguments":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Impatient())
from codetriever.__main__ import start
start()
"""


def test_whoever_interrupts_it_while_it_loads_sees_no_traceback():
    done = subprocess.run([sys.executable, "-c", INTERRUPT_WHILE_LOADING], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "")
