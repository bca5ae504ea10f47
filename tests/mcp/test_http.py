"""The server over HTTP: every tool with the SDK's client, and who is let in."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ListRootsResult, Root
from tests.mcp.conftest import ADMIN_CALLS, CALLS

from codetriever.errors import InvalidArguments, InvalidSetting
from codetriever.mcp.http import Address, parse_address, read_token
from mcp import Client

PROGRAM_WORDS = ("mcp", "--http", "--address")
TOKEN = "a-token-that-is-long-enough"
GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}


@contextmanager
def serving(place, *words, address="127.0.0.1:0"):
    """The port of a server that runs meanwhile."""
    program = Path(sys.executable).with_name("codetriever")
    process = subprocess.Popen(
        [program, *PROGRAM_WORDS, address, *words],
        cwd=place.root,
        env=place.environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield int(re.search(r":(\d+)/mcp", process.stderr.readline())[1])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stderr.close()


@pytest.fixture(scope="module")
def port(shop):
    with serving(shop) as port:
        yield port


def post(port, body=None, **headers):
    """Status and parsed body of a request; names of headers are written with underscores."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    given = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/mcp", body=json.dumps(GREETING) if body is None else body, headers=given)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_every_tool_answers(port, run, mode):
    async def talk():
        async with Client(f"http://127.0.0.1:{port}/mcp", mode=mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == list(CALLS)
            return {name: await client.call_tool(name, arguments) for name, arguments in CALLS.items()}

    results = run(talk)
    assert not [name for name, result in results.items() if result.is_error]
    assert "> Session" in results["search"].content[0].text


def test_tools_that_look_after_the_machine_answer_when_they_are_asked_for(shop, run):
    async def talk(port):
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [*CALLS, *ADMIN_CALLS]
            return {name: await client.call_tool(name, arguments) for name, arguments in ADMIN_CALLS.items()}

    with serving(shop, "--admin") as port:
        results = run(talk, port)
    assert not [name for name, result in results.items() if result.is_error]
    assert len(results["compact"].structured_content["compacted"]) == 1


def test_sessions_are_told_apart(port, run):
    async def talk():
        async with Client(f"http://127.0.0.1:{port}/mcp", mode="legacy") as client:
            await client.call_tool("search", {"query": "prolong a visit", "limit": 1})
            return await client.call_tool("search", {"query": "session refresh lifetime", "limit": 1})

    assert "sent before" in run(talk).content[0].text

    async def other():
        async with Client(f"http://127.0.0.1:{port}/mcp", mode="legacy") as client:
            return await client.call_tool("search", {"query": "session refresh lifetime", "limit": 1})

    assert "sent before" not in run(other).content[0].text


def test_roots_that_clients_name_count_for_nothing(port, run, tmp_path):
    (tmp_path / "a.py").write_text("def f():\n    pass\n")

    async def roots(_context):
        return ListRootsResult(roots=[Root(uri=tmp_path.as_uri())])

    async def talk():
        async with Client(f"http://127.0.0.1:{port}/mcp", mode="legacy", list_roots_callback=roots) as client:
            return await client.call_tool("search", {"query": "f", "path": str(tmp_path)})

    assert run(talk).is_error


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 421, "wrong_host"),
        ({"Host": "127.0.0.1.evil.example:80"}, 421, "wrong_host"),
        ({"Host": ""}, 421, "wrong_host"),
        ({"Origin": "https://evil.example"}, 403, "wrong_origin"),
        ({"Origin": "null"}, 403, "wrong_origin"),
        ({"Origin": "http://localhost.evil.example"}, 403, "wrong_origin"),
        ({"Origin": "http://[::1"}, 403, "wrong_origin"),
    ],
)
def test_requests_of_pages_elsewhere_are_refused(port, headers, status, code):
    answered, text = post(port, **headers)
    assert (answered, json.loads(text)["error"]["code"]) == (status, code)


def test_requests_of_this_machine_are_served(port):
    for headers in ({}, {"Host": "localhost:1"}, {"Origin": "http://localhost:3000"}, {"Host": "[::1]"}):
        assert post(port, **headers)[0] == 200


def test_bad_bodies_are_refused_and_the_server_goes_on(port):
    assert post(port, "not json")[0] == 400
    assert post(port, "{" * 10_000)[0] == 400
    assert post(port, "x" * (5 << 20))[0] == 413
    assert post(port, Content_Type="text/plain")[0] in (400, 415)
    assert post(port)[0] == 200


def test_a_token_is_asked_for(shop, run, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")

    async def talk(port):
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as with_token,
            Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=with_token)) as client,
        ):
            return await client.call_tool("search", {"query": "prolong a visit"})

    with serving(shop, "--mcp-token-file", str(file)) as port:
        assert post(port)[0] == 401
        assert post(port, Authorization="Bearer wrong")[0] == 401
        assert post(port, Authorization=TOKEN)[0] == 401
        status, text = post(port, Authorization=f"Bearer {TOKEN}")
        assert status == 200
        assert "codetriever" in text
        assert not run(talk, port).is_error


def test_others_are_not_served_without_a_token(shop):
    program = Path(sys.executable).with_name("codetriever")
    done = subprocess.run(
        [program, *PROGRAM_WORDS, "0.0.0.0:0"], cwd=shop.root, env=shop.environ, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert "mcp_token_file" in done.stderr


def test_addresses_are_read():
    assert parse_address("127.0.0.1:80") == Address("127.0.0.1", 80)
    assert parse_address("[::1]:80") == Address("::1", 80)
    for wrong in ("", "80", ":80", "host", "host:", "host:x", "host:70000"):
        with pytest.raises(InvalidArguments):
            parse_address(wrong)
    assert Address("127.9.9.9", 1).is_loopback
    assert Address("::1", 1).is_loopback
    assert not Address("192.0.2.1", 1).is_loopback
    assert not Address("0.0.0.0", 1).is_loopback


def test_tokens_are_read(tmp_path):
    for content in (b"", b"short\n", b"two words that are long enough", "kein ASCII, äöü und so weiter".encode()):
        (tmp_path / "token").write_bytes(content)
        with pytest.raises(InvalidSetting):
            read_token(tmp_path / "token")
    with pytest.raises(InvalidSetting):
        read_token(tmp_path / "nowhere")


def test_a_port_in_use_is_said(shop):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        program = Path(sys.executable).with_name("codetriever")
        words = [program, *PROGRAM_WORDS, f"127.0.0.1:{taken.getsockname()[1]}"]
        done = subprocess.run(words, cwd=shop.root, env=shop.environ, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "in use" in done.stderr
