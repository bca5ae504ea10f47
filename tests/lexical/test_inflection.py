"""What is the base form of a word?"""

import pytest

from codetriever.lexical.inflection import base_form


@pytest.mark.parametrize(
    ("forms", "base"),
    [
        ("sessions", "session"),
        ("caches cached caching", "cache"),
        ("files filed filing", "file"),
        ("runs running", "run"),
        ("stopped stopping stops", "stop"),
        ("handles handled handling", "handle"),
        ("updates updated updating", "update"),
        ("uses used using", "use"),
        ("matches matched matching", "match"),
        ("boxes boxed boxing", "box"),
        ("classes", "class"),
        ("addresses addressed", "address"),
        ("queries queried", "query"),
        ("tries tried", "try"),
        ("aliases", "alias"),
        ("indices", "index"),
        ("indexes indexed indexing", "index"),
        ("encoded encoding", "encode"),
        ("resolved resolving", "resolve"),
        ("computed computing", "compute"),
        ("configured configuring", "configure"),
        ("closed closing", "close"),
        ("parsed parsing", "parse"),
        ("called calling", "call"),
        ("processed processing", "process"),
        ("loaded loading", "load"),
        ("opened opening", "open"),
        ("added adding", "add"),
        ("reads reading", "read"),
        ("created creating", "create"),
    ],
)
def test_forms_share_their_base(forms, base):
    assert {base_form(form) for form in forms.split()} == {base}
    assert base_form(base) == base


@pytest.mark.parametrize(
    "word",
    "string thing nothing status process class bus this is as its need embed feed red bed ping ring https redis i s ed ing axis ".split(),
)
def test_words_that_only_look_inflected_stay(word):
    assert base_form(word) == word
