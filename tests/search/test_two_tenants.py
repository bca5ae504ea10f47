"""Two tenants with the same repository, branch, paths and bytes: neither sees, overwrites or counts what is the other's."""

import pytest
from tests.search.conftest import write

import codetriever
from codetriever import upkeep
from codetriever.config import load_settings
from codetriever.errors import KeyNotFound, RepositoryNotFound, SymbolNotFound

pytest.importorskip("psycopg")

SAME = "def shared_by_both(path):\n    '''Read a file that both have.'''\n    return open(path).read()\n"
OWN = "def only_{name}_has(this):\n    '''Launch the {name} rocket.'''\n    return '{name}-secret'\n"
TEXTS = {name: OWN.format(name=name) for name in ("ours", "theirs")}


@pytest.fixture
def tenants(database_url, tmp_path):
    """Each with a checkout of its own of what is called the same: {name: (connection, checkout)}."""
    with codetriever.connect(database_url) as connection:
        connection.tenants.create("theirs")
        found = {"ours": connection, "theirs": connection.as_tenant("theirs")}
        roots = {name: tmp_path / name / "code" for name in found}
        for name, one in found.items():
            write(roots[name], {"same.py": SAME, "own.py": TEXTS[name]})
            with one.open(roots[name]) as index:
                index.refresh()
        yield {name: (found[name], roots[name]) for name in found}


@pytest.mark.parametrize("name", ["ours", "theirs"])
@pytest.mark.parametrize("how", ["checkout", "name", "all"])
def test_every_question_is_answered_from_ones_own(tenants, name, how):
    connection, root = tenants[name]
    other = "theirs" if name == "ours" else "ours"
    openers = {
        "checkout": lambda: connection.open(root),
        "name": lambda: connection.search_in("local/code"),
        "all": lambda: connection.search_in(),
    }
    with openers[how]() as index:
        texts = [hit.text for query in ("launch the rocket", "secret", f"only_{other}_has") for hit in index.search(query, limit=50).hits]
        assert texts
        assert not any(f"{other}-secret" in text for text in texts)
        assert index.search(f'"{other}-secret"').total == 0
        assert index.usages(f"only_{other}_has").total == 0
        assert index.usages("shared_by_both").total == 1
        assert index.context("own.py:1").enclosing.name == f"only_{name}_has"
        assert {one.name for file in index.outline().files for one in file.definitions} == {"shared_by_both", f"only_{name}_has"}
        assert not any(f"{other}-secret" in hit.text for hit in index.similar("same.py:1", limit=50).hits)
        with pytest.raises(SymbolNotFound):
            index.similar(f"only_{other}_has")
        (repository,) = index.status()["repositories"]
        assert [(view["files"], view["generation"]) for view in repository["views"]] == [(2, 1)]


def test_nothing_is_counted_twice_or_for_another(tenants):
    for connection, _ in tenants.values():
        numbers = connection.repositories.statistics()
        assert (numbers.repositories, numbers.branches, numbers.files, numbers.blobs, numbers.chunks) == (1, 1, 2, 2, 2)
        assert [one.chunks for one in connection.repositories.list()] == [2]


def test_what_one_changes_leaves_the_other_as_it_was(tenants, database_url):
    (ours, root), (theirs, _) = tenants["ours"], tenants["theirs"]
    (root / "same.py").unlink()
    with ours.open(root) as index:
        index.refresh()
    ours.repositories.rename("local/code", "local/renamed")
    with pytest.raises(RepositoryNotFound):
        theirs.repositories.get("local/renamed")
    with theirs.search_in("local/code") as index:
        assert index.usages("shared_by_both").total == 1
    ours.repositories.remove("local/renamed")
    assert theirs.repositories.statistics().chunks == 2
    settings = load_settings(flags={"database_url": database_url}, environ={})
    upkeep.clean(settings, unused_days=0)
    upkeep.compact(settings)
    with theirs.search_in() as index:
        assert index.search("launch the rocket").hits[0].name == "only_theirs_has"


def test_jobs_keys_and_the_record_are_ones_own(tenants):
    (ours, root), (theirs, other_root) = tenants["ours"], tenants["theirs"]
    jobs = [connection.jobs.submit(folder=str(folder)) for connection, folder in ((ours, root), (theirs, other_root))]
    assert jobs[0].repository == jobs[1].repository
    assert [[job.id for job in connection.jobs.list()] for connection in (ours, theirs)] == [[jobs[0].id], [jobs[1].id]]
    assert ours.jobs.counts() == theirs.jobs.counts()
    assert sum(ours.jobs.counts().values()) == 1
    ours.jobs.cancel(str(jobs[0].id))
    assert theirs.jobs.get(str(jobs[1].id)).state == "pending"
    key = theirs.keys.create("robot")
    with pytest.raises(KeyNotFound):
        ours.keys.revoke("robot")
    assert ours.keys.list() == []
    assert ours.keys.check(key.secret).tenant_id == str(theirs.tenant)
    assert [entry.action for entry in theirs.tenants.audit()] == ["create key"]
    assert "create key" not in [entry.action for entry in ours.tenants.audit()]
