"""Which files an answer may come from: globs, languages, roles, folders, and several filters at once."""

import shutil
import subprocess

import pytest

import codetriever
from codetriever.errors import InvalidQuery

QUESTION = "session token refresh parcel route invoice"


def paths(answer):
    return {hit.path for hit in answer.hits}


def all_paths(index, **filters):
    return paths(index.search(QUESTION, limit=100, **filters))


@pytest.mark.parametrize(
    ("globs", "passes"),
    [
        (["*.go"], lambda path: path.endswith(".go")),
        (["api/"], lambda path: path.startswith("api/")),
        (["api/**"], lambda path: path.startswith("api/")),
        (["src/"], lambda path: "/src/" in path),
        (["/tests"], lambda path: path.startswith("tests/")),
        (["*.py", "*.rs"], lambda path: path.endswith((".py", ".rs"))),
        (["!*.md"], lambda path: not path.endswith(".md")),
        (["!tests/", "!*_test.go"], lambda path: not path.startswith("tests/") and not path.endswith("_test.go")),
        (["api/", "!errors.py"], lambda path: path.startswith("api/") and not path.endswith("errors.py")),
        (["billing/**/Invoice*.java"], lambda path: path.rsplit("/", 1)[-1] in ("Invoice.java", "InvoiceTest.java")),
    ],
)
def test_globs_let_through_what_they_would_ignore_in_a_gitignore(harbour, globs, passes):
    everything = all_paths(harbour)
    assert len(everything) > 15
    assert all_paths(harbour, paths=globs) == {path for path in everything if passes(path)}


@pytest.mark.parametrize(
    ("language", "ending"),
    [("python", ".py"), ("Go", ".go"), ("rs", ".rs"), ("ts", ".ts"), ("TypeScript", ".ts"), ("rust", ".rs"), ("markdown", ".md")],
)
def test_a_language_lets_its_files_through(harbour, language, ending):
    assert all_paths(harbour, languages=[language]) == {path for path in all_paths(harbour) if path.endswith(ending)}


@pytest.mark.parametrize("role", ["code", "test", "docs", "config"])
def test_a_role_lets_its_files_through(harbour, role):
    hits = harbour.search(QUESTION, limit=100).hits
    expected = {hit.path for hit in hits if hit.role == role}
    assert expected
    assert all_paths(harbour, roles=[role]) == expected


def test_filters_add_up(harbour):
    assert all_paths(harbour, languages=["python", "go"], roles=["test"], paths=["!tests/"]) == {"tracker/limiter_test.go"}


def test_one_filter_may_be_given_as_it_is(harbour):
    assert all_paths(harbour, paths="*.go", languages="go", roles="test") == {"tracker/limiter_test.go"}


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"paths": ["nowhere/"]}, "No indexed file passes the filters."),
        ({"paths": ["!*"]}, "No indexed file passes the filters."),
        ({"paths": ["*.go"], "languages": ["python"]}, "No indexed file passes the filters."),
        ({"languages": ["cobol"]}, "No indexed file is in cobol."),
        ({"roles": ["generated"]}, "No indexed file passes the filters."),
    ],
)
def test_a_filter_that_lets_nothing_through_gives_nothing_and_says_why(harbour, filters, reason):
    answer = harbour.search(QUESTION, **filters)
    assert (answer.hits, answer.total, answer.note) == ((), 0, reason)
    assert harbour.usages("Session", **filters).total == 0
    assert harbour.similar("def refresh(self): self.token = new_token()", **filters).hits == ()


def test_an_unknown_role_is_refused(harbour):
    with pytest.raises(InvalidQuery, match="'tests' is not a valid role") as refused:
        harbour.search("x", roles=["tests"])
    assert "code, test, docs, config, generated" in refused.value.hint


def test_filters_hold_for_literals_usages_and_similar(harbour):
    assert paths(harbour.search('"Session"', paths=["*.md"])) == {"docs/sessions.md"}
    assert {usage.path for usage in harbour.usages("Session", roles=["test"]).usages} == {"tests/test_sessions.py"}
    assert {hit.language for hit in harbour.similar("Session", languages=["go"]).hits} == {"go"}


def test_a_folder_that_was_opened_restricts_the_answer(harbour, tmp_path):
    root = harbour.checkouts[0].root
    with codetriever.open(root / "api", store=tmp_path / "store") as part:
        part.refresh()
        found = part.search(QUESTION, limit=100)
        assert found.hits
        assert all((root / "api" / hit.path).exists() or hit.path.startswith("api/") for hit in found.hits)


def test_only_the_named_folders_and_files_of_a_repository_are_searched(tmp_path, harbour):
    root = tmp_path / "code"
    shutil.copytree(harbour.checkouts[0].root, root)
    subprocess.run(["git", "init", "-q", root], check=True)
    with codetriever.open(root / "api", root / "tracker" / "limiter.go", store=tmp_path / "store") as index:
        index.refresh()
        found = all_paths(index)
        assert "tracker/limiter.go" in found
        assert {path.split("/")[0] for path in found} == {"api", "tracker"}
        assert {path for path in found if path.startswith("tracker")} == {"tracker/limiter.go"}
        assert index.usages("Position").total == 0


@pytest.mark.parametrize("glob", ["[", "**[", "[[a]", "a**b", "!", "", "/", "***", "\0", "#x", "é/🦀*"])
def test_any_glob_is_understood(harbour, glob):
    assert harbour.search("session", paths=[glob]).total >= 0


@pytest.mark.parametrize("glob", ["[z-a]", "!!", "\\"])
def test_a_glob_that_means_nothing_is_refused(harbour, glob):
    with pytest.raises(InvalidQuery, match="pattern cannot be read"):
        harbour.search("session", paths=[glob])
