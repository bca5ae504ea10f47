"""Is a checkout's index in a database found by name, and does it answer as the embedded one does?"""

import dataclasses
import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from tests.database import new_database
from tests.property.test_search_history import FILES, FILTERS, NAMES, QUESTIONS, TEXTS, steps, take_step
from tests.search.conftest import PROJECT, write

import codetriever
from codetriever.config import load_settings
from codetriever.errors import TenantNotFound, ViewNotFound

pytest.importorskip("psycopg")

HARBOUR_QUESTIONS = [
    "refresh a session",
    "retry a failed delivery",
    "Parcel",
    "settings",
    "error response",
    '"retry"',
    "port",
    "where are errors handled",
]


@pytest.fixture
def project(tmp_path):
    shutil.copytree(PROJECT, tmp_path / "harbour")
    return tmp_path / "harbour"


# Of pools that are not compared whole the last may differ, and with them what is decided by less than this.
NEAR = 0.01
ORDER_SIGNALS = ("words and vectors", "definition", "file name", "file", "role")


def order_score(hit):
    return sum(signal.effect for signal in hit.signals if signal.name in ORDER_SIGNALS)


def place(hit):
    """What a hit shows. Its name is not part of it: a hit of several chunks has that of the best, which the last digits may decide."""
    return hit.path, hit.start_line, hit.end_line, hit.text


def assert_alike(mine, other):
    """The same hits in the same order, but for those between which the order is a matter of the last digits."""
    assert (mine.total, mine.exhaustive, mine.weak, mine.note) == (other.total, other.exhaustive, other.weak, other.note)
    assert sorted(map(place, mine.hits)) == sorted(map(place, other.hits))
    theirs = {place(hit): hit for hit in other.hits}
    for hit, expected in zip(mine.hits, other.hits, strict=True):
        assert order_score(theirs[place(hit)]) == pytest.approx(order_score(expected), abs=NEAR)
        assert hit.score == pytest.approx(theirs[place(hit)].score, abs=NEAR)


def test_the_same_answers_as_the_embedded_store(project, tmp_path, database_url):
    with (
        codetriever.connect(database_url) as connection,
        codetriever.open(project, store=tmp_path / "store") as embedded,
        connection.open(project) as index,
    ):
        reports = [one.refresh() for one in (index, embedded)]
        assert (reports[0].files, reports[0].chunks) == (reports[1].files, reports[1].chunks)
        for question in HARBOUR_QUESTIONS:
            for filters in ({}, {"paths": ["api/", "!*settings*"]}, {"roles": ["test"]}):
                assert_alike(*(one.search(question, limit=100, explain=True, **filters) for one in (index, embedded)))
            for one in (index, embedded):
                assert one.search(question, limit=99, offset=1).hits == one.search(question, limit=100).hits[1:]
        assert index.usages("refresh").usages == embedded.usages("refresh").usages
        assert index.outline().files == embedded.outline().files
        assert index.context("api/sessions.py:10").enclosing == embedded.context("api/sessions.py:10").enclosing
        assert_alike(*(one.similar("api/sessions.py:10", limit=100, explain=True) for one in (index, embedded)))
        assert index.refresh().analysed_blobs == 0


@pytest.fixture(scope="module")
def connection(postgres_server):
    with new_database(postgres_server) as url, codetriever.connect(url) as opened:
        yield opened


# Of sixty functions that differ by a number the order hangs on the last digits of vectors, which are kept at half precision here.
TELLING = steps.map(lambda taken: [step for step in taken if step[0] != "switch" and step[-1] != TEXTS[3]])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(history=TELLING)
@example(history=[("write", name, TEXTS[1]) for name in NAMES[:3]] + [("refresh",), ("delete", NAMES[0]), ("refresh",)])
def test_any_edits_answer_in_the_same_order(history, connection, tmp_path_factory):
    folder = tmp_path_factory.mktemp("edits")
    root = folder / f"code-{folder.name}"  # the name of its repository in the database
    write(root, FILES)
    with codetriever.open(root, store=folder / "store") as embedded, connection.open(root) as index:
        for step in history:
            take_step(root, index, step)
        index.refresh()
        embedded.refresh()
        for question in QUESTIONS:
            for filters in FILTERS:
                assert_alike(*(one.search(question, limit=100, explain=True, **filters) for one in (index, embedded)))
    shutil.rmtree(folder)


