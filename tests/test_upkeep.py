"""What does cleaning take away, and what does it leave, in a folder and in a database?"""

import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from tests.search.conftest import write

import codetriever
from codetriever import operations, upkeep
from codetriever.config import load_settings
from codetriever.store.embedded.folder import repository_folder
from codetriever.store.embedded.store import writer_lock

CODE = {"a.py": "def first():\n    return 1\n", "b.py": "def second():\n    return 2\n"}
LONG_AGO = time.time() - 90 * 86_400


@pytest.fixture
def settings(tmp_path):
    return load_settings(flags={"store": str(tmp_path / "store")}, start=tmp_path, environ={})


def git(root, *words):
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", *words], cwd=root, check=True, capture_output=True)


def indexed(root, settings, files=CODE):
    write(root, files)
    with codetriever.open(root, settings=settings) as index:
        index.refresh()


def views(settings):
    from codetriever.config import store_folder

    return sorted(
        (view.key.root, view.key.branch) for index in operations.stored_indexes(store_folder(settings).path) for view in index.views
    )


def forget_uses(settings):
    """Make every index look as if nobody had used it for a long time."""
    for folder in Path(settings.store).iterdir():
        if folder.is_dir():
            with sqlite3.connect(folder / "catalog.sqlite") as catalog:
                catalog.execute("UPDATE views SET indexed_at = ?", (LONG_AGO,))
            for mark in (folder / "used").iterdir():
                os.utime(mark, (LONG_AGO, LONG_AGO))


def test_what_is_unused_goes(tmp_path, settings):
    for name in ("old", "new"):
        indexed(tmp_path / name, settings)
    forget_uses(settings)
    with codetriever.open(tmp_path / "new", settings=settings) as index:
        index.search("first")
    would = upkeep.clean(settings, dry_run=True)
    assert would.views == would.indexes == (str(tmp_path / "old"),)
    assert len(views(settings)) == 2, "a dry run changes nothing"
    done = upkeep.clean(settings)
    assert (done.views, done.indexes, done.skipped) == (would.views, would.indexes, ())
    assert done.after_bytes < done.before_bytes
    assert views(settings) == [(str(tmp_path / "new"), "")]
    assert upkeep.clean(settings, unused_days=0.0).indexes == (str(tmp_path / "new"),)
    assert upkeep.clean(settings).views == ()


def test_what_is_gone_from_disk_or_git_goes(tmp_path, settings):
    indexed(tmp_path / "plain", settings)
    write(tmp_path / "project", CODE)
    git(tmp_path / "project", "init", "-q", "-b", "main")
    git(tmp_path / "project", "add", ".")
    git(tmp_path / "project", "commit", "-qm", "all")
    indexed(tmp_path / "project", settings)
    git(tmp_path / "project", "switch", "-qc", "topic")
    indexed(tmp_path / "project", settings, {"topic.py": "def only_here():\n    return 3\n"})
    git(tmp_path / "project", "add", ".")
    git(tmp_path / "project", "commit", "-qm", "topic")
    git(tmp_path / "project", "switch", "-q", "main")
    assert upkeep.clean(settings).views == ()
    git(tmp_path / "project", "branch", "-qD", "topic")
    shutil.rmtree(tmp_path / "plain")
    done = upkeep.clean(settings)
    assert sorted(done.views) == [str(tmp_path / "plain"), f"{tmp_path / 'project'} on topic"]
    assert done.indexes == (str(tmp_path / "plain"),)
    assert views(settings) == [(str(tmp_path / "project"), "main")]
    with codetriever.open(tmp_path / "project", settings=settings) as index:
        assert index.usages("only_here").total == 0
        assert index.search("second").hits


def test_a_disk_that_is_not_there_now_keeps_its_index(tmp_path, settings):
    indexed(tmp_path / "disk" / "project", settings)
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    assert upkeep.clean(settings).views == ()


def test_what_is_being_written_stays(tmp_path, settings):
    indexed(tmp_path / "busy", settings)
    forget_uses(settings)
    with codetriever.open(tmp_path / "busy", settings=settings) as index:
        folder = repository_folder(tmp_path / "store", index.checkouts[0].identity)
    with writer_lock(folder, 0):
        done = upkeep.clean(settings)
        assert done.views == ()
        assert "being written" in done.skipped[0]
        assert "being written" in upkeep.compact(settings)[0].skipped
    assert upkeep.clean(settings).views == (str(tmp_path / "busy"),)


