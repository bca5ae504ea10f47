"""Are settings measured, and is nothing left behind?"""

import math
import tempfile
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from codetriever.config import load_settings
from codetriever.errors import CodetrieverError, InvalidArguments
from codetriever.evaluation.plot import plot
from codetriever.evaluation.trial import evaluate, ranking_share


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    return load_settings(flags={"store": str(tmp_path / "store")})


def test_each_ranking_is_measured_on_each_kind_of_question(project, settings, tmp_path):
    told = []
    found = evaluate(project, settings=settings, tell=lambda doing, done, total: told.append((doing, done, total)))
    assert [(one.kind, one.ranking) for one in found.measured] == [
        (kind, ranking) for kind in ("commit", "comment") for ranking in ("words", "vectors", "both")
    ]
    assert found.repository == "project"
    assert len(found.questions) == 12
    both = found.measured[2]
    assert both.questions == 6
    assert both.ndcg10 > 0.9  # six files that share no words
    assert both.recall10 == 1.0
    assert 0 < both.tokens < 500
    assert 0 < both.p50_ms <= both.p95_ms
    assert both.ndcg10_error < 0.1
    assert {doing for doing, _, _ in told} == {"files", "history", "indexing", "commit questions", "comment questions"}
    assert not list((tmp_path / "scratch").iterdir())


def test_the_index_that_there_is_never_sees_the_copy(project, settings, tmp_path):
    evaluate(project, settings=settings, kinds=("comment",), rankings=("both",))
    assert not (tmp_path / "store").exists() or not list((tmp_path / "store").glob("*/views/*"))


def test_a_database_that_others_share_is_left_alone(project, settings):
    nowhere = replace(settings, database_url="postgresql://nobody@nowhere.invalid/none")
    assert len(evaluate(project, settings=nowhere, rankings=("both",)).measured) == 2


def test_what_is_interrupted_leaves_nothing_behind(project, settings, tmp_path):
    def interrupt(doing, done, _total):
        if doing == "comment questions" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(project, settings=settings, tell=interrupt)
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize(("name", "share"), [("words", 0.0), ("vectors", 1.0), ("both", None), ("0.25", 0.25)])
def test_a_ranking_has_a_name_or_is_a_share(name, share):
    assert ranking_share(name) == share


@pytest.mark.parametrize("name", ["", "word", "1.01", "-0.1", "nan"])
def test_other_rankings_are_refused(name):
    with pytest.raises(InvalidArguments):
        ranking_share(name)


def test_a_plot_is_an_svg_with_a_row_for_each_setting(project, settings):
    found = evaluate(project, settings=settings, kinds=("commit",), rankings=("both", "0.2"))
    root = ElementTree.fromstring(plot(found))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sum(text.startswith("commit, static") for text in texts) == 2
    assert any("6 questions of its own" in text for text in texts)
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(bar.get("width")) >= 0
        assert math.isfinite(float(bar.get("width")))


def test_a_folder_that_does_not_exist_is_an_error(settings, tmp_path):
    with pytest.raises(CodetrieverError):
        evaluate(tmp_path / "nowhere", settings=settings)
