"""`savings`: what did answers cost the agents here, and what would grep have cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetriever.cli.hits import counted
from codetriever.cli.searching import NOTHING_FOUND
from codetriever.config import store_folder
from codetriever.savings import MOST_TOKENS, read_costs

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings


def savings(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `savings`; 1 when no answer was counted."""
    found = read_costs(store_folder(settings).path)
    total = found["total"]
    if command.wants_json:
        screen.json(found)
    elif not total["answers"]:
        reason = "no_savings is set" if settings.no_savings else "agents have asked nothing yet"
        screen.note(f"nothing was counted: {reason}")
    else:
        for tool, costs in found["tools"].items():
            screen.line(f"{tool:<14} {costs['answers']:>8,} answers  {costs['tokens']:>12,} tokens")
        screen.line(f"{'together':<14} {total['answers']:>8,} answers  {total['tokens']:>12,} tokens since {found['since']}")
        _print_compared(total, screen)
    return 0 if total["answers"] else NOTHING_FOUND


def _print_compared(total: dict[str, int], screen: Screen) -> None:
    if not total["compared"]:
        screen.line("\nNone of them was compared with grep yet.")
        return
    screen.line(f"\n{counted(total['compared'], 'answer')} compared with what grep printed for the same words at that time:")
    cut = f", {counted(total['cut'], 'output')} counted as {MOST_TOKENS:,} though longer" if total["cut"] else ""
    rows = (
        ("answered with", total["compared_tokens"], ""),
        ("grep for any of the words", total["grep_any_tokens"], cut),
        ("grep for the rarest of them", total["grep_rarest_tokens"], ""),
    )
    for name, tokens, note in rows:
        screen.line(f"  {name:<28}{tokens:>12,} tokens{note}")
    screen.line("A token is four characters. What was read in files afterwards counts on neither side.")
