"""`tenants`, `repositories` and `keys`, as people and programs use them."""

import json

import pytest
from tests.contract.blobs import DIMENSIONS, index

pytest.importorskip("psycopg")

import codetriever
from codetriever.cli.main import main
from codetriever.store.postgres.store import open_store
from codetriever.types import ViewKey


@pytest.fixture
def run(database_url, capsys, monkeypatch):
    """Runs a line against the test's database: (exit code, output, notes); with --json the output is read."""
    monkeypatch.setenv("CODETRIEVER_DATABASE_URL", database_url)

    def run(*words):
        code = main(words)
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in words else out, err

    return run


def fill(url, tenant=None, name="github.com/harbour/shop"):
    with codetriever.connect(url, tenant) as connection:
        store = open_store(connection.database, name, model="m", dimensions=DIMENSIONS, tenant=connection.tenant)
        with store.writer() as writer:
            index(writer, ViewKey("", "main"), {"a.py": b"def parse the input\n"})


def test_tenants(run, database_url):
    assert run("tenants", "create", "harbour")[0] == 0
    assert run("tenants", "create", "harbour", "--json")[1]["error"]["code"] == "name_taken"
    assert [tenant["name"] for tenant in run("tenants", "list", "--json")[1]["tenants"]] == ["default", "harbour"]
    assert "harbour" in run("tenants", "list")[1]
    fill(database_url, "harbour")
    code, out, _ = run("tenants", "remove", "harbour", "--json")
    assert (code, out["error"]["code"]) == (2, "confirmation_needed")
    assert "1 repository" in out["error"]["message"]
    assert run("tenants", "remove", "harbour", "--yes")[0] == 0
    assert [entry["action"] for entry in run("tenants", "audit", "--json")[1]["audit"]] == ["remove tenant", "create tenant"]
    assert "create tenant  harbour" in run("tenants", "audit")[1]


def test_repositories(run, database_url):
    assert run("repositories", "list")[:2] == (1, "")
    fill(database_url)
    code, out, err = run("repositories", "list")
    assert code == 0
    assert out.startswith("github.com/harbour/shop  1 branch, 1 file, 1 chunk, ")
    assert err == "1 repository with 1 chunk\n"
    assert run("repositories", "show", "github.com/harbour/shop", "--json")[1]["repository"]["size_bytes"] > 0
    assert run("repositories", "rename", "github.com/harbour/shop", "shop", "--json")[1]["repository"]["name"] == "shop"
    assert run("repositories", "show", "github.com/harbour/shop", "--json")[1]["error"]["code"] == "repository_not_found"
    assert run("repositories", "statistics", "--json")[1]["statistics"]["chunks"] == 1
    assert "chunks         1\n" in run("repositories", "statistics")[1]
    assert run("repositories", "remove", "shop", "--json")[1]["error"]["code"] == "confirmation_needed"
    assert run("repositories", "remove", "shop", "--yes")[0] == 0
    assert run("repositories", "list", "--json")[1] == {"repositories": []}


def test_keys(run, database_url):
    code, out, err = run("keys", "create", "robot", "--scope", "search,index", "--expires", "90")
    assert code == 0
    assert out.startswith("ct_")
    assert "not shown again" in err
    code, listed, _ = run("keys", "list")
    assert out.strip() not in listed
    assert f"robot  {out[:9]}...  search index  never used  expires in 90 days" in listed
    made = run("keys", "create", "other", "--json")[1]
    with codetriever.connect(database_url) as connection:
        assert connection.keys.check(made["secret"]).scopes == ("search",)
    assert run("keys", "revoke", "other", "--json")[1]["error"]["code"] == "confirmation_needed"
    assert run("keys", "revoke", "other", "--yes", "--json")[1]["revoked"][0]["name"] == "other"
    assert run("keys", "revoke", "other", "--yes", "--json")[1]["error"]["code"] == "key_not_found"
    assert run("keys", "create", "third", "--scope", "all", "--json")[1]["error"]["code"] == "invalid_arguments"


@pytest.mark.parametrize("words", [("tenants", "drop"), ("tenants", "create"), ("repositories", "rename", "one"), ("keys", "revoke")])
def test_what_is_not_said_whole(run, words):
    code, out, _ = run(*words, "--json")
    assert (code, out["error"]["code"]) == (2, "invalid_arguments")


def test_without_a_database(capsys, monkeypatch):
    monkeypatch.delenv("CODETRIEVER_DATABASE_URL", raising=False)
    assert main(["tenants", "list", "--json"]) == 2
    assert "--database-url" in json.loads(capsys.readouterr().out)["error"]["hint"]
