"""How much memory do we use, and may we take in more?"""

from __future__ import annotations

import time

from codetriever import metrics
from codetriever.system import tree_memory_bytes

SAMPLE_EVERY_S = 1.0
NEARLY_FULL = 0.85  # of the limit: from here on work that is under way is finished before more is taken in


class Gauge:
    """Samples the process tree's memory at most once per `SAMPLE_EVERY_S`, the first time when that long has passed."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._next = time.monotonic() + SAMPLE_EVERY_S

    def is_near_limit(self) -> bool:
        """True when the last sample, renewed when it is due, was near the limit."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + SAMPLE_EVERY_S
            self._sample()
        return self._used_bytes > NEARLY_FULL * self._limit_bytes

    def _sample(self) -> None:
        self._used_bytes = tree_memory_bytes()
        metrics.highest("peak_memory_bytes", self._used_bytes)
