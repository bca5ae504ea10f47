"""How much memory do we use, and may we take in more?"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from codetriever import metrics
from codetriever.system import tree_memory_bytes

SAMPLE_EVERY_S = 1.0
NEARLY_FULL = 0.85  # of the limit: from here on work that is under way is finished before more is taken in


@dataclass(slots=True)
class Gauge:
    """Samples the process tree's memory at most once per `every_s` and says whether it is near its limit."""

    limit_bytes: int
    every_s: float = SAMPLE_EVERY_S
    used_bytes: int = 0
    _next: float = field(default=0.0, repr=False)

    def is_near_limit(self) -> bool:
        """True when the last sample, renewed when it is due, was near the limit."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self.every_s
            self.used_bytes = tree_memory_bytes()
            metrics.highest("peak_memory_bytes", self.used_bytes)
        return self.used_bytes > NEARLY_FULL * self.limit_bytes
