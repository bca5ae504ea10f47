import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.evaluation.subjects import clean_subject, path_endings

FILES = path_endings(["src/net/pool.py", "src/net/retry.py", "Makefile", "docs/index.rst"])


@pytest.mark.parametrize(
    ("subject", "question"),
    [
        ("Close idle connections on module unload (#6123)", "Close idle connections on module unload"),
        ("fix(http): close idle connections on unload", "close idle connections on unload"),
        ("feat!: close idle connections on unload", "close idle connections on unload"),
        ("caddyhttp: Close idle connections on unload", "Close idle connections on unload"),
        ("net, http: close idle connections on unload", "close idle connections on unload"),
        ("[Fix #12] Close idle connections on unload", "Close idle connections on unload"),
        ("[core][net] Close idle connections on unload", "Close idle connections on unload"),
        ("LANG-1234: Close idle connections on unload", "Close idle connections on unload"),
        ("Close idle connections on unload, fixes #99", "Close idle connections on unload"),
        ("Close idle connections on unload. Closes owner/name#99", "Close idle connections on unload"),
        ("GH-45 close idle connections on unload", "close idle connections on unload"),
        (":bug: close idle connections on unload", "close idle connections on unload"),
        ("\U0001f41b close idle connections on unload", "close idle connections on unload"),
        ("Close idle connections in src/net/pool.py", ""),
        ("Close all the idle connections in src/net/pool.py", "Close all the idle connections"),
        ("Close all the idle connections in `pool.py`.", "Close all the idle connections"),
        ("net/pool.py: close idle connections on unload", "close idle connections on unload"),
        ("Decode utf-8 and sha-256 headers of old servers", "Decode utf-8 and sha-256 headers of old servers"),
        ("Support ISO-8859-1 in urlencoded bodies", "Support ISO-8859-1 in urlencoded bodies"),
        ("Call std::move on the returned buffer", "Call std::move on the returned buffer"),
    ],
)
def test_a_subject_is_cleaned_of_what_only_its_author_would_know(subject, question):
    assert clean_subject(subject, FILES) == question


@pytest.mark.parametrize(
    "subject",
    [
        "Bump actions/checkout from 3 to 4",
        "Release version 1.2.3 of the library",
        'Revert "Close idle connections on unload"',
        "Merge branch 'main' into feature of mine",
        "Fix typo in the docs of pool",
        "Apply suggestions from the code review",
        "Update changelog for the next release",
        "fix tests",
        "wip",
        "#123",
        "",
        "Close " + "very " * 60 + "idle connections",
    ],
)
def test_a_subject_that_describes_no_code_asks_nothing(subject):
    assert clean_subject(subject, FILES) == ""


def test_path_endings_name_a_file_by_every_end_of_its_path():
    assert path_endings(["a/b/c.py", "d"]) == {"a/b/c.py", "b/c.py", "c.py", "d"}


@given(st.text(max_size=120))
def test_any_subject_gives_a_tidy_question_or_none(subject):
    question = clean_subject(subject, FILES)
    assert question == " ".join(question.split())
    assert not question or len([word for word in question.split() if word]) >= 1
    assert "pool.py" not in question.split()
