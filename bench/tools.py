"""Which tools are compared, and how is each one started?

Nothing about a machine is written here: the peer's Python and its model folder are given on the command line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

ASK = Path(__file__).parent / "ask.py"
WARM_UP = ("where is the configuration read", "open a connection", "ParseError")


@dataclass(frozen=True, slots=True)
class Tool:
    """A command line tool that indexes and searches a checkout. `ask` is its name in ask.py; tools of one `index` can share it."""

    name: str
    python: Path
    ask: str
    environment: Mapping[str, str] = field(default_factory=dict)
    index: str = ""

    def env(self, store: Path) -> dict[str, str]:
        """What the tool finds in its environment when its index is to lie under `store`."""
        return {**self.environment, "CODETRIEVER_STORE": str(store), "SEMBLE_CACHE_LOCATION": str(store)}

    def index_command(self, root: Path) -> list[str]:
        """Indexes and exits. The peer has no such verb, so it is asked a question on an empty cache."""
        if self.ask == "codetriever":
            return [*self._program("codetriever"), "index", str(root)]
        return [*self._program("semble"), "search", "open a connection", str(root)]

    def search_command(self, query: str, root: Path) -> list[str]:
        """Answers one question with ten hits as JSON, after looking for changed files."""
        if self.ask == "codetriever":
            return [*self._program("codetriever"), "search", "--limit", "10", "--json", "--", query, str(root)]
        return [*self._program("semble"), "search", "--top-k", "10", "--", query, str(root)]

    def help_command(self) -> list[str]:
        return [*self._program(self.ask.split("-")[0]), "--help"]

    def indexed_paths(self, store: Path) -> list[str] | None:
        """The files in the peer's index, relative to the checkout; None for a tool that does not keep them readable."""
        found = list(store.glob("*/index/metadata.json"))
        return list(json.loads(found[0].read_text())["files"]) if found else None

    def answer(
        self, root: Path, store: Path, questions: Sequence[str], *, limit: int = 10, rounds: int = 1, timeout_s: float = 3600
    ) -> dict[str, Any]:
        """What ask.py reports for these questions, asked in one process of the tool's own Python."""
        request = json.dumps({"questions": list(questions), "limit": limit, "rounds": rounds, "warm_up": WARM_UP})
        command = [str(self.python), str(ASK), self.ask, str(root), str(store)]
        environment = {**os.environ, **self.env(store)}
        done = subprocess.run(command, input=request, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name} on {root.name}: {done.stderr.strip().splitlines()[-1:]}")
        answers: dict[str, Any] = json.loads(done.stdout)
        return answers

    def _program(self, name: str) -> list[str]:
        script = self.python.with_name(name)
        return [str(script)] if script.exists() else [str(self.python), "-m", name]


def add_tool_options(parser: argparse.ArgumentParser) -> None:
    """The options that say where the tools are."""
    parser.add_argument("--peer-python", type=Path, help="a Python that has semble installed; without it the peer is left out")
    parser.add_argument("--peer-model", type=Path, help="folder of the peer's model, or of a stand-in for timing (SEMBLE_MODEL_NAME)")
    parser.add_argument("--only-peer", action="store_true", help="leave codetriever out")


def chosen_tools(options: argparse.Namespace, *, peer: str = "semble") -> list[Tool]:
    """Codetriever in this Python, and the peer where one was given."""
    tools = [] if options.only_peer else [Tool("codetriever", Path(sys.executable), "codetriever")]
    if options.peer_python:
        model = {"SEMBLE_MODEL_NAME": str(options.peer_model.resolve())} if options.peer_model else {}
        tools.append(Tool(peer, options.peer_python.absolute(), peer, {**model, "HF_HUB_OFFLINE": "1"}))
    return tools
