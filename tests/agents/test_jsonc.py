"""Members of JSON with comments are added and removed, and nothing else changes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.agents.jsonc import Unreadable, parse, with_member, without_member

VALUE = {"command": "codetriever", "args": ["mcp"]}
PATH = ("mcpServers",)

TEXTS = [
    '{\n  "mcpServers": {\n    "other": {\n      "command": "x" // why\n    }\n  }\n}\n',
    '// mine\n{\n\t"theme": "dark", /* night */\n\t"mcpServers": {\n\t\t"other": {"command": "x"},\n\t},\n}\n',
    '{"a": 1, "mcpServers": {"other": {}}}',
    '{"a": 1}',
    '{"a": [1, {"b": "}"}], "c": "// no comment \\" {"}\n',
    "{\n  a: 'single', // JSON5\n  \"b\": null\n}\n",
    '{\r\n    "a": true\r\n}\r\n',
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_added_can_be_removed_without_a_trace(text):
    added = with_member(text, PATH, "codetriever", VALUE)
    assert parse(added)["mcpServers"]["codetriever"] == VALUE
    assert with_member(added, PATH, "codetriever", VALUE) == added
    assert without_member(added, PATH, "codetriever") == text


@pytest.mark.parametrize("text", TEXTS)
def test_comments_and_order_are_kept(text):
    added = with_member(text, PATH, "codetriever", VALUE)
    for kept in ("// mine", "/* night */", "// why", "// JSON5"):
        assert (kept in added) == (kept in text)


def test_a_file_that_is_not_there_is_made():
    made = with_member("", PATH, "codetriever", VALUE)
    assert json.loads(made) == {"mcpServers": {"codetriever": VALUE}}
    assert parse(without_member(made, PATH, "codetriever")) == {}


def test_a_changed_entry_is_replaced_in_its_place():
    text = '{\n  "mcpServers": {\n    "codetriever": {"command": "old"}, // ours\n    "b": 1\n  }\n}\n'
    changed = with_member(text, PATH, "codetriever", VALUE)
    assert parse(changed)["mcpServers"] == {"codetriever": VALUE, "b": 1}
    assert "// ours" in changed


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"a" 1}', '{"a": }', '{"a": 1} x', "nonsense", '{"a": 1 "b": 2}', '{"mcpServers": 5}', "[" * 1000]
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(Unreadable):
        with_member(text, PATH, "codetriever", VALUE)


NAMES = st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(
    whole=st.dictionaries(NAMES, VALUES, max_size=4),
    servers=st.dictionaries(NAMES, VALUES, min_size=1, max_size=3),
    indent=st.sampled_from([None, 0, 2, "\t"]),
)
def test_any_json(whole, servers, indent):
    servers.pop("codetriever", None)
    whole["mcpServers"] = servers or {"other": 1}
    text = json.dumps(whole, indent=indent)
    assert parse(text) == whole
    added = with_member(text, PATH, "codetriever", VALUE)
    assert parse(added) == {**whole, "mcpServers": {**whole["mcpServers"], "codetriever": VALUE}}
    assert without_member(added, PATH, "codetriever") == text


@given(st.text(alphabet="{}[]\",:/*\\'\n ab1", max_size=40))
def test_any_text_is_edited_or_refused(text):
    try:
        added = with_member(text, PATH, "codetriever", VALUE)
    except Unreadable:
        return
    assert parse(added)["mcpServers"]["codetriever"] == VALUE
