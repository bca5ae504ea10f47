"""Which descriptions of code does a checkout hold?"""

import subprocess

import pytest
from training.pairs import changed_chunk, clean_message, clean_subject, iter_pairs, path_text
from training.questions import build_postings, evaluate, hold_back

SOURCE = '''"""Where sessions are kept while their users are away."""


def refresh_session(token):
    """Renew the session of a token that is about to expire."""
    # Ask the server for a new token before the old one is gone.
    if token.expires < now():
        return renew(token)
    return token
'''


@pytest.fixture
def checkout(tmp_path):
    def git(*command):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *command], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "main")
    (tmp_path / "auth").mkdir()
    (tmp_path / "vendor").mkdir()
    (tmp_path / "auth" / "session.py").write_text(SOURCE)
    (tmp_path / "auth" / "other.py").write_text("def parse_xml(text):\n    tree = build(text)\n    return tree\n")
    (tmp_path / "vendor" / "session.py").write_text(SOURCE)
    git("add", ".")
    git("commit", "-m", "fix(auth): renew sessions before their tokens expire (#12)", "-m", "Users were thrown out in the middle of work.")
    return tmp_path


def test_every_kind_of_pair(checkout):
    pairs = {(pair.kind, pair.asked): pair.code for pair in iter_pairs(checkout, checkout)}
    doc = pairs["doc", "Renew the session of a token that is about to expire."]
    assert doc.startswith("refresh_session\n")
    assert "renew(token)" in doc
    assert "about to expire" not in doc
    assert pairs["inline", "Ask the server for a new token before the old one is gone."].lstrip().startswith("if token.expires")
    assert "refresh_session" not in pairs["name", "refresh_session"]
    assert ("path", "auth session") in pairs
    assert "renew(token)" in pairs["commit", "renew sessions before their tokens expire"]
    assert ("message", "Users were thrown out in the middle of work.") in pairs


def test_a_commit_leads_to_the_chunk_of_today_that_holds_its_lines(checkout):
    changed = [pair for pair in iter_pairs(checkout, checkout) if pair.kind == "change"]
    assert {pair.asked for pair in changed} == {"renew sessions before their tokens expire"}
    assert any(pair.code.startswith("auth session\n") and "return renew(token)" in pair.code for pair in changed)


def test_a_chunk_that_holds_few_of_the_added_lines_is_not_what_changed():
    diff = "a b\n" * 5 + "".join(f"+    added_line({number})\n" for number in range(9))
    chunks = [(f"chunk {held}", frozenset(f"added_line({number})" for number in range(held))) for held in (1, 2)]
    assert changed_chunk(diff, chunks) == ""
    assert changed_chunk(diff, [*chunks, ("all", frozenset(f"added_line({number})" for number in range(9)))]) == "all"
    assert changed_chunk("a b\n" * 5, chunks) == ""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("The cache was never emptied (#12),\nso it grew.\n\nSigned-off-by: A <a@b>", "The cache was never emptied , so it grew."),
        ("Signed-off-by: A <a@b> of somewhere else", ""),
        ("Fixes #12", ""),
        ("", ""),
    ],
)
def test_what_a_message_says_beyond_its_subject(body, said):
    assert clean_message(body) == said


def test_others_code_is_left_out(checkout):
    assert not [pair for pair in iter_pairs(checkout, checkout) if "vendor" in pair.place]


def test_pairs_are_the_same_each_time(checkout):
    assert list(iter_pairs(checkout, checkout)) == list(iter_pairs(checkout, checkout))


def test_questions_whose_answer_no_longer_holds_them(checkout, embedder):
    held = hold_back(checkout, checkout)
    by_kind = {question.kind: question for question in held.questions}
    assert by_kind["doc"].text == "Renew the session of a token that is about to expire."
    assert not any("about" in held.counts[chunk] for chunk in by_kind["doc"].chunks)
    assert by_kind["commit"].text == "renew sessions before their tokens expire"
    results = evaluate(held, build_postings(held), embedder)
    assert results["doc words"] == (1.0, 1)


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("feat(core): allow several roots (#123)", "allow several roots"),
        ("ABC-12 Close the pool when idle", "Close the pool when idle"),
        ("Bump lodash to 4.17", ""),
        ("Fix typo", ""),
        ("wip", ""),
    ],
)
def test_subjects_of_commits(subject, said):
    assert clean_subject(subject) == said


def test_the_words_of_a_path():
    assert path_text("src/a/b/session_store.py") == "a b session_store"
