"""Over HTTP with a database: who shows a key sees what its tenant has there, and nothing else."""

import json
from dataclasses import dataclass

import httpx2
import pytest
from tests.mcp.conftest import Place, make_repository
from tests.mcp.test_http import post, serving

pytest.importorskip("psycopg")

from mcp.client.streamable_http import streamable_http_client

import codetriever
from codetriever.config import Settings
from mcp import Client

BANK = {"bank/account.py": 'def open_account(owner):\n    """Open an account."""\n    return owner\n'}
DOCK = {"dock/crane.py": 'def lift_container(crane):\n    """Lift a container onto the quay."""\n    return crane\n'}


@dataclass(frozen=True)
class SharedPlace(Place):
    """A place whose programs find a database."""

    database_url: str = ""

    @property
    def environ(self):
        return super().environ | {"CODETRIEVER_DATABASE_URL": self.database_url}


@pytest.fixture
def keys(place, database_url, tmp_path):
    """The keys of two tenants: the traders have the shop and a bank, the harbour has a dock."""
    settings = Settings(store=str(tmp_path / "store"), database_url=database_url)
    bank, dock = make_repository(tmp_path / "bank", BANK), make_repository(tmp_path / "dock", DOCK)
    made = {}
    with codetriever.connect(database_url, settings=settings) as connection:
        for name, folders in (("traders", (place.root, bank)), ("harbour", (dock,))):
            connection.tenants.create(name)
            tenant = connection.as_tenant(name)
            for folder in folders:
                with tenant.open(folder) as index:
                    index.refresh()
            made[name] = tenant.keys.create("robot", scopes=("search",)).secret
            made[f"{name} index"] = tenant.keys.create("indexer", scopes=("index",)).secret
        made["revoke"] = lambda: connection.as_tenant("harbour").keys.revoke("robot")
        yield made


@pytest.fixture
def port(place, keys, database_url):
    with serving(SharedPlace(place.root, place.home, database_url=database_url)) as port:
        yield port


def ask(run, port, key, *calls):
    """The tools that are offered, and the results of calls with a key."""

    async def talk():
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30) as http,
            Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http)) as client,
        ):
            tools = [tool.name for tool in (await client.list_tools()).tools]
            return tools, [await client.call_tool(name, arguments) for name, arguments in calls]

    return run(talk)


def text_of(result):
    return "\n".join(block.text for block in result.content)


def test_a_key_opens_what_its_tenant_has(run, port, keys):
    calls = (
        ("search", {"query": "lift a container onto the quay"}),
        ("search", {"query": "prolong a visit"}),
        ("get_context", {"file_path": "local/shop:shop/session.py", "start_line": 20}),
        ("search", {"query": "open an account", "path": "local/bank"}),
        ("outline", {"path": "local/bank"}),
        ("search", {"query": "crane", "path": "local/dock"}),
        ("get_status", {}),
    )
    tools, (container, visit, context, account, outline, dock, status) = ask(run, port, keys["traders"], *calls)
    assert "index" not in tools
    assert "crane" not in text_of(container)
    assert visit.structured_content["hits"][0]["repository"] == "local/shop"
    assert "1. local/shop:shop/session.py:" in text_of(visit)
    assert "def refresh" in text_of(context)
    assert "in local/bank." in text_of(account)
    assert "1. bank/account.py:1" in text_of(account)
    assert "def open_account(owner)" in text_of(outline)
    assert dock.structured_content["error"]["code"] == "repository_not_found"
    assert "local/dock" not in text_of(status)
    _, (crane,) = ask(run, port, keys["harbour"], ("search", {"query": "lift a container onto the quay"}))
    assert crane.structured_content["hits"][0]["path"] == "dock/crane.py"


def test_other_keys_are_refused(port, keys):
    def answer(key):
        status, body = post(port, authorization=f"Bearer {key}")
        return status, "" if status == 200 else json.loads(body)["error"]["code"]

    assert answer("") == answer("ct_" + "x" * 43) == (401, "key_rejected")
    assert answer(keys["harbour index"]) == (403, "scope_missing")
    assert answer(keys["harbour"]) == (200, "")
    keys["revoke"]()
    assert answer(keys["harbour"]) == (401, "key_rejected")
