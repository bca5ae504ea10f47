"""How do the benchmarks measure and report? A process tree's time and memory, tables, kept results, plots.

Nothing here knows what is measured. Results are kept as JSON beside the machine, the commit and the command they came from, since a
number without those three cannot be compared with anything.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RESULTS = Path(__file__).parent / "results"
SAMPLE_EVERY_S = 0.25
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What one command cost: wall time from start to exit, processor time, and the highest sum of PSS over its processes.

    Processor time is that of the processes that were waited for; it moves less than wall time on a machine with other work.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    exit_code: int
    stdout: str
    stderr: str


def run_tree(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 3600,
    sample_every_s: float = SAMPLE_EVERY_S,
) -> Usage:
    """Run a command to its end and measure its whole process tree.

    `env` is added to the environment. Memory is the highest sum of proportional set sizes seen over all processes of the command's
    session, so workers whose parent has gone are counted too; mapped pages count in proportion to who shares them. Sampling costs
    the command a little, so take the time of very short commands from `time_command`.
    """
    sampler = PeakMemory(every_s=sample_every_s)
    cpu_before_s = _children_cpu_s()
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    with sampler.watch(process.pid):
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            raise
        wall_s = time.perf_counter() - started
    return Usage(wall_s, _children_cpu_s() - cpu_before_s, sampler.peak_bytes, process.returncode, stdout, stderr)


def time_command(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> float:
    """Wall time in seconds of one command, unsampled; raises CalledProcessError when it ends above exit code 1."""
    started = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    wall_s = time.perf_counter() - started
    if done.returncode > 1:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return wall_s


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class PeakMemory:
    """Samples the summed PSS of a session's processes and their descendants in a thread, and keeps the highest."""

    def __init__(self, *, every_s: float = SAMPLE_EVERY_S) -> None:
        self.every_s = every_s
        self.peak_bytes = 0

    @contextmanager
    def watch(self, session: int) -> Iterator[None]:
        stop = threading.Event()

        def sample() -> None:
            while True:
                self.peak_bytes = max(self.peak_bytes, sum(map(proportional_set_bytes, session_processes(session))))
                if stop.wait(self.every_s):
                    return

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def session_processes(session: int) -> list[int]:
    """The ids of a session's processes and of all that descend from them, which may have begun sessions of their own (Linux)."""
    parents, found = {}, set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if os.getsid(int(entry.name)) == session:
                    found.add(int(entry.name))
            except OSError:
                continue  # it ended while we looked
    before = 0
    while before < len(found):
        before = len(found)
        found |= {process for process, parent in parents.items() if parent in found}
    return sorted(found)


def proportional_set_bytes(process: int) -> int:
    """A process's memory in bytes, shared pages divided by the number of sharers; 0 once it has ended."""
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as rollup:
            for line in rollup:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def folder_bytes(folder: Path) -> int:
    """Bytes that a folder's files take on disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, Any]:
    """CPU, cores, memory, system and load: what a reader needs to judge a number."""
    cpu, memory_bytes = platform.processor() or platform.machine(), 0
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, StopIteration, ValueError):
        pass
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory_bytes / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else [],
    }


def commit() -> str:
    """The product's commit, with "-dirty" when tracked files differ from it; empty outside a checkout."""
    if shutil.which("git") is None:
        return ""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def keep(name: str, results: Any, *, folder: Path = RESULTS) -> Path:
    """Write results as JSON with machine, commit, command and time; returns the file's path.

    Of the command only the script and the options are kept, with folders reduced to their last part.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = " ".join(Path(word).name if "/" in word else word for word in [Path(sys.argv[0]).name, *sys.argv[1:]])
    envelope = {
        "benchmark": name,
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "commit": commit(),
        "command": command,
        "results": results,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(envelope, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Rows as aligned text under their column names; numbers to the right, floats to three digits that matter."""
    if not rows:
        return "(nothing measured)"
    columns = columns or list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(columns)]
    numeric = [all(isinstance(row.get(name), int | float | None) for row in rows) for name in columns]

    def line(words: Sequence[str]) -> str:
        return "  ".join(
            word.rjust(width) if right else word.ljust(width) for word, width, right in zip(words, widths, numeric, strict=True)
        ).rstrip()

    return "\n".join([line(columns), line(["-" * width for width in widths]), *map(line, cells)])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def plot_bars(path: Path, title: str, bars: Mapping[str, float], *, unit: str) -> Path:
    """Write a horizontal bar chart as an SVG file."""
    row, left, width = 26, 220, 760
    top = max(bars.values(), default=0.0) or 1.0
    parts = [f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(title)}</text>']
    for number, (label, value) in enumerate(bars.items()):
        y = 44 + number * row
        length = value / top * (width - left - 110)
        parts.append(f'<text x="{left - 8}" y="{y + 14}" font-size="12" text-anchor="end">{escape(label)}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{row - 8}" fill="#4472a8"/>')
        parts.append(f'<text x="{left + length + 6:.1f}" y="{y + 14}" font-size="12">{_cell(float(value))} {escape(unit)}</text>')
    height = 56 + len(bars) * row
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>\n"]), encoding="utf-8")
    return path
