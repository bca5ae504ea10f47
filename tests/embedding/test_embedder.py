"""Is everything looked at that an embedder answers, whoever wrote it?"""

import numpy as np
import pytest

from codetriever.embedding.embedder import embed_question, embed_texts
from codetriever.errors import EmbedderFailed, ModelUnavailable


class Plain:
    """The three members that an author writes."""

    model = "plain-1"
    dimensions = 3

    def __init__(self, answer):
        self._answer = answer

    def embed(self, texts):
        return self._answer(texts)


class Asking(Plain):
    """One that treats questions differently."""

    def embed_query(self, text):
        return self._answer([text])[0] * np.array([1, -1, 1], np.float32)


def ones(texts):
    return np.full((len(texts), 3), 1 / np.sqrt(3), np.float32)


def test_rows_are_given_on_as_they_are():
    assert np.array_equal(embed_texts(Plain(ones), ["a", "b"]), ones("ab"))
    assert np.array_equal(embed_question(Plain(ones), "a"), ones("a")[0])
    assert embed_question(Asking(ones), "a")[1] < 0


@pytest.mark.parametrize("answer", [lambda texts: ones(texts) * 7, lambda texts: (ones(texts) * 2).tolist(), lambda texts: ones(texts) / 9])
def test_rows_are_brought_to_unit_length(answer):
    rows = embed_texts(Plain(answer), ["a", "b"])
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-6)


def test_a_zero_row_is_a_text_without_meaning():
    rows = embed_texts(Plain(lambda texts: np.array([[0, 0, 0], [0, 2, 0]], np.float32)), ["", "b"])
    assert rows.tolist() == [[0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda texts: ones(texts)[:1], r"answered \(1, 3\) where \(2, 3\)"),
        (lambda texts: ones([*texts, "c"]), r"\(3, 3\)"),
        (lambda texts: ones(texts)[:, :2], r"\(2, 2\)"),
        (lambda texts: ones(texts)[0], r"\(3,\)"),
        (lambda texts: None, "numbers that are none|answered"),
        (lambda texts: ones(texts) * np.nan, "numbers that are none"),
        (lambda texts: ones(texts) * np.inf, "numbers that are none"),
        (lambda texts: [["a"] * 3] * 2, "failed: ValueError"),
        (lambda texts: [[1], [1, 2]], "failed: ValueError"),
        (lambda texts: 1 / 0, "failed: ZeroDivisionError"),
    ],
)
def test_what_is_no_answer_is_refused(answer, message):
    with pytest.raises(EmbedderFailed, match=message) as raised:
        embed_texts(Plain(answer), ["a", "b"])
    assert "plain-1" in raised.value.message


def test_errors_of_ours_are_not_wrapped():
    def missing(_):
        raise ModelUnavailable("gone")

    with pytest.raises(ModelUnavailable, match="gone"):
        embed_question(Asking(missing), "a")
