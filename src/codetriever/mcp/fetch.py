"""A repository elsewhere, on its way here, while the calls that ask for it wait no longer than they may."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from codetriever.config import Settings


class Fetch:
    """One fetch in a thread of its own. `done` is set when there is a `folder` or an `error`."""

    def __init__(self, address: str, settings: Settings) -> None:
        """Start it."""
        self.done = threading.Event()
        self.folder: Path | None = None
        self.error: Exception | None = None
        self._address = address
        self._settings = settings
        threading.Thread(target=self._run, name="codetriever-fetch", daemon=True).start()

    def _run(self) -> None:
        from codetriever.remote import local_copy

        try:
            self.folder = local_copy(self._address, self._settings)
        except Exception as error:
            self.error = error
        finally:
            self.done.set()
