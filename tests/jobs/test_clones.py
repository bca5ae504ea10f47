"""Clones that are kept between jobs: what is fetched again, who may use them, and which ones go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from tests.git_server import git
from tests.jobs.test_worker import FILES, HTTP, do_all, names

pytest.importorskip("psycopg")

from codetriever.config import Settings
from codetriever.corpus.clone import Address
from codetriever.errors import CloneFailed, PathNotFound
from codetriever.jobs import clones

if TYPE_CHECKING:
    from pathlib import Path

    from tests.git_server import GitServer
    from tests.jobs.conftest import Program

    from codetriever.connection import Connection

TENANT = UUID("00000000-0000-4000-8000-000000000001")
NOISE = {f"noise{number}.txt": f"{number} {uuid4()}\n" * 400 for number in range(40)}


def settings_for(folder: Path, most_bytes: int = 1 << 30) -> Settings:
    return Settings(store=str(folder / "store"), job_clones_bytes=most_bytes)


def fetched(settings: Settings, server: GitServer, name: str, otherwise: Path, tenant: UUID = TENANT) -> Path:
    url = f"{server.url}/{name}"
    with clones.kept_clone(settings, tenant, url, otherwise) as folder:
        clones.fetch_clone(Address(url), folder)
        return folder


def kept(settings: Settings) -> set[Path]:
    return {folder for folder in clones.clones_folder(settings).iterdir() if folder.is_dir()}


def test_the_next_job_fetches_what_is_new(connection: Connection, program: Program, server: GitServer) -> None:
    server.commit("one", FILES | NOISE)
    first = connection.jobs.submit("one", url=f"{server.url}/one", branch="main")
    do_all(program, **HTTP)
    (clone,) = (program.home / "store-job-clones").glob("*[!k]")
    old = {path: path.stat().st_ino for path in clone.glob("noise*")}
    packs = sum(path.stat().st_size for path in (clone / ".git").rglob("*.pack"))
    server.commit("one", {"src/new.py": "new = 1\n", "src/parse.py": None})
    second = connection.jobs.submit("one", url=f"{server.url}/one", branch="main")
    do_all(program, **HTTP)
    assert [connection.jobs.get(job.id).result for job in (first, second)] == ["completed", "completed"]
    assert {path: path.stat().st_ino for path in clone.glob("noise*")} == old
    assert sum(path.stat().st_size for path in (clone / ".git").rglob("*.pack")) < packs + 5_000
    assert names(connection, "one", "main") >= {"src/new.py", "src/render.py"}
    assert "src/parse.py" not in names(connection, "one", "main")
    server.commit("one", {"side.py": "side = 1\n"}, branch="side")
    side = connection.jobs.submit("one", url=f"{server.url}/one", branch="side")
    do_all(program, **HTTP)
    assert connection.jobs.get(side.id).result == "completed"
    assert "side.py" in names(connection, "one", "side") - names(connection, "one", "main")


def test_a_clone_that_another_job_has_is_left_to_it(tmp_path: Path, server: GitServer) -> None:
    server.commit("one", FILES)
    settings = settings_for(tmp_path)
    with clones.kept_clone(settings, TENANT, f"{server.url}/one", tmp_path / "a") as mine:
        assert mine.parent == clones.clones_folder(settings)
        assert fetched(settings, server, "one", tmp_path / "b") == tmp_path / "b"
        assert fetched(settings, server, "one", tmp_path / "c", uuid4()) != mine, "another tenant's is another"
    assert fetched(settings, server, "one", tmp_path / "d") == mine
    assert fetched(settings_for(tmp_path, 0), server, "one", tmp_path / "e") == tmp_path / "e"


def test_what_failed_or_was_killed_does_not_stay(tmp_path: Path, server: GitServer) -> None:
    server.commit("one", FILES)
    settings = settings_for(tmp_path)
    folder = fetched(settings, server, "one", tmp_path / "a")
    (folder / ".git" / "index.lock").touch()  # as git leaves it
    folder.with_suffix(".unfinished").touch()  # as we do
    assert fetched(settings, server, "one", tmp_path / "a") == folder
    assert git(folder, "status", "--short") == ""
    server.password = "something"
    with pytest.raises((CloneFailed, PathNotFound)):
        fetched(settings, server, "one", tmp_path / "a")
    assert kept(settings) == set()
    assert not folder.with_suffix(".unfinished").exists()


def test_the_clones_that_were_used_longest_ago_go(tmp_path: Path, server: GitServer) -> None:
    roomy = settings_for(tmp_path)
    found = []
    for number in range(4):
        server.commit(f"r{number}", FILES)
        found.append(fetched(roomy, server, f"r{number}", tmp_path / "x"))
        os.utime(found[-1].with_suffix(".lock"), (1000 + number, 1000 + number))
    folder = clones.clones_folder(roomy)
    sizes = [int(one.with_suffix(".lock").read_text()) for one in found]
    assert min(sizes) > sum(map(len, FILES.values()))
    assert clones.prune_clones(folder, sum(sizes)) == 0
    assert clones.prune_clones(folder, sum(sizes) - 1) == 1
    assert kept(roomy) == set(found[1:])
    with clones.kept_clone(roomy, TENANT, f"{server.url}/r1", tmp_path / "x"):
        assert clones.prune_clones(folder, sum(sizes[1:]) - 1) == 1
    assert kept(roomy) == {found[1], found[3]}, "one that a job has stays"
    assert fetched(settings_for(tmp_path, 1), server, "r2", tmp_path / "x") == found[2]
    assert kept(roomy) == set()
