import pytest

from codetriever.evaluation.measures import Span
from codetriever.evaluation.questions import Question, QuestionSet, load_questions, save_questions


def test_sets_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "questions.json"
    question = Question("wie geht das, ключ?", (Span("a b.py", 1, 2), Span("c\udcff.py", 3, 3)), "python", "abc", "commit")
    sets = [QuestionSet("one", "abc", (question,)), QuestionSet("none", "def", ())]
    save_questions(path, sets)
    assert load_questions(path) == sets


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"repositories": [{"name": "a", "commit": "b", "questions": {}}]}'])
def test_anything_else_is_refused(tmp_path, text):
    path = tmp_path / "questions.json"
    path.write_text(text)
    with pytest.raises((KeyError, TypeError, ValueError)):
        load_questions(path)
