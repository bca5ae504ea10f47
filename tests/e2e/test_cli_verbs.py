"""The verbs beside search, run as people run them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def run(shop):
    program, root = shop
    return lambda *words, cwd=root, **more: program(*words, cwd=cwd, **more)


def test_help_and_version():
    program = [sys.executable, "-m", "codetriever"]
    for words in (["--help"], ["--version"], ["index", "--help"], ["usages", "-h"]):
        done = subprocess.run([*program, *words], capture_output=True, text=True, check=True)
        assert "codetriever" in done.stdout
        assert done.stderr == ""


def test_index_reports_and_does_nothing_twice(program, repository):
    first = program("index", "--json", cwd=repository).json
    assert (first["files"], first["read"], first["pending"], first["failures"]) == (8, 8, 0, [])
    assert first["embedded_chunks"] == first["chunks"] > 0
    assert first["metrics"]["files_read_total"] == 8
    again = program("index", cwd=repository)
    assert (again.code, again.err) == (0, "")
    assert again.out.startswith("8 files, ")
    assert "generation 1" in again.out


def test_index_tells_what_it_skipped(program, repository):
    (repository / "shop" / "logo.bin").write_bytes(b"\0\1\2" * 100)
    (repository / "shop" / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    done = program("index", "-v", cwd=repository)
    assert done.code == 0
    assert "1 binary" in done.out
    assert "shop/logo.bin: binary" in done.err
    assert program("explain-path", "shop/logo.bin", cwd=repository).out == "shop/logo.bin  not indexed: binary\n"
    assert program("index", "--json", cwd=repository).json["skips"]["credential"] >= 1


@pytest.mark.skipif(sys.platform == "win32" or IS_ROOT, reason="permissions do not bind this user")
def test_index_ends_in_2_when_a_file_could_not_be_read(program, repository):
    (repository / "shop" / "cart.py").chmod(0)
    done = program("index", cwd=repository)
    assert done.code == 2
    assert "shop/cart.py: unreadable" in done.err
    assert program("session", "-k1", cwd=repository).code == 0


def test_index_profiles_memory(program, repository):
    report = program("index", "--profile-memory", "--json", cwd=repository).json
    profile = report["memory_profile"]
    assert profile["peak_memory_bytes"] > 10_000_000
    assert profile["allocation_bytes_per_s"] > 0
    assert re.match("measured by memray|estimated", profile["allocation_source"])
    assert profile["top_sites"]
    metrics = program("status", "--json", cwd=repository).json["metrics"]
    assert metrics["allocation_bytes_per_s"] == profile["allocation_bytes_per_s"]
    assert metrics["peak_memory_bytes"] >= profile["peak_memory_bytes"]
    assert metrics["files_read_total"] == 8


def test_usages_tells_kinds_apart_and_counts_all(run):
    done = run("usages", "Session")
    lines = done.out.splitlines()
    assert lines[0].startswith("shop/session.py:8: definition: class Session")
    assert "shop/cart.py:3: import: from shop.session import Session" in lines
    answer = run("usages", "Session", "-k", "1", "--json").json
    assert (len(answer["usages"]), answer["total"]) == (1, len(lines))
    assert sum(answer["counts"].values()) == answer["total"]
    assert run("usages", "no_such_symbol").code == 1
    assert run("usages", "Session", "--offset", "999").err == f"no more: 'Session' occurs {len(lines)} times\n"


def test_usages_for_editors_have_columns(run):
    lines = run("usages", "parse_config", "--format", "vimgrep").out.splitlines()
    assert lines == ["shop/config.py:4:5:def parse_config(text):"]


def test_similar_takes_a_place_a_symbol_and_a_snippet(run, shop):
    snippet = b"def read_settings(text):\n    for line in text.splitlines():\n        name, value = line.split('=')\n"
    assert run("similar", "-", "--json", stdin=snippet).paths[0] == "shop/config.py"
    answer = run("similar", "shop/session.py:10", "--json", "-k", "3").json
    assert answer["hits"]
    assert not any(hit["path"] == "shop/session.py" and hit["start_line"] <= 10 <= hit["end_line"] for hit in answer["hits"])
    inside = run("similar", "session.py:10", "--json", "-k", "3", cwd=shop[1] / "shop").json
    assert {hit["path"] for hit in inside["hits"]} == {"cart.py", "config.py"}


def test_context_shows_the_definition_around_a_line(run, shop):
    answer = run("context", "shop/cart.py:9", "--json").json
    assert (answer["path"], answer["enclosing"]["name"]) == ("shop/cart.py", "add_to_cart")
    assert "from shop.session import Session" in answer["imports"]["text"]
    assert [one["name"] for one in answer["after"]] == ["total_price"]
    done = run("context", "cart.py:9", "--radius", "1", cwd=shop[1] / "shop")
    assert re.search(r"^> +9 │ ", done.out, re.MULTILINE)


@pytest.mark.parametrize("place", ["shop/cart.py", "shop/cart.py:", "shop/cart.py:x", ":3", "shop/cart.py:999", "nowhere.py:1"])
def test_a_place_that_is_none_is_an_error(run, place):
    done = run("context", place)
    assert done.code == 2
    assert done.err.startswith("error: ")


def test_outline_lists_definitions(run):
    assert [line.split() for line in run("outline", "shop/session.py").out.splitlines()[1:5]] == [
        ["5", "constant", "LIFETIME_S", "=", "3600"],
        ["8", "class", "class", "Session"],
        ["11", "method", "def", "__init__(self,", "token)"],
        ["15", "method", "def", "refresh(self)"],
    ]
    files = {file["path"] for file in run("outline", "shop", "--json").json["files"]}
    assert files == {"shop/session.py", "shop/cart.py", "shop/config.py"}
    assert "server/main.go" in run("outline").out


def test_status_and_list_tell_what_is_there(program, repository):
    assert program("status", cwd=repository).code == 1
    assert program("list", cwd=repository).code == 1
    program("index", cwd=repository)
    status = program("status", "--json", cwd=repository).json
    view = status["repositories"][0]["views"][0]
    assert (view["branch"], view["generation"], view["files"]) == ("main", 1, 8)
    assert program("status", cwd=repository).code == 0
    listed = program("list", "--json", cwd=repository).json
    assert [index["views"][0]["root"] for index in listed["indexes"]] == [str(repository)]
    assert listed["size_bytes"] > 0
    assert str(repository) in program("list", cwd=repository).out


def test_remove_deletes_what_was_named(program, repository):
    program("index", cwd=repository)
    refused = program("remove", str(repository), cwd=repository)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert program("remove", str(repository), "--yes", cwd=repository).code == 0
    assert program("list", cwd=repository).code == 1
    assert program("remove", str(repository), "--yes", cwd=repository).code == 2


def test_remove_finds_a_repository_that_is_gone(program, repository):
    program("index", cwd=repository)
    shutil.rmtree(repository)
    assert program("remove", str(repository), "--yes", cwd=program.home).code == 0


def test_remove_all_or_nothing_named(program, repository):
    program("index", cwd=repository)
    assert program("remove", cwd=repository).code == 2
    assert program("remove", "--all", "--yes", cwd=repository).code == 0
    assert program("list", cwd=repository).code == 1


def test_explain_path_says_why(run):
    done = run("explain-path", "shop/cart.py", "build/generated.py", ".env")
    assert done.code == 0
    indexed, *chunks = done.out.splitlines()
    assert indexed.startswith("shop/cart.py  indexed")
    assert "python, code, utf-8" in chunks[0]
    assert "build/generated.py  not indexed: ignored" in done.out
    assert ".env  not indexed: " in done.out
    files = run("explain-path", "shop/cart.py", "build/generated.py", "--json").json["files"]
    assert [file["indexed"] for file in files] == [True, False]
    assert files[0]["chunks"]
    assert run("explain-path", "build/generated.py").code == 1
    assert run("explain-path", "nowhere.py").code == 2


def test_config_names_origins(program, repository):
    (repository / ".codetriever.toml").write_text('limit = 3\nmax_file_bytes = "1MiB"\n')
    (program.home / "config.toml").write_text("workers = 1\n")
    values = program("config", "show", "--json", "--limit", "4", cwd=repository).json
    assert values["limit"] == {"value": 4, "origin": "--limit"}
    assert values["max_file_bytes"] == {"value": 1024**2, "origin": str(repository / ".codetriever.toml")}
    assert values["workers"] == {"value": 1, "origin": str(program.home / "config.toml")}
    assert values["store"]["origin"] == "CODETRIEVER_STORE"
    assert values["memory"]["origin"] == "default"
    assert re.search(r"^limit +3 +.*\.codetriever\.toml$", program("config", cwd=repository).out, re.MULTILINE)
    assert str(program.home / "config.toml") in program("config", "path", cwd=repository).out


def test_a_wrong_setting_stops_every_verb_and_names_its_origin(program, repository):
    (repository / ".codetriever.toml").write_text("limits = 3\n")
    done = program("session", "--json", cwd=repository)
    assert (done.code, done.json["error"]["code"]) == (2, "invalid_setting")
    assert ".codetriever.toml" in done.json["error"]["message"]
    assert "limit" in done.json["error"]["hint"]


def test_settings_reach_what_they_set(program, repository):
    assert program("index", "--max-file-bytes", "100", "--json", cwd=repository).json["skips"]["too large"] > 0
    (repository / ".codetriever.toml").write_text("limit = 1\n")
    assert len(program("session", "--json", cwd=repository).json["hits"]) == 1


def test_doctor_finds_everything_well(run):
    done = run("doctor", "--json")
    assert done.code == 0
    states = {check["name"]: check["state"] for check in done.json["checks"]}
    assert {"model", "grammars", "store", "disk", "indexes"} <= set(states)
    assert set(states.values()) <= {"ok", "warning"}
    assert states["model"] == states["grammars"] == states["store"] == "ok"


def test_doctor_says_how_to_mend(program, repository):
    program("index", cwd=repository)
    program.store.chmod(0o755)
    done = program("doctor", cwd=repository)
    assert done.code == 0
    assert f"to mend: chmod 700 {program.store}" in done.out
    (catalog,) = program.store.glob("*/catalog.sqlite")
    catalog.write_bytes(b"not a catalog" * 1000)
    done = program("doctor", cwd=repository)
    assert done.code == 2
    assert re.search(r"^error +indexes", done.out, re.MULTILINE)


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh", "tcsh"])
def test_completion_is_a_script_of_the_shell(run, shell):
    done = run("completion", shell)
    assert done.code == 0
    assert "explain-path" in done.out
    # shtab completes no options of verbs for tcsh
    assert {"bash": "--max-tokens", "fish": "-l max-tokens", "zsh": "--max-tokens", "tcsh": ""}[shell] in done.out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.out, text=True, check=True)


COMPLETIONS = {  # what is typed, and what bash offers, of which `lib` is a folder
    "jo": {"jobs"},
    "db st": {"start", "stop", "status"},
    "config ": {"show", "path"},
    "completion z": {"zsh"},
    "db start li": {"lib"},
    "outline li": {"lib"},
    "install codex cur": {"cursor"},
    "search foo --color ne": {"never"},
    "mcp --mcp-token-file li": {"lib"},
    "eval --save li": {"lib"},
}
_TYPED = """
source completion.bash
function=$(complete -p codetriever | sed 's/.*-F \\([^ ]*\\).*/\\1/')
while IFS= read -r typed; do
  IFS=' ' read -ra COMP_WORDS <<< "codetriever $typed"
  [[ $typed == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
  $function codetriever "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  echo "${COMPREPLY[*]}"
done
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_completes_actions_clients_values_and_paths(run, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "completion.bash").write_text(run("completion", "bash").out)
    command = ["bash", "--norc", "-c", _TYPED]
    done = subprocess.run(command, cwd=tmp_path, input="\n".join(COMPLETIONS) + "\n", text=True, capture_output=True, check=True)
    assert dict(zip(COMPLETIONS, (set(line.split()) for line in done.stdout.splitlines()), strict=True)) == COMPLETIONS


def test_fish_completes_actions_and_clients(run):
    script = run("completion", "fish").out
    assert "'__fish_seen_subcommand_from db' -a 'start stop status migrate distribute'" in script
    assert "'__fish_seen_subcommand_from uninstall' -a 'claude-code codex" in script


def test_an_unknown_shell_is_an_error(run):
    assert run("completion", "cmd").code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_watch_follows_changes_and_ends_when_interrupted(program, repository):
    with program.start("watch", "--json", cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:
        assert json.loads(watching.stdout.readline())["files"] == 8
        assert "watching" in watching.stderr.readline()
        time.sleep(0.5)  # until the system watches
        (repository / "shop" / "new.py").write_text("zanzibar_archipelago = 1\n")
        while json.loads(watching.stdout.readline())["files"] < 9:
            pass
        found = program("zanzibar_archipelago", "--exact", "--no-refresh", cwd=repository)
        (repository / "shop" / "newer.py").write_text("zanzibar_island = 2\n")
        # The lock is free between two refreshes: who writes first does not matter.
        assert program("index", cwd=repository).code == 0
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=20) == 130
        assert watching.stderr.read() == ""
    assert found.code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_ctrl_c_ends_with_130_and_leaves_a_usable_index(program, tmp_path):
    root = tmp_path / "large"
    root.mkdir()
    for number in range(300):
        (root / f"module_{number}.py").write_text("".join(f"def function_{number}_{at}():\n    return {at}\n" for at in range(200)))
    with program.start("index", cwd=root, stderr=subprocess.PIPE) as indexing:
        while indexing.poll() is None and not list(program.store.glob("*/catalog.sqlite")):
            time.sleep(0.02)
        indexing.send_signal(signal.SIGINT)
        assert indexing.wait(timeout=20) in (130, 0)
        assert "Traceback" not in indexing.stderr.read()
    assert program("index", "--json", cwd=root).json["files"] == 300
    assert program("function_7_7", "-k1", cwd=root).code == 0


def test_a_home_folder_is_not_indexed_by_accident(program):
    (program.home / "notes.txt").write_text("hello\n")
    done = program("hello", "--json", cwd=program.home)
    assert (done.code, done.json["error"]["code"]) == (2, "confirmation_needed")
    assert "--yes" in done.json["error"]["hint"]
    assert program("hello", "--yes", cwd=program.home).code == 0


def test_the_least_recently_used_index_makes_room(program, repository, tmp_path):
    program("index", cwd=repository)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.py").write_text("def f():\n    return 1\n")
    done = program("index", "--cache-limit-bytes", "1000", cwd=other)
    assert done.code == 0
    assert f"removed the index of {repository}" in done.err
    assert [index["views"][0]["root"] for index in program("list", "--json", cwd=other).json["indexes"]] == [str(other)]


def test_a_damaged_index_is_reported_and_can_be_removed(program, repository):
    program("index", cwd=repository)
    (catalog,) = program.store.glob("*/catalog.sqlite")
    catalog.write_bytes(b"not a catalog" * 1000)
    done = program("session", "--json", cwd=repository)
    assert (done.code, done.json["error"]["code"]) == (2, "store_damaged")
    assert done.json["error"]["hint"]
    assert program("remove", str(repository), "--yes", cwd=repository).code == 0
    assert program("session", cwd=repository).code == 0
