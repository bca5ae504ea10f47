"""`index` and `watch`: bring the index up to date, once or for as long as it runs."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.hits import counted
from codetriever.cli.opening import opened, refresh
from codetriever.config import format_size
from codetriever.errors import DiskFailed, DiskFull, StoreLocked
from codetriever.operations import changes, keep_metrics
from codetriever.wire import as_value

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.types import IndexReport

FAILED: Final = 2


def index(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `index [PATH...]`; 2 when a file should have been read and could not be."""
    if command.profile_memory:
        from codetriever.cli.profiling import profiled, use_malloc

        use_malloc()
    with opened(command.words, command, settings, screen) as opened_index:
        if command.profile_memory:
            report, profile = profiled(lambda: refresh(opened_index, command, screen))
            keep_metrics(opened_index)
        else:
            report, profile = refresh(opened_index, command, screen), {}
    if command.wants_json:
        screen.json({**report_value(report), **({"memory_profile": profile} if profile else {})})
    else:
        print_report(report, screen)
        _print_profile(profile, screen)
    return FAILED if report.failures else 0


def _print_profile(profile: dict[str, Any], screen: Screen) -> None:
    if not profile:
        return
    peak, rate = (format_size(profile[name]) for name in ("peak_memory_bytes", "allocation_bytes_per_s"))
    screen.line(f"memory: {peak} at its peak, all processes; {rate}/s allocated ({profile['allocation_source']})")
    for site in profile["top_sites"]:
        screen.line(f"  {format_size(site['bytes']):>8}  {screen.path(site['site'])}")


def watch(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `watch [PATH...]`: refresh after changes until interrupted. The writer lock is held only during a refresh."""
    with opened(command.words, command, settings, screen) as opened_index:
        roots = [checkout.root for checkout in opened_index.checkouts]
        _report_change(refresh(opened_index, command, screen), command, screen)
        screen.note(f"watching {', '.join(map(str, roots))}; Ctrl-C ends it")
        for _ in changes(opened_index):
            try:
                report = refresh(opened_index, command, screen)
            except (StoreLocked, DiskFull, DiskFailed) as error:
                screen.error(error)
            else:
                _report_change(report, command, screen)
    return 0


def _report_change(report: IndexReport, command: Command, screen: Screen) -> None:
    if command.wants_json:
        screen.json(report_value(report))
    elif report.read or report.removed or report.analysed_blobs:
        done = (
            f"{counted(report.read, 'file')} read, {counted(report.embedded_chunks, 'chunk')} embedded",
            f"{counted(report.removed, 'file')} removed",
        )
        screen.line(f"{time.strftime('%H:%M:%S')}  {', '.join(done)} · generation {report.generation} · {report.took_s:.1f} s")
    screen.out.flush()


def report_value(report: IndexReport) -> dict[str, Any]:
    """Return a report as `--json` prints it: the skips counted by reason, and the failures in full."""
    value: dict[str, Any] = as_value(report)
    value["skips"] = dict(Counter(skip.reason.value for skip in report.skips))
    value["failures"] = as_value(report.failures)
    return value


def print_report(report: IndexReport, screen: Screen) -> None:
    """Say what was done, in a few lines."""
    if screen.quiet:
        return
    done = [counted(report.files, "file"), counted(report.chunks, "chunk"), f"{format_size(report.text_bytes)} of text"]
    screen.line(f"{', '.join(done)} · generation {report.generation} · {report.took_s:.1f} s")
    changes = {"read": report.read, "analysed": report.analysed_blobs, "embedded chunks": report.embedded_chunks, "removed": report.removed}
    if any(changes.values()):
        screen.line(screen.style(", ".join(f"{count:,} {what}" for what, count in changes.items() if count), "dim"))
    elif not report.pending:
        screen.line(screen.style("nothing changed", "dim"))
    skips = Counter(skip.reason.value for skip in report.skips)
    if skips:
        screen.line(screen.style("skipped: " + ", ".join(f"{count:,} {reason}" for reason, count in skips.most_common()), "dim"))
    if report.pending:
        screen.note(f"{counted(report.pending, 'file')} still to be indexed", style="warning")
    if report.note:
        screen.note(report.note, style="warning")
    for skip in report.skips:
        screen.detail(f"{skip.path}: {skip.reason.value}" + (f" ({skip.detail})" if skip.detail else ""))
