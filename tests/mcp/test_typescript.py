"""Another implementation of the protocol, the TypeScript SDK, drives every tool over both transports."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from tests.mcp.conftest import ADMIN_CALLS, CALLS, PROGRAM

HERE = Path(__file__).parent / "typescript"
TOOLS = CALLS | ADMIN_CALLS


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """The folder of the client, with its packages."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        without("node and npm are not installed")
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "client.mjs"):
        shutil.copy(HERE / name, folder)
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    if done.returncode:
        without(f"npm could not get the SDK: {done.stderr.strip()[-200:]}")
    return folder


def without(what):
    """Leave the tests out on a user's machine; where they are to run, that is a failure."""
    pytest.fail(what) if os.environ.get("TESTS_NEED_NODE") else pytest.skip(what)


def drive(client, place, *words, roots=()):
    told = json.dumps({"calls": TOOLS, "roots": list(roots)})
    done = subprocess.run(
        ["node", client / "client.mjs", *words], cwd=place.home if roots else place.root, env=place.environ, input=told,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(answered):
    assert answered["server"]["name"] == "codetriever"
    assert answered["tools"] == list(TOOLS)
    results = answered["results"]
    assert not [name for name, result in results.items() if result.get("isError")]
    assert re.search(r"shop/session\.py:\d+-\d+ > Session", results["search"]["content"][0]["text"])
    assert results["search"]["structuredContent"]["hits"][0]["path"] == "shop/session.py"


def test_over_the_standard_input_and_output(client, shop):
    check(drive(client, shop, "stdio", str(PROGRAM), "mcp", "--admin"))


def test_with_roots_that_the_client_names(client, shop):
    check(drive(client, shop, "stdio", str(PROGRAM), "mcp", "--admin", roots=[shop.root.as_uri()]))


def test_over_http(client, shop):
    words = [PROGRAM, "mcp", "--admin", "--http", "--address", "127.0.0.1:0"]
    server = subprocess.Popen(words, cwd=shop.root, env=shop.environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        url = re.search(r"http://\S+/mcp", server.stderr.readline())[0]
        check(drive(client, shop, "http", url))
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        server.stderr.close()
