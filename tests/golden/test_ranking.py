"""Which answers does a change of the ranking move?

`questions.txt` holds a question and the file that answers it per line; `answers.txt` the five best hits of each on `project/`. After
a deliberate change look at the difference that this test prints, and take it with

    python -m pytest tests/golden --accept
"""

import shutil
from pathlib import Path

import pytest

import codetriever

HERE = Path(__file__).parent
ANSWERS = HERE / "answers.txt"
QUESTIONS = dict(line.split(" => ") for line in (HERE / "questions.txt").read_text().splitlines())
SHOWN = 5
# Scores are kept with two digits; another processor's exponential function may round the last one otherwise.
SCORE_TOLERANCE = 0.0101


def ask_all(folder):
    shutil.copytree(HERE / "project", folder / "project")
    with codetriever.open(folder / "project", store=folder / "store") as index:
        index.refresh()
        return {question: answer(index, question) for question in QUESTIONS}


def answer(index, question):
    return [(f"{hit.path}:{hit.start_line}", round(hit.score, 2)) for hit in index.search(question, limit=SHOWN).hits]


def written(answers):
    blocks = [[question, *(f"  {score:.2f} {place}" for place, score in hits)] for question, hits in answers.items()]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def read(text):
    answers = {}
    for block in text.strip().split("\n\n"):
        question, *lines = block.split("\n")
        answers[question] = [(place, float(score)) for score, place in (line.split(maxsplit=1) for line in lines)]
    return answers


def is_same(before, after):
    return [place for place, _ in before] == [place for place, _ in after] and all(
        abs(old - new) <= SCORE_TOLERANCE for (_, old), (_, new) in zip(before, after, strict=True)
    )


def rank_of(wanted, hits):
    return next((rank for rank, (place, _) in enumerate(hits, 1) if place.rsplit(":", 1)[0] == wanted), 0)


def statistics(answers):
    """Return the mean reciprocal rank of the files that answer, and how many of them are first and among those shown."""
    ranks = [rank_of(wanted, answers.get(question, [])) for question, wanted in QUESTIONS.items()]
    reciprocal = sum(1 / rank for rank in ranks if rank) / len(ranks)
    return f"mean reciprocal rank {reciprocal:.3f}, first {ranks.count(1)}, shown {sum(map(bool, ranks))} of {len(ranks)}"


def difference(before, after):
    lines = [f"before: {statistics(before)}", f"after:  {statistics(after)}"]
    for question in QUESTIONS:
        old, new = before.get(question, []), after[question]
        if not is_same(old, new):
            lines += ["", question, *moves(old, new)]
    return "\n".join(lines)


def moves(old, new):
    """Describe what became of each hit: its rank and score before and after."""
    was = {place: (rank, score) for rank, (place, score) in enumerate(old, 1)}
    now = {place: (rank, score) for rank, (place, score) in enumerate(new, 1)}
    for place in dict.fromkeys([place for place, _ in (*new, *old)]):
        ranks = [f"{one[place][0]} ({one[place][1]:.2f})" if place in one else "-" for one in (was, now)]
        yield f"  {'  ' if was.get(place) == now.get(place) else '! '}{ranks[0]:>9} -> {ranks[1]:<9} {place}"


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return ask_all(tmp_path_factory.mktemp("golden"))


def test_the_answers_are_the_golden_ones(answers, request):
    if request.config.getoption("--accept", default=False):
        ANSWERS.write_text(written(answers))
    golden = read(ANSWERS.read_text())
    if golden.keys() != answers.keys() or not all(is_same(golden[question], hits) for question, hits in answers.items()):
        pytest.fail(
            f"the ranking changed\n{difference(golden, answers)}\n\n`python -m pytest tests/golden --accept` takes it", pytrace=False
        )


def test_most_questions_are_answered_by_the_file_that_answers_them(answers):
    ranks = [rank_of(wanted, answers[question]) for question, wanted in QUESTIONS.items()]
    assert ranks.count(1) >= 0.9 * len(ranks), statistics(answers)
    assert 0 not in ranks, [question for question, rank in zip(QUESTIONS, ranks, strict=True) if not rank]


def test_the_difference_names_what_moved():
    before = {question: [(f"{wanted}:1", 0.5), ("other:3", 0.25)] for question, wanted in QUESTIONS.items()}
    first = next(iter(QUESTIONS))
    after = before | {first: [("other:3", 0.6), (f"{QUESTIONS[first]}:1", 0.5)]}
    assert difference(before, before).count("\n") == 1
    assert difference(before, after).splitlines()[3:] == [
        first,
        "  !  2 (0.25) -> 1 (0.60)  other:3",
        f"  !  1 (0.50) -> 2 (0.50)  {QUESTIONS[first]}:1",
    ]
    assert read(written(after)) == after
