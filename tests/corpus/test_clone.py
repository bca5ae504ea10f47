"""Fetching what strangers name: limits, addresses, and what git must not do."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.git_server import GitServer, git, served

from codetriever.corpus.clone import Address, clone, is_branch_name, parse_address
from codetriever.corpus.git import locate
from codetriever.errors import CloneFailed, PathNotFound, SourceRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HTTP = ("http://",)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with served(tmp_path / "served") as server:
        yield server


def address(server: GitServer, name: str, *, allowed: tuple[str, ...] = HTTP, login: str = "") -> Address:
    return parse_address(server.url.replace("//", f"//{login}") + f"/{name}", allowed=allowed)


def test_the_newest_commit_of_the_repositorys_own_branch(server: GitServer, tmp_path: Path) -> None:
    server.commit("one", {"old.py": "old = 1\n"})
    head = server.commit("one", {"src/a.py": "a = 1\n", "old.py": None})
    cloned = clone(address(server, "one"), tmp_path / "clone")
    assert (cloned.branch, cloned.head) == ("main", head)
    assert sorted(path.name for path in (tmp_path / "clone").rglob("*.py")) == ["a.py"]
    assert git(tmp_path / "clone", "rev-list", "--count", "HEAD").strip() == "1"
    checkout = locate(tmp_path / "clone")
    assert (checkout.branch, checkout.head, checkout.origin) == ("main", head, f"{server.url}/one")


def test_a_clone_is_brought_up_to_date(server: GitServer, tmp_path: Path) -> None:
    server.commit("one", {"a.py": "a = 1\n", "gone.py": "gone = 1\n"})
    clone(address(server, "one"), tmp_path / "clone")
    (tmp_path / "clone/left.py").write_text("left = 1\n")
    head = server.commit("one", {"a.py": "a = 2\n", "gone.py": None})
    assert clone(address(server, "one"), tmp_path / "clone").head == head
    side = server.commit("one", {"side.py": "side = 1\n"}, branch="feature/side")
    cloned = clone(address(server, "one"), tmp_path / "clone", branch="feature/side")
    assert (cloned.branch, cloned.head) == ("feature/side", side)
    assert {path.name: path.read_text() for path in (tmp_path / "clone").glob("*.py")} == {"a.py": "a = 2\n", "side.py": "side = 1\n"}


def test_a_repository_without_a_commit(server: GitServer, tmp_path: Path) -> None:
    git(server.folder, "init", "-q", "-b", "main", "empty")
    assert clone(address(server, "empty"), tmp_path / "clone").head == ""


def test_what_is_not_there(server: GitServer, tmp_path: Path) -> None:
    server.commit("one", {"a.py": "a = 1\n"})
    with pytest.raises(PathNotFound, match="not found"):
        clone(address(server, "two"), tmp_path / "clone")
    with pytest.raises(PathNotFound, match="couldn't find remote ref refs/heads/nothing"):
        clone(address(server, "one"), tmp_path / "clone", branch="nothing")
    server.server_close()
    with pytest.raises(CloneFailed):
        clone(Address("http://127.0.0.1:9/one"), tmp_path / "clone")


def test_a_password_travels_as_a_header_and_is_told_nobody(server: GitServer, tmp_path: Path) -> None:
    server.commit("one", {"a.py": "a = 1\n"})
    server.password = "Basic " + base64.b64encode(b"me@x:s3cr:et").decode()
    with pytest.raises(PathNotFound, match="could not read Username"):
        clone(address(server, "one"), tmp_path / "none")
    with pytest.raises(PathNotFound) as raised:
        clone(address(server, "one", login="me%40x:wr0ng@"), tmp_path / "wrong")
    assert "wr0ng" not in str(raised.value)
    clone(address(server, "one", login="me%40x:s3cr%3Aet@"), tmp_path / "clone")
    assert (tmp_path / "clone/a.py").exists()
    for file in (tmp_path / "clone/.git").rglob("*"):
        assert not file.is_file() or b"s3cr" not in file.read_bytes(), file


def test_a_redirection_leads_nowhere_that_was_not_allowed(server: GitServer, tmp_path: Path) -> None:
    server.commit("one", {"a.py": "a = 1\n"})
    with served(tmp_path / "other") as other:
        other.redirect = server.url
        assert clone(address(other, "one"), tmp_path / "clone").branch == "main"
        for closed in (address(other, "one", allowed=(other.url,)), address(other, "one", login="me:secret@")):
            with pytest.raises(CloneFailed):
                clone(closed, tmp_path / "closed")


def test_what_is_too_large_is_refused(server: GitServer, tmp_path: Path) -> None:
    server.commit("large", {"noise.txt": os.urandom(300_000).hex()})
    with pytest.raises(SourceRefused, match="larger than 100,000 bytes"):
        clone(address(server, "large"), tmp_path / "large", max_bytes=100_000)
    server.commit("dense", {f"{number}.txt": "the same\n" * 1000 for number in range(100)})
    with pytest.raises(SourceRefused, match="has more than 500,000 bytes"):
        clone(address(server, "dense"), tmp_path / "dense", max_bytes=500_000)
    assert list((tmp_path / "dense").glob("*.txt")) == []


def test_what_takes_too_long_is_ended(server: GitServer, tmp_path: Path) -> None:
    server.commit("one", {"a.py": "a = 1\n"})
    server.delay_s = 3.0
    with pytest.raises(CloneFailed, match="longer"):
        clone(address(server, "one"), tmp_path / "clone", timeout_s=0.3)


def test_who_waits_may_end_it(server: GitServer, tmp_path: Path) -> None:
    server.commit("one", {"a.py": "a = 1\n"})
    server.delay_s = 3.0

    def enough() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clone(address(server, "one"), tmp_path / "clone", on_wait=enough)


def test_settings_and_hooks_of_others_do_nothing(server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.commit("one", {"a.py": "a = 1\n", ".gitattributes": "*.py filter=evil\n", ".gitmodules": "[submodule]\n"})
    settings = tmp_path / "config"
    settings.write_text(f'[filter "evil"]\n\tsmudge = touch {tmp_path}/ran\n[core]\n\thooksPath = {tmp_path}/hooks\n')
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "hooks/post-checkout").chmod(0o755)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    clone(address(server, "one"), tmp_path / "clone")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc", "/etc", "ssh://git@example.org/a", "git@example.org:a/b", "ext::sh -c true", "http://example.org/a", "https://", "",
        "https://example.org/a?x=1", "https://example.org/a#b", "https://example.org/a b", "https://[::1", "https://example.org:x/a",
        "-u https://example.org", "https://example.org\\@evil.org/a", "https://example.org/a\n", "fd::17", "https:///a",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SourceRefused):
        parse_address(url)


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://github.com/acme/app", True),
        ("https://GitHub.com/acme/app.git", True),
        ("https://github.com/acme", False),
        ("https://github.com/acmeless/app", False),
        ("https://github.com.evil.org/acme/app", False),
        ("https://github.com@evil.org/acme/app", False),
        ("https://github.com:444/acme/app", False),
        ("https://me:secret@github.com/acme/app", True),
        ("http://github.com/acme/app", False),
        ("https://github.com/acme/../other/app", False),
    ],
)
def test_an_operators_prefix_holds(url: str, is_allowed: bool) -> None:
    if not is_allowed:
        with pytest.raises(SourceRefused):
            parse_address(url, allowed=("https://github.com/acme",))
    else:
        assert parse_address(url, allowed=("https://github.com/acme",)).url.startswith("https://github.com/acme/app")


def test_secrets_are_not_in_what_is_said() -> None:
    with pytest.raises(SourceRefused) as raised:
        parse_address("ftp://me:s3cret@example.org/a")
    assert "s3cret" not in str(raised.value)
    assert parse_address("https://me:s3cret@example.org/a") == Address("https://example.org/a", "me:s3cret")
    assert parse_address("https://[::1]:8443/a").url == "https://[::1]:8443/a"


@given(st.text(alphabet="a/.@{-~^:\\ \x7f*[ül", max_size=8))
def test_names_of_branches_are_those_that_git_takes(name: str) -> None:
    import subprocess

    if not name.isascii() or not name:
        return
    known = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False).returncode == 0
    assert is_branch_name(name) == (known and not name.startswith("-") and name != "@")