def test_compacting_a_folder(tmp_path, settings):
    for turn in range(6):
        indexed(tmp_path / "code", settings, {f"new{turn}.py": f"def number_{turn}():\n    return {turn}\n" * 20})
    with codetriever.open(tmp_path / "code", settings=settings) as index:
        before = index.search("number", limit=50).hits
    (done,) = upkeep.compact(settings)
    assert done.name == str(tmp_path / "code")
    assert done.after_bytes < done.before_bytes
    with codetriever.open(tmp_path / "code", settings=settings) as index:
        assert index.search("number", limit=50).hits == before
    numbers = upkeep.statistics(settings)
    assert (numbers["indexes"], numbers["views"], numbers["files"]) == (1, 1, 6)


# In a database


@pytest.fixture
def shared(tmp_path, database_url):
    pytest.importorskip("psycopg")
    settings = load_settings(flags={"database_url": database_url}, start=tmp_path, environ={})
    for name in ("old", "new"):
        indexed(tmp_path / name, settings)
    with codetriever.connect(database_url) as connection:
        connection.tenants.create("other")
    theirs = load_settings(flags={"database_url": database_url, "tenant": "other"}, start=tmp_path, environ={})
    indexed(tmp_path / "old", theirs)
    return settings


def names(settings, tenant=None):
    with codetriever.connect(settings.database_url, tenant) as connection:
        return [one.name for one in connection.repositories.list()]


def change(settings, statement, *values):
    """Run a statement in the name of the default tenant."""
    from codetriever.store.postgres.database import DEFAULT_TENANT, in_transaction

    with codetriever.connect(settings.database_url) as connection, connection.database.connection("write") as direct:
        in_transaction(direct, DEFAULT_TENANT, lambda: direct.execute(statement, values))


AGE = "UPDATE project_branches SET last_used = now() - interval '90 days' WHERE repository_id = "
ONE = "(SELECT repository_id FROM repositories WHERE name = 'local/old')"
WAITS = (
    "INSERT INTO indexing_jobs (tenant_id, job_id, repository, branch, source, correlation_id) VALUES"
    " ('00000000-0000-4000-8000-000000000001', gen_random_uuid(), 'local/old', '', 'folder', gen_random_uuid())"
)


def test_unused_branches_of_a_tenant_go(shared):
    assert upkeep.clean(shared).views == ()
    change(shared, AGE + ONE)
    assert upkeep.clean(shared, dry_run=True).views == ("local/old",)
    assert names(shared) == ["local/new", "local/old"]
    done = upkeep.clean(shared)
    assert done.views == ("local/old",)
    assert names(shared) == ["local/new", "local/old"], "a young repository may be about to be filled"
    change(shared, "UPDATE repositories SET created_at = now() - interval '90 days' WHERE name = 'local/old'")
    assert upkeep.clean(shared).indexes == ("local/old",)
    assert names(shared) == ["local/new"]
    assert names(shared, "other") == ["local/old"], "another tenant's is not touched"
    with codetriever.connect(shared.database_url) as connection:
        assert [entry.action for entry in connection.tenants.audit()][:2] == ["remove repository", "clean"]
        assert connection.repositories.statistics().blobs == 2


def test_what_a_job_may_list_stays(shared):
    change(shared, AGE + ONE)
    change(shared, WAITS)
    done = upkeep.clean(shared)
    assert (done.views, done.skipped) == ((), ("local/old: a job is not done with it",))
    change(shared, "UPDATE indexing_jobs SET state = 'cancelled'")
    assert upkeep.clean(shared).views == ("local/old",)


def test_what_is_being_written_in_a_database_stays(shared):
    from codetriever.store.postgres.store import open_store

    change(shared, AGE + ONE)
    with (
        codetriever.connect(shared.database_url) as connection,
        open_store(connection.database, "local/old", model="m", dimensions=3, tenant=connection.tenant).writer(),
    ):
        assert "being written" in upkeep.clean(shared).skipped[0]
        assert [one.name for one in upkeep.compact(shared) if one.skipped] == ["local/old"]
    assert upkeep.clean(shared).views == ("local/old",)


def test_compacting_a_database(shared, tmp_path):
    for turn in range(4):
        indexed(tmp_path / "new", shared, {f"new{turn}.py": f"def number_{turn}():\n    return {turn}\n" * 20})
    with codetriever.connect(shared.database_url) as connection, connection.search_in("local/new") as index:
        before = index.search("number", limit=50).hits
        rows = {one.name: one for one in upkeep.compact(shared)}
        assert rows["postings"].dead_rows_after == 0
        assert rows["postings"].before_bytes > 0
        assert index.search("number", limit=50).hits == before
    numbers = upkeep.statistics(shared)
    assert numbers["repositories"] == 2
    assert {table["table"] for table in numbers["tables"]} >= {"blobs", "vectors", "postings"}
