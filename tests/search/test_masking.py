"""No text that is shown holds a key, whatever shows it."""

import pytest

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
SOURCE = f'''import os

GITHUB_TOKEN = "{KEY}"


def connect(token="{KEY}"):
    """Connect with {KEY}."""
    return token, GITHUB_TOKEN
'''


@pytest.fixture
def index(indexed):
    return indexed({"connect.py": SOURCE, "other.py": "def connect_all(token):\n    return connect(token)\n"})


def test_the_key_is_one_that_is_masked(index):
    assert "*" * len(KEY) in index.search("connect").hits[0].text


def test_no_answer_shows_the_key(index):
    shown = [
        index.search("connect with a token"),
        index.search("connect with a token", max_tokens=60),
        index.search(KEY, exact=True),
        index.search(f'"{KEY[:12]}"'),
        index.usages("GITHUB_TOKEN"),
        index.usages("connect"),
        index.similar("connect_all"),
        index.context("connect.py:8", radius=9),
        index.context("connect.py:1"),
        index.outline("connect.py"),
        index.lines(index.search("connect").hits[0], radius=3),
    ]
    for answer in shown:
        text = repr(answer).replace(repr(KEY), "") if getattr(answer, "query", "") == KEY else repr(answer)
        assert KEY not in text
        assert KEY[8:] not in text


def test_the_answer_to_a_key_is_found_but_not_shown(index):
    answer = index.search(KEY, exact=True)
    assert answer.total == 1
    assert KEY not in answer.hits[0].text


def test_a_key_that_the_end_of_a_long_line_would_cut_is_masked_before(indexed):
    for distance in range(155, 200, 11):
        line = "use(needle)" + " " * distance + KEY + " " + "x" * 5000
        (usage,) = indexed({"a.py": line + "\n"}).usages("needle").usages
        assert "ghp_" not in usage.text, distance
        line = "x" * 5000 + " " + KEY + " " * distance + "use(needle)"
        (usage,) = indexed({"a.py": line + "\n"}).usages("needle").usages
        assert "7R8" not in usage.text, distance


def test_masking_moves_no_line_and_no_byte(index):
    hit = index.search("connect with a token", paths=["connect.py"]).hits[0]
    original = SOURCE.encode()[hit.byte_start : hit.byte_end].decode()
    assert len(hit.text) == len(original)
    assert hit.text.count("\n") == original.count("\n")
