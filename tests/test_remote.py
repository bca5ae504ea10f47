"""Repositories elsewhere: fetched when that is allowed, kept, refreshed when old, and gone when unused."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.git_server import served

import codetriever
from codetriever.config import Settings
from codetriever.errors import CloneFailed, PathNotFound, SourceRefused
from codetriever.remote import clones_folder, local_copy

PROGRAM = Path(sys.executable).with_name("codetriever")
POOL = "def close_idle_connections(pool):\n    pool.clear()\n"


@pytest.fixture
def server(tmp_path):
    with served(tmp_path / "served") as server:
        server.commit("one", {"pool.py": POOL})
        yield server


def settings(tmp_path, **more):
    return Settings(store=str(tmp_path / "store"), clone_addresses=more.pop("clone_addresses", "http://"), **more)


def age(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


def test_a_copy_is_kept_and_fetched_again_when_it_is_old(server, tmp_path):
    known = settings(tmp_path, clone_age_s=60.0)
    folder = local_copy(f"{server.url}/one", known)
    assert folder.parent == tmp_path / "store-clones" == clones_folder(known)
    assert folder.name.startswith("one-")
    server.commit("one", {"pool.py": None, "new.py": "new = 1\n"})
    asked = len(server.asked)
    assert local_copy(f"{server.url}/one", known) == folder
    assert (folder / "pool.py").exists()
    assert len(server.asked) == asked
    age(folder / ".git" / "codetriever-fetched", 61)
    local_copy(f"{server.url}/one", known)
    assert sorted(path.name for path in folder.glob("*.py")) == ["new.py"]


def test_what_is_not_allowed_is_not_asked_for(server, tmp_path):
    url = f"{server.url}/one"
    for allowed, address in (("", url), ("https://", url), (f"{server.url}/other", url), ("http://", url.replace("//", "//user:word@"))):
        with pytest.raises(SourceRefused) as refused:
            local_copy(address, settings(tmp_path, clone_addresses=allowed))
        assert "word" not in str(refused.value).replace("password", "")
    assert server.asked == []


def test_limits_hold_and_leave_nothing(server, tmp_path):
    server.commit("large", {"large.bin": "".join(map(chr, range(32, 127))) * 20_000})
    known = settings(tmp_path, clone_bytes=100_000)
    with pytest.raises(SourceRefused):
        local_copy(f"{server.url}/large", known)
    with pytest.raises(PathNotFound):
        local_copy(f"{server.url}/missing", known)
    assert not [path for path in clones_folder(known).iterdir() if path.is_dir()]


def test_an_old_copy_does_when_the_server_is_gone(server, tmp_path):
    known = settings(tmp_path, clone_age_s=0.0, clone_s=5.0)
    folder = local_copy(f"{server.url}/one", known)
    server.shutdown()
    server.server_close()
    assert local_copy(f"{server.url}/one", known) == folder
    with pytest.raises((CloneFailed, PathNotFound)):
        local_copy(f"{server.url}/two", known)


def test_copies_that_nobody_asked_for_go(server, tmp_path):
    server.commit("two", {"a.py": "a = 1\n"})
    first = local_copy(f"{server.url}/one", settings(tmp_path))
    age(first / ".git" / "codetriever-used", 31 * 86_400)
    second = local_copy(f"{server.url}/two", settings(tmp_path))
    assert second.is_dir()
    assert not first.exists()


def test_python_and_the_command_line_take_addresses(server, tmp_path):
    address = f"{server.url}/one"
    with codetriever.open(address, settings=settings(tmp_path)) as index:
        index.refresh()
        assert index.search("close idle connections").hits[0].path == "pool.py"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CODETRIEVER_")}
    environ = kept | {"CODETRIEVER_STORE": str(tmp_path / "store"), "CODETRIEVER_CONFIG": str(tmp_path / "none")}

    def search(*words):
        command = [PROGRAM, "search", "close idle connections", address, "--json", *words]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    found = search("--clone-addresses", "http://")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["hits"][0]["path"].endswith("pool.py")
    refused = search()
    assert refused.returncode == 2
    assert "clone_addresses" in json.loads(refused.stdout)["error"]["hint"]
