"""`explain-path`: why a file is indexed, or not, and how it is cut."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from codetriever.cli.hits import counted
from codetriever.cli.screen import printable
from codetriever.cli.searching import NOTHING_FOUND
from codetriever.config import format_size
from codetriever.operations import explain_path as explain
from codetriever.wire import as_value

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.operations import ExplainedPath


def explain_path(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `explain-path FILE...`; 1 when none of the files is indexed."""
    found = [(word, explain(Path(word), settings)) for word in command.words]
    if command.wants_json:
        screen.json({"files": [_value(word, explained) for word, explained in found]})
    else:
        for word, explained in found:
            _print(word, explained, screen)
    return 0 if any(explained.explanation.is_indexed for _, explained in found) else NOTHING_FOUND


def _value(word: str, explained: ExplainedPath) -> dict[str, Any]:
    told = explained.explanation
    value: dict[str, Any] = {"path": word, "indexed": told.is_indexed, "reason": told.reason, "detail": told.detail}
    if told.is_indexed:
        value |= {"language": told.language, "role": told.role, "encoding": told.encoding, "size_bytes": told.size_bytes}
        value |= {"parser": explained.parser, "chunks": as_value(explained.chunks)}
    return value


def _print(word: str, explained: ExplainedPath, screen: Screen) -> None:
    told = explained.explanation
    path = screen.style(screen.path(word), "path")
    if told.reason is not None:
        why = "; ".join(dict.fromkeys((told.reason.value, printable(told.detail))))
        screen.line(f"{path}  {screen.style('not indexed', 'warning')}: {why}")
        return
    screen.line(f"{path}  {screen.style('indexed', 'good')}: {printable(told.detail)}")
    cut_by = "its syntax" if explained.parser else "lines"
    chunks = counted(len(explained.chunks), "chunk")
    screen.line(f"  {told.language}, {told.role}, {told.encoding}, {format_size(told.size_bytes)}, {chunks}, cut by {cut_by}")
    for chunk in explained.chunks:
        screen.line(f"  {screen.style(f'{chunk.start_line}-{chunk.end_line}', 'line')}  {chunk.kind}  {printable(chunk.name)}".rstrip())
