"""How do term vectors learn which words of a question mean which words of code?"""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")

from training.contrast import Encoded, join, to_bags, train, word_scores
from training.parameters import Parameters


def test_texts_stay_what_they_are_when_they_are_joined_and_chosen(embedder):
    first = to_bags([{"session": 2}, {"token": 1, "xml": 1}], embedder)
    second = to_bags([{"unknown": 1}, {"renew": 1}], embedder)
    joined = join([first, second])
    assert joined.starts.tolist() == [0, 1, 3, 3, 4]
    chosen = joined.select(np.array([3, 0]))
    assert chosen.rows.tolist() == [3, 0]
    assert chosen.weights.tolist() == pytest.approx([1.0, 1.0 + np.log(2)])
    assert chosen.starts.tolist() == [0, 1, 2]


def test_the_words_of_a_question_find_the_code_that_has_them(embedder):
    everything = np.arange(3)
    asked = to_bags([{"session": 1}, {"xml": 1, "token": 1}, {"renew": 1}], embedder).take(everything)
    code = to_bags([{"session": 3, "token": 1}, {"xml": 1, "token": 1}, {"token": 9}], embedder).take(everything)
    scores = word_scores(asked, code, 4).numpy()
    assert scores[0].tolist() == [1.0, 0.0, 0.0]
    assert scores[1].argmax() == 1
    assert scores[1, 2] > 0
    assert scores[2].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("sum_share", [0.0, 0.5, 1.0])
def test_words_that_go_together_end_up_together(embedder, sum_share):
    asked = to_bags([{"session": 1}, {"token": 1}] * 32, embedder)
    code = to_bags([{"xml": 1}, {"renew": 1}] * 32, embedder)
    encoded = Encoded(asked, code, np.zeros(64, np.int32), np.array([0, 1] * 32, np.int32))
    start = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    learned = train(start, encoded, Parameters(epochs=30, batch=32, learning_rate=0.05, sum_share=sum_share))
    session, token, xml, renew = learned / np.linalg.norm(learned, axis=1, keepdims=True)
    assert session @ xml > session @ renew + 0.5
    assert token @ renew > token @ xml + 0.5
