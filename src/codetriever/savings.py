"""What do answers cost the agents that read them, and what would grep have cost? Counted here, not assumed.

Every answer's tokens are counted. Now and then, in the background and with the least priority, grep is run for the words of a question
that was just answered: once for all of them, and once for each, of which the one with the least output stands for somebody who guessed
the best word. Grep's output is counted up to 16,000 tokens, since nobody reads more. What is read in files afterwards counts on
neither side.

The sums of a day lie in `savings.sqlite` in the store folder: numbers and the names of tools, never words of a question.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, suppress
from dataclasses import asdict, astuple, dataclass, fields
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any, Final

from codetriever.corpus.grep import grepped_bytes
from codetriever.focus import sought_words
from codetriever.tokens import CHARACTERS_PER_TOKEN, count_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE: Final = "savings.sqlite"
MOST_TOKENS: Final = 16_000
COMPARE_EVERY_S: Final = 20.0
_GREP_S: Final = 5.0
_WAITING: Final = 64  # answers to be counted; more of them at once are let go
_LOCK_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Sums over answers. Of `compared` answers it is known what grep would have printed; the fields that follow are about these.

    `cut` counts outputs of grep for any of the words that were longer than `MOST_TOKENS`, and are counted as that.
    """

    answers: int = 0
    tokens: int = 0
    compared: int = 0
    compared_tokens: int = 0
    grep_any_tokens: int = 0
    grep_rarest_tokens: int = 0
    cut: int = 0

    def __add__(self, other: Costs) -> Costs:
        """Add field by field."""
        return Costs(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


_COLUMNS: Final = tuple(one.name for one in fields(Costs))
_CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS costs (day TEXT, tool TEXT, "
    + ", ".join(f"{name} INTEGER NOT NULL" for name in _COLUMNS)
    + ", PRIMARY KEY (day, tool)) WITHOUT ROWID"
)
_ADD: Final = f"INSERT INTO costs VALUES (?, ?, {', '.join('?' * len(_COLUMNS))}) ON CONFLICT (day, tool) DO UPDATE SET " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in _COLUMNS
)


def add_costs(store: Path, tool: str, costs: Costs) -> None:
    """Add to today's sums (UTC); raises `sqlite3.Error` where that cannot be written."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    with closing(sqlite3.connect(store / FILE, timeout=_LOCK_S)) as database, database:
        database.execute(_CREATE)
        database.execute(_ADD, (day, tool, *astuple(costs)))


def read_costs(store: Path) -> dict[str, Any]:
    """Return all sums: `since` (a day, or ""), `total`, and `tools` by name; zeros when nothing was counted."""
    rows: list[tuple[Any, ...]] = []
    if (store / FILE).is_file():
        with closing(sqlite3.connect(f"{(store / FILE).absolute().as_uri()}?mode=ro", uri=True, timeout=_LOCK_S)) as database:
            rows = database.execute("SELECT * FROM costs ORDER BY day, tool").fetchall()
    tools: dict[str, Costs] = {}
    for _, tool, *values in rows:
        tools[tool] = tools.get(tool, Costs()) + Costs(*values)
    total = sum(tools.values(), Costs())
    return {
        "since": rows[0][0] if rows else "",
        "characters_per_token": CHARACTERS_PER_TOKEN,
        "total": asdict(total),
        "tools": {tool: asdict(costs) for tool, costs in tools.items()},
    }


def compared_costs(tokens: int, query: str, roots: Sequence[Path]) -> Costs:
    """Run grep for the words of a query that was answered with so many tokens; without a comparison where grep could not be run."""
    words = sought_words(query)
    whole = _grep_tokens(roots, words) if words else None
    if not whole:
        return Costs(answers=1, tokens=tokens)
    each = [count for word in words if (count := _grep_tokens(roots, [word]))] if len(words) > 1 else [whole]
    return Costs(1, tokens, 1, tokens, whole, min(each, default=whole), int(whole >= MOST_TOKENS))


def _grep_tokens(roots: Sequence[Path], words: Sequence[str]) -> int | None:
    """Return the tokens of grep's output, at most `MOST_TOKENS`; None when it is not known."""
    found = [grepped_bytes(root, words, most=MOST_TOKENS * CHARACTERS_PER_TOKEN, timeout_s=_GREP_S) for root in roots]
    known = [count for count in found if count is not None]
    return min(-(-sum(known) // CHARACTERS_PER_TOKEN), MOST_TOKENS) if len(known) == len(found) else None


class Meter:
    """Counts answers in a thread of its own. What cannot be written, or comes too fast, is not counted: an answer never waits for it."""

    def __init__(self, store: Path, *, every_s: float = COMPARE_EVERY_S) -> None:
        """Write into this store; compare with grep at most once in `every_s`."""
        self._store = store
        self._every_s = every_s
        self._queue: Queue[tuple[str, int, str, tuple[Path, ...]]] = Queue(_WAITING)
        self._starting = threading.Lock()
        self._is_running = False
        self._next = 0.0

    def count(self, tool: str, text: str, *, query: str = "", roots: Sequence[Path] = ()) -> None:
        """Count one answer; `query` is what somebody could have asked grep instead, in these folders."""
        try:
            self._queue.put_nowait((tool, count_tokens(text), query, tuple(roots)))
        except Full:
            return
        with self._starting:
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="codetriever-savings", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                tool, tokens, query, roots = self._queue.get(timeout=self._every_s)
            except Empty:
                with self._starting:
                    if self._queue.empty():
                        self._is_running = False
                        return
                continue
            costs = Costs(answers=1, tokens=tokens)
            if query and time.monotonic() >= self._next:
                costs = compared_costs(tokens, query, roots)
                self._next = time.monotonic() + self._every_s
            with suppress(sqlite3.Error):
                add_costs(self._store, tool, costs)
