"""Tables of TOML are added and removed, and nothing else changes."""

import tomllib

import pytest

from codetriever.agents.tables import with_table, without_table

PATH = ("mcp_servers", "codetriever")
VALUES = {"command": 'C:\\Program Files\\"x"\\codetriever', "args": ["mcp"]}
TEXTS = [
    "",
    'model = "x"\n',
    '# mine\nmodel = "x" # why\n\n[mcp_servers.other]\ncommand = "y"\n',
    '[mcp_servers.other]\ncommand = "y"\n[mcp_servers.other.env]\nA = "1"\n\n# the last word\n',
    "[[list]]\na = 1\n\n\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_added_can_be_removed_without_a_trace(text):
    added = with_table(text, PATH, VALUES)
    assert tomllib.loads(added)["mcp_servers"]["codetriever"] == VALUES
    assert with_table(added, PATH, VALUES) == added
    assert without_table(added, PATH) == text


def test_what_follows_stays():
    text = '[mcp_servers.codetriever]\ncommand = "old"\n[mcp_servers.codetriever.env]\nA = "1"\n\n# about b\n[b]\nc = 1\n'
    assert without_table(text, PATH) == "\n# about b\n[b]\nc = 1\n"
    changed = with_table(text, PATH, VALUES)
    assert tomllib.loads(changed) == {"mcp_servers": {"codetriever": VALUES}, "b": {"c": 1}}
    assert "# about b" in changed


def test_other_spellings_are_known():
    for header in ('[mcp_servers."codetriever"]', "[ mcp_servers . codetriever ]", "[mcp_servers.codetriever] # ours"):
        text = f'{header}\ncommand = "old"\n'
        assert tomllib.loads(with_table(text, PATH, VALUES))["mcp_servers"]["codetriever"] == VALUES
        assert without_table(text, PATH) == ""


def test_what_cannot_be_changed_safely_is_refused():
    for text in ("nonsense = = 1", 'mcp_servers = { codetriever = { command = "x" } }\n'):
        with pytest.raises(tomllib.TOMLDecodeError):
            with_table(text, PATH, VALUES)
    with pytest.raises(tomllib.TOMLDecodeError):
        without_table('mcp_servers = { codetriever = { command = "x" } }\n', PATH)
