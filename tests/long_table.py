"""The table that `make test-long` prints: what was done to the product, how often, and how it came out.

A long test is marked `@pytest.mark.long("row of the table")`, and says with `record_property("done", ...)` what it did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

ROW, DONE = "row", "done"
OUTCOMES = ("passed", "failed", "error", "skipped")


class Row(NamedTuple):
    """The tests of one row: how many ended how, for how long, and what they said they did."""

    name: str
    outcomes: dict[str, int]
    seconds: float
    done: tuple[str, ...]

    @property
    def verdict(self) -> str:
        return ", ".join(f"{count:,} {outcome}" for outcome, count in self.outcomes.items() if count)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marker = item.get_closest_marker("long")
        if marker is not None:
            item.user_properties.append((ROW, marker.args[0] if marker.args else item.name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = collect((outcome, report) for outcome in OUTCOMES for report in terminalreporter.stats.get(outcome, ()))
    if rows:
        terminalreporter.section("what was done to it")
        terminalreporter.write_line("\n".join(table(rows)))


def collect(reports: Iterable[tuple[str, pytest.TestReport]]) -> list[Row]:
    """Put the reports of long tests together by their rows, in the order of their first report."""
    found: dict[str, list[tuple[str, pytest.TestReport]]] = {}
    for outcome, report in reports:
        name = dict(getattr(report, "user_properties", ())).get(ROW)  # a file that cannot be collected has none
        if name is not None:
            found.setdefault(str(name), []).append((outcome, report))
    return [
        Row(
            name,
            {outcome: sum(one == outcome for one, _ in ended) for outcome in OUTCOMES},
            sum(report.duration for _, report in ended),
            tuple(dict.fromkeys(str(value) for _, report in ended for key, value in report.user_properties if key == DONE)),
        )
        for name, ended in sorted(found.items())
    ]


def table(rows: Iterable[Row]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = ["| what | tests | seconds | done |", "|---|---|---|---|"]
    return lines + [f"| {row.name} | {row.verdict} | {row.seconds:,.0f} | {'; '.join(row.done)} |" for row in rows]
