"""Every verb with `--repository`, and without it outside of any checkout."""

import json

import pytest
from tests.search.conftest import write

pytest.importorskip("psycopg")

from codetriever.cli.main import main

SHOP = {"shop/cart.py": "def add_to_cart(session, article):\n    '''Put an article into the cart.'''\n    return session, article\n"}
BANK = {"bank/account.py": "def open_account(owner):\n    '''Open an account.'''\n    return add_to_cart(owner, 1)\n"}


@pytest.fixture
def run(database_url, capsys, monkeypatch, tmp_path):
    """Runs a line where there is no checkout: (exit code, output, notes); with --json the output is read."""
    monkeypatch.setenv("CODETRIEVER_DATABASE_URL", database_url)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def run(*words):
        code = main(words)
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in words else out, err

    for name, files in (("shop", SHOP), ("bank", BANK)):
        write(tmp_path / name, files)
        assert run("index", str(tmp_path / name), "--quiet")[0] == 0
    return run


def test_all_repositories_are_searched_from_anywhere(run):
    code, answer, _ = run("search", "put an article into the cart", "--json")
    assert code == 0
    hit = answer["hits"][0]
    assert (hit["repository"], hit["path"]) == ("local/shop", "shop/cart.py")
    assert "shop/cart.py:1-3  add_to_cart  function  local/shop  " in run("put an article into the cart")[1]
    assert run("search", "open an account", "--files")[1].startswith("local/bank:bank/account.py\n")


def test_a_repository_is_named(run):
    code, answer, _ = run("search", "account", "--repository", "local/bank", "--json")
    assert (code, {hit["path"] for hit in answer["hits"]}) == (0, {"bank/account.py"})
    both = run("search", "account cart", "--repository", "local/bank", "--repository", "local/shop", "--json")[1]
    assert {hit["repository"] for hit in both["hits"]} == {"local/bank", "local/shop"}
    assert run("search", "x", "--repository", "local/nothing", "--json")[1]["error"]["code"] == "repository_not_found"
    assert run("search", "x", "..", "--repository", "local/bank", "--json")[1]["error"]["code"] == "invalid_arguments"


def test_look_ups(run):
    code, out, _ = run("usages", "add_to_cart")
    assert (code, out.splitlines()[0][:41]) == (0, "local/shop:shop/cart.py:1: definition: de")
    assert run("usages", "add_to_cart", "--repository", "local/bank", "--json")[1]["total"] == 1
    assert run("context", "bank/account.py:2", "--json")[1]["enclosing"]["name"] == "open_account"
    assert run("context", "bank/account.py:2", "--repository", "local/bank", "--json")[1]["path"] == "bank/account.py"
    assert run("outline", "--repository", "local/shop", "--json")[1]["files"][0]["path"] == "shop/cart.py"
    assert run("outline", "bank", "--json")[1]["total"] == 1
    assert run("similar", "shop/cart.py:1", "--json")[1]["hits"][0]["repository"] == "local/bank"
    assert run("similar", "open_account", "--repository", "local/bank", "--repository", "local/shop", "--json")[0] == 0


def test_what_is_stored(run):
    code, listed, _ = run("list", "--json")
    assert (code, [one["name"] for one in listed["repositories"]]) == (0, ["local/bank", "local/shop"])
    assert "local/shop  1 branch, 1 file" in run("list", "--repository", "local/shop")[1]
    status = run("status", "--repository", "local/shop", "--json")[1]["repositories"]
    assert [(one["repository"], one["views"][0]["files"]) for one in status] == [("local/shop", 1)]
    assert run("status")[1].startswith("local/bank\n* (no branch)")
    assert run("remove", "--repository", "local/shop", "--json")[1]["error"]["code"] == "confirmation_needed"
    assert run("remove", "--all", "--repository", "local/shop", "--json")[1]["error"]["code"] == "invalid_arguments"
    assert run("remove", "--repository", "local/shop", "--yes", "--json")[1]["removed"][0]["name"] == "local/shop"
    assert run("remove", "../bank", "--yes")[0] == 0
    assert run("list")[0] == 1
    assert run("search", "anything", "--json")[1]["error"]["code"] == "view_not_found"


def test_without_a_database(run, monkeypatch):
    monkeypatch.delenv("CODETRIEVER_DATABASE_URL")
    assert run("search", "x", "--repository", "local/shop", "--json")[1]["error"]["code"] == "invalid_arguments"
