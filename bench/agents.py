"""What does the MCP server cost beside a bare server on the same SDK? agents.py CHECKOUT [--store FOLDER] [--starts N] [--servers N]

The bare server is the SDK's low-level server with one tool that does nothing. In the same run, alternating, it measures

  start     seconds from starting the process until `initialize` is answered, wall and processor time
  idle      resident memory after `initialize` and `tools/list`
  searched  resident memory after the same questions about CHECKOUT, which is indexed first
  servers   proportional memory of N servers on CHECKOUT, all asked the same, divided by N, against as many bare ones
  calls     the latency of calls to one warm server

Prints a table, and writes results/agents.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from report import MIB, keep, percentile, proportional_set_bytes, table

if TYPE_CHECKING:
    from collections.abc import Sequence

BARE = """
import anyio, mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

async def list_tools(context, params):
    return types.ListToolsResult(tools=[types.Tool(name="nothing", description="Do nothing.", input_schema={"type": "object"})])

async def call_tool(context, params):
    return types.CallToolResult(content=[types.TextContent(type="text", text="nothing")])

server = Server("bare", on_list_tools=list_tools, on_call_tool=call_tool)

async def serve():
    async with stdio_server() as (received, sent):
        await server.run(received, sent, server.create_initialization_options())

anyio.run(serve)
"""
QUESTIONS = ("read the configuration", "parse a packet header", "where is memory freed", "handle an interrupt", "open a file")


class Server:
    """A server as a process, spoken to in plain JSON-RPC."""

    def __init__(self, command: Sequence[str], *, cwd: Path, env: dict[str, str]) -> None:
        self._numbers = iter(range(1, 1 << 30))
        started = time.perf_counter()
        self.process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        about = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
        self.ask("initialize", about)
        self.start_s = time.perf_counter() - started
        self.cpu_s = _cpu_s(self.process.pid)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.ask("tools/list", {})

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        assert self.process.stdout is not None
        while True:
            said = json.loads(self.process.stdout.readline())
            if said.get("id") == number:
                if "error" in said or said["result"].get("isError"):
                    raise RuntimeError(said)
                return said["result"]

    def call(self, name: str, arguments: dict[str, Any]) -> float:
        """Call a tool; return the milliseconds it took."""
        started = time.perf_counter()
        self.ask("tools/call", {"name": name, "arguments": arguments})
        return (time.perf_counter() - started) * 1000.0

    def _send(self, said: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(said).encode() + b"\n")
        self.process.stdin.flush()

    @property
    def resident_mib(self) -> float:
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024 / MIB

    @property
    def proportional_mib(self) -> float:
        return proportional_set_bytes(self.process.pid) / MIB

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--store", type=Path, help="keep the index here")
    parser.add_argument("--starts", type=int, default=9)
    parser.add_argument("--servers", type=int, default=10)
    parser.add_argument("--name", default="agents", help="name of the file of results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="codetriever-mcp-") as folder:
        env = os.environ | {"CODETRIEVER_STORE": str(options.store or folder)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        program = Path(sys.executable).with_name("codetriever")
        subprocess.run([program, "index", options.checkout, "--yes", "--quiet"], env=env, check=True)
        commands = {"bare": [sys.executable, "-c", BARE], "codetriever": [str(program), "mcp"]}
        results = {
            "start": starts(commands, options.checkout, env, options.starts),
            "memory": memory(commands, options.checkout, env),
            "servers": several(commands, options.checkout, env, options.servers),
            "calls": calls(commands, options.checkout, env),
        }
    for rows in results.values():
        print(f"\n{table(rows)}")
    print(f"\nkept in {keep(options.name, results)}")


def starts(commands: dict[str, list[str]], cwd: Path, env: dict[str, str], count: int) -> list[dict[str, Any]]:
    """Alternating starts; the first of each warms the files up and does not count."""
    walls: dict[str, list[float]] = {name: [] for name in commands}
    cpus: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(count + 1):
        for name, command in commands.items():
            server = Server(command, cwd=cwd, env=env)
            walls[name].append(server.start_s)
            cpus[name].append(server.cpu_s)
            server.close()
    medians = {name: (statistics.median(walls[name][1:]), statistics.median(cpus[name][1:])) for name in commands}
    rows: list[dict[str, Any]] = [{"server": name, "start_s": wall, "cpu_s": cpu} for name, (wall, cpu) in medians.items()]
    beside = {column: rows[1][column] - rows[0][column] for column in ("start_s", "cpu_s")}
    return [*rows, {"server": "difference"} | beside]


def memory(commands: dict[str, list[str]], cwd: Path, env: dict[str, str]) -> list[dict[str, Any]]:
    bare = Server(commands["bare"], cwd=cwd, env=env)
    ours = Server(commands["codetriever"], cwd=cwd, env=env)
    row = {"bare_mib": bare.resident_mib, "idle_mib": ours.resident_mib}
    for question in QUESTIONS:
        ours.call("search", {"query": question})
    row["searched_mib"] = ours.resident_mib
    ours.call("find_usages", {"symbol": "main"})
    ours.call("outline", {"limit": 20})
    row["other_tools_mib"] = ours.resident_mib
    bare.close()
    ours.close()
    return [row]


def several(commands: dict[str, list[str]], cwd: Path, env: dict[str, str], count: int) -> list[dict[str, Any]]:
    """Proportional memory of each further server: what `count` of them take more than one does, divided."""
    rows = []
    for name, command in commands.items():
        with ExitStack() as exits:
            servers = []
            row: dict[str, Any] = {"server": name}
            for number in (1, count):
                while len(servers) < number:
                    servers.append(Server(command, cwd=cwd, env=env))
                    exits.callback(servers[-1].close)
                row[f"idle_{number}_mib"] = sum(server.proportional_mib for server in servers)
            row["each_further_idle_mib"] = (row[f"idle_{count}_mib"] - row["idle_1_mib"]) / (count - 1)
        if name != "bare":
            row |= searched(command, cwd, env, count)
        rows.append(row)
    return rows


def searched(command: list[str], cwd: Path, env: dict[str, str], count: int) -> dict[str, Any]:
    """The same of servers that have answered questions: one alone, then `count` of them."""
    row: dict[str, Any] = {}
    with ExitStack() as exits:
        servers = []
        for number in (1, count):
            while len(servers) < number:
                servers.append(Server(command, cwd=cwd, env=env))
                exits.callback(servers[-1].close)
                ask(servers[-1])
            row[f"searched_{number}_mib"] = sum(server.proportional_mib for server in servers)
    return row | {"each_further_searched_mib": (row[f"searched_{count}_mib"] - row["searched_1_mib"]) / (count - 1)}


def ask(server: Server) -> None:
    for question in QUESTIONS:
        server.call("search", {"query": question})


def calls(commands: dict[str, list[str]], cwd: Path, env: dict[str, str]) -> list[dict[str, Any]]:
    server = Server(commands["codetriever"], cwd=cwd, env=env)
    first_ms = server.call("search", {"query": QUESTIONS[0]})
    rows = []
    asked = {"search": ("query", QUESTIONS), "find_usages": ("symbol", ("probe", "suspend", "register_netdev", "of_match_table"))}
    for tool, (argument, words) in asked.items():
        took = [server.call(tool, {argument: word}) for word in words * 3]
        rows.append({"tool": tool, "first_ms": first_ms, "p50_ms": percentile(took, 0.5), "p95_ms": percentile(took, 0.95)})
    server.close()
    return rows


def _cpu_s(process: int) -> float:
    with open(f"/proc/{process}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
