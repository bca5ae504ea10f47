"""`clean`, `compact` and `stats`: keep what is stored small, and say how much it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetriever.cli.hits import counted
from codetriever.cli.opening import may_remove
from codetriever.cli.screen import printable
from codetriever.cli.searching import NOTHING_FOUND
from codetriever.config import format_size
from codetriever.upkeep import UNUSED_DAYS, Cleaned, Compacted, statistics
from codetriever.upkeep import clean as clean_indexes
from codetriever.upkeep import compact as compact_indexes

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings


def clean(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `clean`; 1 when there is nothing to delete."""
    days = UNUSED_DAYS if command.days is None else command.days
    due = clean_indexes(settings, unused_days=days, dry_run=True)
    if command.dry_run:
        return _show_cleaned(due, command, screen)
    if due.views or due.indexes:
        _print_due(due, command, screen)
        if not may_remove(f"{counted(len(due.views), 'branch', 'branches')}, which can be indexed again", command, screen):
            screen.note("nothing was removed")
            return NOTHING_FOUND
    return _show_cleaned(clean_indexes(settings, unused_days=days), command, screen)


def _print_due(due: Cleaned, command: Command, screen: Screen) -> None:
    if not command.wants_json and not command.yes:
        for name in due.views:
            screen.line(screen.path(name))


def _show_cleaned(done: Cleaned, command: Command, screen: Screen) -> int:
    if command.wants_json:
        screen.json(done)
    else:
        for name in done.views:
            screen.line(f"{'would go' if command.dry_run else 'gone'}  {screen.path(name)}")
        for reason in done.skipped:
            screen.note(f"left alone: {reason}", style="warning")
        if command.dry_run and not (done.views or done.indexes or done.skipped):
            screen.note("nothing would go")
        if not command.dry_run:
            screen.note(f"{format_size(done.before_bytes)} before, {format_size(done.after_bytes)} now")
    return 0 if done.views or done.indexes else NOTHING_FOUND


def compact(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `compact`; 1 when there is nothing to compact."""
    done = compact_indexes(settings)
    before, after = sum(one.before_bytes for one in done), sum(one.after_bytes for one in done)
    if command.wants_json:
        screen.json({"compacted": done, "before_bytes": before, "after_bytes": after})
    else:
        for one in done:
            screen.line(_compacted_line(one, screen))
        screen.note(f"{format_size(before)} before, {format_size(after)} now")
    return 0 if done else NOTHING_FOUND


def _compacted_line(one: Compacted, screen: Screen) -> str:
    if one.skipped:
        return f"{screen.path(one.name)}  {screen.style(printable(f'left alone: {one.skipped}'), 'warning')}"
    dead = f", {counted(one.dead_rows_before, 'dead row')} before, {one.dead_rows_after:,} now" if one.dead_rows_before else ""
    return f"{screen.path(one.name)}  {screen.style(f'{format_size(one.before_bytes)} -> {format_size(one.after_bytes)}{dead}', 'dim')}"


def stats(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `stats`."""
    found = statistics(settings)
    if command.wants_json:
        screen.json(found)
        return 0
    tables: list[dict[str, Any]] = found.pop("tables", [])
    found.pop("pools", None)
    for name, value in found.items():
        shown = format_size(value) if name.endswith("_bytes") else f"{value:,}" if isinstance(value, int) else screen.path(value)
        screen.line(f"{name:<14} {shown}")
    for table in tables:
        sizes = f"{format_size(table['total_bytes'])}, of them {format_size(table['index_bytes'])} indexes"
        facts = f"{sizes}, {counted(table['dead_rows'], 'dead row')}"
        screen.line(f"  {table['table']:<18} {screen.style(facts, 'dim')}")
    return 0
