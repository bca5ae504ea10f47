"""What a client sends that it should not, in plain frames: the answer is a clear error, and the server goes on."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest


def is_alive(raw):
    return not raw.call("search", {"query": "prolong a visit"}).get("isError")


@pytest.mark.parametrize(
    "frame",
    [
        b"not json\n",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b'{"jsonrpc": "2.0"}\n',
        b'{"jsonrpc": "1.0", "id": 900, "method": "ping"}\n',
        b'{"jsonrpc": "2.0", "id": null, "method": "ping"}\n',
        b'{"jsonrpc": "2.0", "id": 901, "method": 5}\n',
        b'{"jsonrpc": "2.0", "id": 902, "result": {}}\n',
        b"\xff\xfe\x00\n",
        b"{" * 5000 + b"\n",
        b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 12345}}\n',
        b'{"jsonrpc": "2.0", "method": "notifications/roots/list_changed", "params": {"x": 1}}\n',
    ],
    ids=lambda frame: repr(frame[:30]),
)
def test_malformed_frames_are_survived(raw, frame):
    raw.write(frame)
    assert is_alive(raw)


def test_unknown_methods_and_tools_are_errors(raw):
    assert raw.ask("no/such/method", {})["error"]["code"] == -32601
    unknown = raw.ask("tools/call", {"name": "sea\nrch", "arguments": {}})["error"]
    assert "There is no tool" in unknown["message"]
    assert raw.ask("tools/call", {"arguments": {}})["error"]["code"] == -32602
    assert raw.ask("tools/call", {"name": "get_stats", "arguments": {}})["error"]["code"] == -32602  # without --admin
    assert is_alive(raw)


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "named"),
    [
        ("search", {}, "invalid_arguments", "query"),
        ("search", {"query": ""}, "invalid_arguments", "query"),
        ("search", {"query": 5}, "invalid_arguments", "query"),
        ("search", {"query": ["a"]}, "invalid_arguments", "query"),
        ("search", {"query": "x" * 1001}, "invalid_query", ""),
        ("search", {"query": "x" * 5_000_000}, "invalid_query", ""),
        ("search", {"query": "x", "limit": 0}, "invalid_arguments", "limit"),
        ("search", {"query": "x", "limit": 101}, "invalid_arguments", "limit"),
        ("search", {"query": "x", "limit": "many"}, "invalid_arguments", "limit"),
        ("search", {"query": "x", "limit": 1.5}, "invalid_arguments", "limit"),
        ("search", {"query": "x", "limit": True}, "invalid_arguments", "limit"),
        ("search", {"query": "x", "limit": 10**400}, "invalid_arguments", "limit"),
        ("search", {"query": "x", "offset": -1}, "invalid_arguments", "offset"),
        ("search", {"query": "x", "max_tokens": 1}, "invalid_arguments", "max_tokens"),
        ("search", {"query": "x", "roles": ["poetry"]}, "invalid_query", "poetry"),
        ("search", {"query": "x", "path_globs": [1]}, "invalid_arguments", "path_globs"),
        ("search", {"query": "x", "path_globs": ["*"] * 1000}, "invalid_arguments", "path_globs"),
        ("search", {"queries": ["x"] * 9}, "invalid_arguments", "queries"),
        ("search", {"query": "x", "limits": 5}, "invalid_arguments", "limit"),
        ("search", {"query": "x", "path": "nowhere"}, "path_not_found", "nowhere"),
        ("find_similar", {}, "invalid_arguments", "compare"),
        ("find_similar", {"symbol": "nothing_is_called_so"}, "symbol_not_found", "nothing_is_called_so"),
        ("find_similar", {"query": "x = 1\n" * 100_000}, "invalid_query", "snippet"),
        ("find_usages", {}, "invalid_arguments", "symbol"),
        ("find_usages", {"symbol": "a b ( c"}, "invalid_query", "symbol"),
        ("get_context", {}, "invalid_arguments", "file_path"),
        ("get_context", {"file_path": "shop/session.py", "start_line": 5000}, "invalid_query", "5,000"),
        ("get_context", {"file_path": "shop/session.py", "start_line": 0}, "invalid_arguments", "start_line"),
        ("get_context", {"symbol": "nothing_is_called_so"}, "symbol_not_found", "nothing_is_called_so"),
        ("outline", {"file_path": "../../../etc"}, "path_not_found", "outside"),
        ("index", {"path": "../.."}, "path_not_found", "outside"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_arguments_are_results_that_say_so(raw, tool, arguments, code, named):
    result = raw.call(tool, arguments)
    error = result["structuredContent"]["error"]
    assert result["isError"]
    assert error["code"] == code
    assert named in error["message"] + error["hint"]
    assert error["message"] in result["content"][0]["text"]
    assert len(result["content"][0]["text"]) < 1000
    assert is_alive(raw)


def test_forgiving_where_the_meaning_is_plain(raw):
    result = raw.call(
        "search", {"query": "prolong a visit", "limit": "2", "path_globs": "shop/**", "languages": '["python"]', "offset": 0.0}
    )
    assert not result.get("isError")
    assert all(hit["path"].startswith("shop/") for hit in result["structuredContent"]["hits"])


def test_a_dialogue_before_initialize_is_refused(shop):
    raw = shop.start()
    assert "error" in raw.ask("tools/call", {"name": "search", "arguments": {"query": "x"}})
    raw.initialize()
    assert is_alive(raw)
    assert raw.close() == 0


def test_nothing_but_frames_is_written(shop):
    raw = shop.start("-v")
    raw.initialize()
    raw.call("search", {"query": "prolong a visit"})
    raw.process.stdin.close()
    rest = raw.process.stdout.read()
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    assert raw.process.wait(20) == 0
    raw.process.stdout.close()
    raw.process.stderr.close()


def test_initialize_loads_nothing_heavy(shop):
    """Neither numpy nor the store nor parsers are mapped before the first call."""
    raw = shop.start()
    raw.initialize()
    raw.ask("tools/list", {})
    mapped = {Path(one.path).name for one in psutil.Process(raw.process.pid).memory_maps()}
    assert not [name for name in mapped if name.startswith(("_multiarray", "backend_c", "_tree_sitter", "_binding.", "static.table"))]
    raw.call("search", {"query": "prolong a visit"})
    mapped = {Path(one.path).name for one in psutil.Process(raw.process.pid).memory_maps()}
    assert any(name.startswith("_multiarray") for name in mapped)
    assert raw.close() == 0


@pytest.mark.parametrize("end", [lambda process: process.stdin.close(), lambda process: process.send_signal(signal.SIGKILL)])
def test_a_client_that_goes_or_a_server_that_is_killed_leaves_no_indexer_behind(place, end):
    for number in range(300):
        (place.root / f"module_{number}.py").write_text("\n".join(f"def f_{number}_{one}():\n    return {one}\n" for one in range(60)))
    raw = place.start()
    raw.initialize()
    raw.send({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": {"name": "index", "arguments": {}}})
    deadline = time.monotonic() + 20
    while not (children := psutil.Process(raw.process.pid).children(recursive=True)) and time.monotonic() < deadline:
        time.sleep(0.02)
    end(raw.process)
    raw.process.wait(20)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert children
    assert not alive
    for stream in (raw.process.stdin, raw.process.stdout, raw.process.stderr):
        stream.close()


def test_a_cancelled_index_stops_and_the_server_goes_on(place):
    for number in range(300):
        (place.root / f"module_{number}.py").write_text("\n".join(f"def f_{number}_{one}():\n    return {one}\n" for one in range(60)))
    raw = place.start()
    raw.initialize()
    raw.send({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": {"name": "index", "arguments": {}}})
    deadline = time.monotonic() + 20
    while not (children := psutil.Process(raw.process.pid).children(recursive=True)) and time.monotonic() < deadline:
        time.sleep(0.02)
    raw.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 77}})
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert raw.call("get_status")["structuredContent"]["allowed"]
    assert raw.close() == 0


def test_a_root_that_vanishes(place):
    raw = place.start(cwd=place.home)
    raw.initialize(capabilities={"roots": {}})
    roots = {"roots": [{"uri": place.root.as_uri()}]}
    assert not raw.call("search", {"query": "prolong a visit"}, roots).get("isError")
    shutil.rmtree(place.root)
    gone = raw.call("search", {"query": "prolong a visit"}, roots)
    assert gone["structuredContent"]["error"]["code"] == "path_not_found"
    assert raw.ask("ping", {})["result"] == {}
    assert raw.close() == 0


def test_roots_are_asked_for_again_when_they_change(place, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "bills.py").write_text("def bill():\n    return 1\n")
    raw = place.start(cwd=place.home)
    raw.initialize(capabilities={"roots": {"listChanged": True}})
    first = raw.call("search", {"query": "bill"}, {"roots": [{"uri": place.root.as_uri()}]})
    raw.send({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"})
    second = raw.call("search", {"query": "bill"}, {"roots": [{"uri": other.as_uri()}, {"uri": "file:///nowhere"}]})
    assert first["structuredContent"]["root"] == str(place.root)
    assert second["structuredContent"]["root"] == str(other)
    refused = raw.call("search", {"query": "bill", "path": str(place.root)})
    assert refused["isError"]
    assert raw.close() == 0


def test_several_roots_are_searched_together(place, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "bills.py").write_text('def write_bill():\n    """Write the bill of a visit."""\n    return 1\n')
    raw = place.start(cwd=place.home)
    raw.initialize(capabilities={"roots": {}})
    roots = {"roots": [{"uri": place.root.as_uri()}, {"uri": other.as_uri()}]}
    result = raw.call("search", {"query": "visit"}, roots)
    text = result["content"][0]["text"]
    assert f"in {place.root} (as shop/), {other} (as other/)." in text
    assert re.search(r"^\d+\. other/bills\.py:1", text, re.MULTILINE)
    assert re.search(r"^\d+\. shop/shop/session\.py:\d", text, re.MULTILINE)
    for named in ("other/bills.py", "bills.py", str(other / "bills.py")):
        context = raw.call("get_context", {"file_path": named, "start_line": 1})
        assert "write_bill" in context["content"][0]["text"]
    assert "def refresh" in raw.call("outline", {"file_path": "shop/shop/session.py"})["content"][0]["text"]
    assert raw.close() == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(place):
    place.home.chmod(stat.S_IRUSR | stat.S_IXUSR)
    raw = place.start()
    raw.initialize()
    result = raw.call("search", {"query": "prolong a visit"})
    assert result["structuredContent"]["error"]["code"] == "store_not_writable"
    assert raw.ask("ping", {})["result"] == {}
    assert raw.close() == 0


def test_a_store_that_cannot_be_made(place, tmp_path):
    (tmp_path / "file").write_text("")
    raw = place.start(CODETRIEVER_STORE=str(tmp_path / "file" / "store"))
    raw.initialize()
    result = raw.call("search", {"query": "prolong a visit"})
    assert result["structuredContent"]["error"]["code"] == "store_not_writable"
    assert raw.close() == 0


def test_a_module_in_the_working_directory_is_not_run(place):
    """The indexer is started by the server where a stranger's code may lie."""
    (place.root / "codetriever").mkdir()
    (place.root / "codetriever" / "__init__.py").write_text("raise SystemExit('pwned')\n")
    (place.root / "json.py").write_text("raise SystemExit('pwned')\n")
    raw = place.start()
    raw.initialize()
    assert is_alive(raw)
    assert raw.close() == 0


def test_without_the_extra_the_command_says_how_to_get_it(shop):
    hide = "import importlib.util as util; find = util.find_spec; util.find_spec = lambda name: None if name == 'mcp' else find(name)"
    code = f"{hide}\nfrom codetriever.cli.main import main\nraise SystemExit(main(['mcp']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=shop.environ, cwd=shop.root, check=False)
    assert done.returncode == 2
    assert "codetriever[mcp]" in done.stderr
