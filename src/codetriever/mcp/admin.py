"""The tools that look after the machine's indexes; offered with `--admin` alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from codetriever import metrics
from codetriever.config import format_size, store_folder
from codetriever.mcp.calls import Reply
from codetriever.mcp.markdown import line
from codetriever.operations import as_row, stored_indexes
from codetriever.upkeep import UNUSED_DAYS, connected, statistics
from codetriever.upkeep import clean as clean_up
from codetriever.upkeep import compact as compact_all
from codetriever.wire import as_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetriever.config import Settings
    from codetriever.mcp.arguments import Request


def get_stats(settings: Settings, _: Request) -> Reply:
    """Answer `get_stats`: of the folder of indexes, or of the tenant's repositories when the settings name a database."""
    if settings.database_url:
        with connected(settings) as connection:
            repositories = connection.repositories.list()
        rows, found = [f"{one.chunks:>9,} chunks  {line(one.name)}" for one in repositories], [as_value(one) for one in repositories]
    else:
        indexes = stored_indexes(store_folder(settings).path)
        rows, found = [f"{format_size(one.size_bytes):>8}  {line(one.root)}" for one in indexes], [as_value(as_row(one)) for one in indexes]
    stored = as_value(statistics(settings))
    told = f"{len(found)} in {line(stored['place'])}, {format_size(stored['size_bytes'])}"
    return Reply({"stored": stored, "indexes": found, "metrics": as_value(metrics.snapshot())}, "\n".join((told, *rows)))


def clean(settings: Settings, request: Request) -> Reply:
    """Answer `clean`: what went, or with `dry_run` would go."""
    days = UNUSED_DAYS if request.unused_days is None else request.unused_days
    found = clean_up(settings, unused_days=days, dry_run=request.dry_run)
    verb = "would go" if request.dry_run else "deleted"
    rows = [f"{what} {verb}: {line(name)}" for what, names in (("index", found.indexes), ("branch", found.views)) for name in names]
    rows += [f"kept: {line(reason)}" for reason in found.skipped]
    sizes = f"{format_size(found.before_bytes)} before, {format_size(found.after_bytes)} after"
    return Reply(as_value(asdict(found)), "\n".join((*(rows or ["nothing to delete"]), sizes)))


def compact(settings: Settings, _: Request) -> Reply:
    """Answer `compact`: each index before and after."""
    found = compact_all(settings)
    before, after = (sum(getattr(one, name) for one in found) for name in ("before_bytes", "after_bytes"))
    rows = [
        f"{line(one.name)}: " + (line(one.skipped) or f"{format_size(one.before_bytes)} before, {format_size(one.after_bytes)} after")
        for one in found
    ]
    value = {"compacted": [as_value(asdict(one)) for one in found], "before_bytes": before, "after_bytes": after}
    return Reply(value, "\n".join((*rows, f"all: {format_size(before)} before, {format_size(after)} after")))


ADMIN: Final[Mapping[str, Callable[[Settings, Request], Reply]]] = {"get_stats": get_stats, "clean": clean, "compact": compact}
