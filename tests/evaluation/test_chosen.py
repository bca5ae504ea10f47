"""Which questions is a repository asked, and what if there are none?"""

import subprocess

import pytest

from codetriever.corpus.git import locate
from codetriever.errors import InvalidArguments, PathNotFound, QuestionsMissing
from codetriever.evaluation.chosen import choose_questions
from codetriever.evaluation.history import head_commit
from codetriever.evaluation.questions import QuestionSet, save_questions


@pytest.fixture
def choose(tmp_path):
    def chosen(path, *, kinds=("commit", "comment"), most=200, seed=0, saved=None):
        copy = tmp_path / f"copy-{len(list(tmp_path.iterdir()))}"
        return choose_questions(
            locate(path), copy, kinds=kinds, most=most, seed=seed, saved=saved, max_bytes=10**6, tell=lambda *_told: None
        )

    return chosen


def queries(chosen):
    return {kind: [question.query for question in questions] for kind, questions in chosen.questions.items()}


def test_commits_and_comments_share_the_number_of_questions(project, choose):
    assert {kind: len(asked) for kind, asked in queries(choose(project)).items()} == {"commit": 6, "comment": 6}
    assert {kind: len(asked) for kind, asked in queries(choose(project, most=6)).items()} == {"commit": 3, "comment": 3}
    assert {kind: len(asked) for kind, asked in queries(choose(project, most=9)).items()} == {"commit": 5, "comment": 4}
    assert list(queries(choose(project, kinds=("comment",)))) == ["comment"]


def test_a_seed_chooses(project, choose):
    assert queries(choose(project, most=6, seed=3)) == queries(choose(project, most=6, seed=3))
    assert len({str(queries(choose(project, most=6, seed=seed))) for seed in range(5)}) > 1


def test_what_one_kind_lacks_the_other_asks(project, choose):
    for path in (project / "src").iterdir():
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if '"""' not in line))
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", "-C", project, *identity, "commit", "--quiet", "--all", "-m", "Say less"], check=True)
    assert {kind: len(asked) for kind, asked in queries(choose(project, most=6)).items()} == {"commit": 6}


def test_only_questions_of_the_folder_that_was_named(project, choose):
    (project / "other").mkdir()
    for path in ("pool", "mail"):
        (project / "src" / f"{path}.py").rename(project / "other" / f"{path}.py")
    asked = choose(project / "src").questions
    assert {span.path for questions in asked.values() for question in questions for span in question.spans} == {
        f"src/{name}.py" for name in ("retry", "parse", "draw", "sort")
    }


def test_files_that_changed_since_the_commit_are_not_asked_about_by_commits(project, choose):
    (project / "src" / "pool.py").write_text("# moved\n" + (project / "src" / "pool.py").read_text())
    asked = choose(project)
    assert "Close connections that waited too long" not in queries(asked)["commit"]
    assert len(queries(asked)["comment"]) == 6


def test_without_git_comments_ask(project, choose, tmp_path):
    plain = tmp_path / "plain"
    (project / "src").rename(plain)
    asked = choose(plain)
    assert list(asked.questions) == ["comment"]
    assert "no git repository" in asked.notes[0]
    with pytest.raises(QuestionsMissing, match="0 questions") as refused:
        choose(plain, kinds=("commit",))
    assert "no git repository" in refused.value.hint


def test_a_repository_without_a_commit_says_so(choose, tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path / "new"], check=True)
    with pytest.raises(QuestionsMissing) as refused:
        choose(tmp_path / "new")
    assert "no commit yet" in refused.value.hint


def test_git_that_is_missing_is_said(project, choose, monkeypatch):
    monkeypatch.setenv("PATH", "")
    asked = choose(project)
    assert list(asked.questions) == ["comment"]
    assert "not installed" in asked.notes[0]


def test_a_shallow_clone_is_said(project, choose, tmp_path):
    subprocess.run(["git", "clone", "--quiet", "--depth=2", f"file://{project}", tmp_path / "shallow"], check=True)
    asked = choose(tmp_path / "shallow")
    assert "shallow" in asked.notes[0]
    assert "comment" in asked.questions


def test_saved_questions_are_asked_of_their_commit_only(project, choose, tmp_path):
    saved = tmp_path / "questions.json"
    first = choose(project)
    everything = tuple(question for questions in first.questions.values() for question in questions)
    save_questions(saved, [QuestionSet("project", head_commit(project), everything)])
    assert queries(choose(project, saved=saved, seed=9)) == queries(first)
    (project / "src" / "pool.py").write_text("")
    again = choose(project, saved=saved)
    assert "left out" in again.notes[0]
    assert len(queries(again)["commit"]) == 5
    subprocess.run(["git", "-C", project, "checkout", "--quiet", "--force", "HEAD~1"], check=True)
    with pytest.raises(QuestionsMissing, match="other commits"):
        choose(project, saved=saved)


def test_a_file_without_questions_is_refused(project, choose, tmp_path):
    with pytest.raises(PathNotFound):
        choose(project, saved=tmp_path / "none.json")
    (tmp_path / "bad.json").write_text('{"repositories": [{"name": 1}]}')
    with pytest.raises(InvalidArguments):
        choose(project, saved=tmp_path / "bad.json")
