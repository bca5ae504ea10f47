"""Another implementation of the protocol, the TypeScript SDK, drives every tool over both transports."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "typescript"
PROGRAM = Path(sys.executable).with_name("codetriever")
CALLS = {
    "search": {"query": "prolong a visit", "limit": 2},
    "find_similar": {"symbol": "total_price"},
    "find_usages": {"symbol": "Session"},
    "get_context": {"file_path": "shop/session.py", "start_line": 20},
    "outline": {"file_path": "shop/session.py"},
    "index": {},
    "get_status": {},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """The folder of the client, with its packages."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing = "node and npm are not installed"
        pytest.fail(missing) if os.environ.get("TESTS_NEED_NODE") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "client.mjs"):
        shutil.copy(HERE / name, folder)
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    if done.returncode:
        pytest.skip(f"npm could not get the SDK: {done.stderr.strip()[-200:]}")
    return folder


def drive(client, place, *words, roots=()):
    told = json.dumps({"calls": CALLS, "roots": list(roots)})
    done = subprocess.run(
        ["node", client / "client.mjs", *words], cwd=place.home if roots else place.root, env=place.environ, input=told,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(answered):
    assert answered["server"]["name"] == "codetriever"
    assert answered["tools"] == list(CALLS)
    results = answered["results"]
    assert not [name for name, result in results.items() if result.get("isError")]
    assert re.search(r"shop/session\.py:\d+-\d+ > Session", results["search"]["content"][0]["text"])
    assert results["search"]["structuredContent"]["hits"][0]["path"] == "shop/session.py"


def test_over_the_standard_input_and_output(client, shop):
    check(drive(client, shop, "stdio", str(PROGRAM), "mcp"))


def test_with_roots_that_the_client_names(client, shop):
    check(drive(client, shop, "stdio", str(PROGRAM), "mcp", roots=[shop.root.as_uri()]))


def test_over_http(client, shop):
    words = [PROGRAM, "mcp", "--http", "--address", "127.0.0.1:0"]
    server = subprocess.Popen(words, cwd=shop.root, env=shop.environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        url = re.search(r"http://\S+/mcp", server.stderr.readline())[0]
        check(drive(client, shop, "http", url))
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        server.stderr.close()