def test_a_repository_is_named_by_its_origin(project, database_url):
    for words in (["init", "-q"], ["remote", "add", "origin", "git@github.com:harbour/parcels.git"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    with codetriever.connect(database_url) as opened, opened.open(project) as index:
        index.refresh()
        (repository,) = index.status()["repositories"]
    assert repository["store"].startswith("github.com/harbour/parcels in the database ")
    assert [view["root"] for view in repository["views"]] == [str(project)]


def test_what_is_not_indexed_is_said(project, database_url):
    with codetriever.connect(database_url) as opened, opened.open(project) as index:
        assert not index.is_indexed()
        with pytest.raises(ViewNotFound, match="local/harbour") as raised:
            index.search("anything")
    assert "--database-url" in raised.value.hint


def test_an_unknown_tenant_is_said(project, database_url):
    with codetriever.connect(database_url, "nobody") as opened, pytest.raises(TenantNotFound, match="nobody"):
        opened.open(project)


def test_two_tenants_have_their_own(project, database_url):
    import psycopg

    with psycopg.connect(database_url) as direct:
        direct.execute("SET LOCAL codetriever.manages_tenants = 'on'")
        direct.execute("INSERT INTO tenants VALUES ('00000000-0000-4000-8000-000000000002', 'other')")
    with codetriever.connect(database_url) as one, codetriever.connect(database_url, tenant="other") as other:
        with one.open(project) as index:
            index.refresh()
        with other.open(project) as index, pytest.raises(ViewNotFound):
            index.search("session")


def run(*words, **more):
    return subprocess.run([sys.executable, "-m", "codetriever", *words], capture_output=True, text=True, check=False, **more)


def test_the_command_line(project, database_url):
    named = ("--database-url", database_url, "--json")
    missing = run("search", "session", str(project), *named)
    assert (missing.returncode, json.loads(missing.stdout)["error"]["code"]) == (2, "view_not_found")
    assert run("index", str(project), *named).returncode == 0
    found = run("search", "refresh a session", str(project), *named)
    assert found.returncode == 0, found.stderr
    first = json.loads(found.stdout)["hits"][0]
    (project / "api" / "sessions.py").write_text("changed = True\n")
    assert json.loads(run("search", "refresh a session", str(project), *named).stdout)["hits"][0]["text"] == first["text"]
    status = json.loads(run("status", str(project), *named).stdout)
    assert status["repositories"][0]["size_bytes"] > 0
    assert run("search", "x", str(project), "--database-url", "postgresql://nobody@/x?host=/nowhere").returncode == 2


def test_the_address_is_shown_without_its_password():
    from codetriever.config import BY_NAME, format_value

    for url in ("postgresql://me:secret@host/name", "host=h password=secret user=me", "postgresql://me@host/name?password=secret&x=1"):
        shown = format_value(BY_NAME["database_url"], url)
        assert "secret" not in shown
        assert "me" in shown
    assert "secret" not in run("config", "show", "--database-url", "postgresql://me:secret@host/name").stdout
    assert "secret" not in run("config", "show", "--json", "--database-url", "postgresql://me:secret@host/name").stdout


def test_neither_the_package_nor_its_help_loads_the_driver():
    script = "import sys, codetriever\nfrom codetriever.cli.main import main\nmain(['--help'])\nassert 'psycopg' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def test_settings_name_the_database(project, database_url):
    settings_value = dataclasses.replace(load_settings(start=project), database_url=database_url)
    with codetriever.open(project, settings=settings_value) as index:
        index.refresh()
        assert index.search("session").total > 0
