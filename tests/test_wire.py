"""How does a value look to a program?"""

import base64
import json
import os
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codetriever.types import Answer, Freshness, Hit, Role, Signal
from codetriever.wire import as_value, encode

HIT = Hit("src/a.py", 1, 2, 0, 10, 0.123456, "function", "f", "python", Role.CODE, "def f():\n")
ANSWER = Answer("q", (HIT,), 1, True, 3, Freshness(1.0, 2.0), 4.0)


def test_an_answer_has_the_promised_fields_in_order():
    value = as_value(ANSWER)
    assert list(value) == ["query", "hits", "total", "exhaustive", "generation", "freshness", "took_ms"]
    assert list(value["hits"][0]) == (
        ["path", "start_line", "end_line", "byte_start", "byte_end", "score", "kind", "name", "language", "role", "text"]
    )
    assert value["hits"][0]["score"] == 0.1235
    assert value["hits"][0]["role"] == "code"


def test_what_is_optional_is_there_when_there_is_something_to_say():
    hit = Hit("a", 1, 1, 0, 1, 0.5, "block", "", "c", "code", "x", "repo", "main", (Signal("words", 1.0, 0.5),))
    value = as_value(Answer("q", (hit,), 1, True, 3, Freshness(1.0, 2.0), 4.0, weak=True, note="why"))
    assert (value["weak"], value["note"]) == (True, "why")
    assert value["hits"][0]["repository"] == "repo"
    assert value["hits"][0]["signals"] == [{"name": "words", "value": 1.0, "effect": 0.5}]


def test_a_path_that_is_no_text_is_given_in_bytes_as_well():
    value = as_value(Hit(os.fsdecode(b"a\xff.py"), 1, 1, 0, 1, 0.5, "block", "", "c", "code", "x"))
    assert value["path"] == "a\ufffd.py"
    assert base64.b64decode(value["path_bytes"]) == b"a\xff.py"


def test_numbers_of_numpy_and_infinities():
    assert json.loads(encode({"a": np.int64(3), "b": np.float32(0.5), "c": float("inf")})) == {"a": 3, "b": 0.5, "c": None}


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_valid_json_that_no_terminal_obeys(text):
    raw = encode({"text": text, "path": text})
    decoded = raw.decode("utf-8")
    assert json.loads(decoded)["text"] == re.sub("[\ud800-\udfff]", "\ufffd", text)
    assert not re.search("[\x00-\x1f\x7f-\x9f]", decoded)
