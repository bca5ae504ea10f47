"""Which code has this client seen already? What it was sent a few calls ago is named again, not sent again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

# Short pieces cost less than the remark that they were left out. A client that shares its connection with helpers, or that has
# forgotten, asks the same thing again, and then gets everything again.
_LEAST_CHARACTERS: Final = 240
_REMEMBERED_CALLS: Final = 12


class Shown:
    """What one session was sent in its last calls."""

    def __init__(self) -> None:
        self._calls = 0
        self._texts: OrderedDict[bytes, int] = OrderedDict()
        self._asked: OrderedDict[Hashable, int] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, request: Hashable) -> bool:
        """Take note of a call; False when the same was asked before, so that all of its answer is sent."""
        with self._lock:
            self._calls += 1
            for kept in (self._texts, self._asked):
                while kept and next(iter(kept.values())) < self._calls - _REMEMBERED_CALLS:
                    kept.popitem(last=False)
            is_new = request not in self._asked
            self._asked[request] = self._calls
            self._asked.move_to_end(request)
            return is_new

    def is_repeated(self, place: str, text: str) -> bool:
        """Say whether this text of this place was sent before, and remember that it is now."""
        if len(text) < _LEAST_CHARACTERS:
            return False
        digest = hashlib.blake2b(f"{place}\0{text}".encode(errors="surrogatepass"), digest_size=16).digest()
        with self._lock:
            is_known = digest in self._texts
            self._texts[digest] = self._calls
            self._texts.move_to_end(digest)
        return is_known
