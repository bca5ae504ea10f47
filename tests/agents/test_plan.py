"""Plans for every client: added, idempotent, and gone without a trace."""

import datetime
import json
import re
import tomllib

import pytest

from codetriever.agents import jsonc
from codetriever.agents.clients import CLIENTS, entry
from codetriever.agents.instructions import BEGIN, with_block, without_block
from codetriever.agents.plan import carry_out, chosen, installing, settings_file, snippet, uninstalling
from codetriever.errors import InvalidArguments, InvalidSetting

COMMAND = "/opt/codetriever"


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(path):
    text = path.read_text()
    return tomllib.loads(text) if path.suffix == ".toml" else jsonc.parse(text)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.name)
@pytest.mark.parametrize("scope", ["user", "project"])
def test_install_and_uninstall(client, scope, tmp_path):
    project = tmp_path if scope == "project" else None
    path = settings_file(client, tmp_path, project)
    if path is None:
        pytest.skip(f"{client.title} documents no file for a {scope}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# mine\na = 1\n" if client.is_toml else '{\n  // mine\n  "a": 1,\n}\n')
    (tmp_path / client.instructions).write_text("# Rules\n\nBe kind.\n")
    before = files_of(tmp_path)
    carry_out(installing([client], tmp_path, project, COMMAND))
    assert "mine" in path.read_text()
    found = read(path)
    for part in (*client.key, "codetriever"):
        found = found[part]
    assert found == entry(client, COMMAND)
    assert (BEGIN in (tmp_path / client.instructions).read_text()) == (scope == "project")
    after = files_of(tmp_path)
    assert all(change.does == "unchanged" for change in installing([client], tmp_path, project, COMMAND))
    carry_out(installing([client], tmp_path, project, COMMAND))
    assert files_of(tmp_path) == after
    carry_out(uninstalling([client], tmp_path, project))
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.name)
def test_files_that_were_made_go_again(client, tmp_path):
    for project in (None, tmp_path):
        carry_out(installing([client], tmp_path, project, COMMAND))
        carry_out(uninstalling([client], tmp_path, project))
        assert files_of(tmp_path) == {}


def test_a_sub_agent_is_written_where_it_is_documented_and_somebody_elses_stays(tmp_path):
    client = CLIENTS["claude-code"]
    helper = tmp_path / ".claude" / "agents" / "code-search.md"
    carry_out(installing([client], tmp_path, tmp_path, COMMAND))
    assert helper.read_text().startswith("---\nname: code-search\ndescription: ")
    helper.write_text("---\nname: code-search\n---\nMine.\n")
    carry_out(installing([client], tmp_path, tmp_path, COMMAND))
    carry_out(uninstalling([client], tmp_path, tmp_path))
    assert files_of(tmp_path) == {helper.relative_to(tmp_path): b"---\nname: code-search\n---\nMine.\n"}


def test_a_file_that_cannot_be_read_is_left_alone(tmp_path):
    (tmp_path / ".mcp.json").write_text("{ nonsense")
    with pytest.raises(InvalidSetting):
        list(installing([CLIENTS["claude-code"]], tmp_path, tmp_path, COMMAND))
    assert (tmp_path / ".mcp.json").read_text() == "{ nonsense"


def test_a_link_stays_a_link_and_rights_stay(tmp_path):
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "claude.json"
    real.write_text("{}\n")
    real.chmod(0o640)
    (tmp_path / ".claude.json").symlink_to(real)
    carry_out(installing([CLIENTS["claude-code"]], tmp_path, None, COMMAND))
    assert (tmp_path / ".claude.json").is_symlink()
    assert "codetriever" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_clients_are_found_by_what_they_leave(tmp_path):
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".config" / "zed").mkdir(parents=True)
    assert [client.name for client in chosen([], tmp_path)] == ["codex", "zed"]
    assert [client.name for client in chosen(["kiro", "kiro"], tmp_path)] == ["kiro"]
    with pytest.raises(InvalidArguments):
        chosen(["nobody"], tmp_path)


def test_snippets_are_what_would_be_written():
    assert json.loads(snippet(None, "x"))["mcpServers"]["codetriever"] == {"command": "x", "args": ["mcp"]}
    assert tomllib.loads(snippet(CLIENTS["codex"], "x"))["mcp_servers"]["codetriever"]["command"] == "x"
    assert json.loads(snippet(CLIENTS["vscode"], "x"))["servers"]["codetriever"]["type"] == "stdio"


def test_every_row_says_where_it_was_read():
    for client in CLIENTS.values():
        assert client.docs.startswith("https://")
        datetime.date.fromisoformat(re.match(r"[\d-]+", client.read)[0])
        assert client.user or client.project


@pytest.mark.parametrize("text", ["", "# Rules\n", "# Rules\nno line feed at the end", "a\n\n\n"])
def test_the_block_comes_and_goes(text):
    added = with_block(text)
    assert with_block(added) == added
    assert without_block(added) == text
    assert without_block(text) == text
