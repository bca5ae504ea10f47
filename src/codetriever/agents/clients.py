"""Which clients are there, and where does each keep its servers? Taken from their own documentation, or not in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "codetriever"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One row: a client, its documentation and when that was read, and the files that hold its servers.

    `user` is relative to the home folder, `project` to a repository's root; "" when the documentation names none. `shape` says how an
    entry is written: plain, typed (with "type": "stdio"), zed, opencode (one array), toml. `found_by` are paths in the home folder that
    show that the client is in use. `instructions` is the file of a project that it reads as instructions; `helpers` the folder, of a
    project or of the home folder, that it reads sub-agents from, as Markdown with a name and a description on top.
    """

    name: str
    title: str
    docs: str
    read: str
    key: tuple[str, ...] = ("mcpServers",)
    user: str = ""
    project: str = ""
    shape: str = "plain"
    found_by: tuple[str, ...] = ()
    instructions: str = "AGENTS.md"
    helpers: str = ""
    hint: str = ""

    @property
    def is_toml(self) -> bool:
        """Say whether its file is TOML; the others are JSON, perhaps with comments."""
        return self.shape == "toml"


CLIENTS: Final[Mapping[str, Client]] = {
    client.name: client
    for client in (
        Client(
            name="claude-code", title="Claude Code", docs="https://code.claude.com/docs/en/mcp", read="2026-11-22, in a copy of 2026-02-06",
            user=".claude.json", project=".mcp.json", found_by=(".claude.json", ".claude"), instructions="CLAUDE.md",
            helpers=".claude/agents",
            hint="`claude mcp list` shows it.",
        ),
        Client(
            name="codex", title="Codex", docs="https://github.com/openai/codex/blob/main/docs/config.md", read="2026-11-22, in a mirror",
            key=("mcp_servers",), user=".codex/config.toml", shape="toml", found_by=(".codex",), hint="/mcp shows it.",
        ),
        Client(
            name="continue", title="Continue", docs="https://docs.continue.dev/customize/deep-dives/mcp",
            read="2026-11-22, in its repository", project=".continue/mcpServers/codetriever.json", found_by=(".continue",),
            hint="Its agent mode alone uses servers.",
        ),
        Client(
            name="cursor", title="Cursor", docs="https://docs.cursor.com/context/model-context-protocol",
            read="2026-11-22, in a copy", user=".cursor/mcp.json", project=".cursor/mcp.json", found_by=(".cursor",),
        ),
        Client(
            name="gemini-cli", title="Gemini CLI", docs="https://github.com/google-gemini/gemini-cli/blob/main/docs/tools/mcp-server.md",
            read="2026-11-22", user=".gemini/settings.json", project=".gemini/settings.json", found_by=(".gemini",),
            instructions="GEMINI.md", hint="/mcp shows it.",
        ),
        Client(
            name="kiro", title="Kiro", docs="https://kiro.dev/docs/mcp/configuration", read="2026-11-22",
            user=".kiro/settings/mcp.json", project=".kiro/settings/mcp.json", found_by=(".kiro",),
        ),
        Client(
            name="opencode", title="OpenCode", docs="https://opencode.ai/docs/mcp-servers/", read="2026-11-22",
            key=("mcp",), user=".config/opencode/opencode.json", project="opencode.json", shape="opencode", found_by=(".config/opencode",),
        ),
        Client(
            name="qwen-code", title="Qwen Code", docs="https://qwenlm.github.io/qwen-code-docs/en/users/features/mcp/",
            read="2026-11-22", user=".qwen/settings.json", project=".qwen/settings.json", found_by=(".qwen",), helpers=".qwen/agents",
            hint="/mcp shows it.",
        ),
        Client(
            name="vscode", title="Visual Studio Code", docs="https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
            read="2026-11-22", key=("servers",), project=".vscode/mcp.json", shape="typed", found_by=(".vscode",),
            hint="The command MCP: List Servers shows it.",
        ),
        Client(
            name="windsurf", title="Windsurf", docs="https://docs.windsurf.com/windsurf/cascade/mcp", read="2026-11-22",
            user=".codeium/windsurf/mcp_config.json", found_by=(".codeium/windsurf",), hint="The refresh button of its MCP panel loads it.",
        ),
        Client(
            name="zed", title="Zed", docs="https://zed.dev/docs/ai/mcp", read="2026-11-22",
            key=("context_servers",), user=".config/zed/settings.json", shape="zed", found_by=(".config/zed",),
        ),
    )
}  # fmt: skip


def entry(client: Client, command: str) -> dict[str, Any]:
    """Return what a client's file says of the server that `command` starts."""
    if client.shape == "opencode":
        return {"type": "local", "command": [command, "mcp"], "enabled": True}
    plain: dict[str, Any] = {"command": command, "args": ["mcp"]}
    if client.shape == "typed":
        return {"type": "stdio"} | plain
    return {"source": "custom"} | plain | {"env": {}} if client.shape == "zed" else plain
