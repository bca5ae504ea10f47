"""The indexes that the server has open: fresh when they answer, watched between the calls, filled in the background."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codetriever.config import load_settings
from codetriever.errors import CodetrieverError
from codetriever.mcp.job import Job
from codetriever.mcp.roots import labels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from codetriever.api import Index
    from codetriever.config import Settings

_MOST_OPEN: Final = 16  # an index costs some memory even when nobody asks
_TRUST_WATCH_S: Final = 60.0  # changes on network disks go unnoticed
_IN_USE_S: Final = 600.0  # how long after a call changes are indexed at once; later they wait for the next call


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether there is a generation to answer from, and what has to be said about it."""

    is_indexed: bool
    note: str = ""


class Opened:
    """The index of some folders. Methods may be called from any thread."""

    def __init__(self, folders: tuple[Path, ...], settings: Settings) -> None:
        """Open the index without reading it."""
        from codetriever.api import Index  # numpy, the store and the model come with it

        self.folders = folders
        self.settings = settings
        self.index: Index = Index(*folders, settings=settings)
        self.job: Job | None = None
        self._refreshing = threading.Lock()
        self._starting = threading.Lock()
        self._fresh_since = 0.0
        self._used_at = time.monotonic()
        self._is_watched = False
        self._over = threading.Event()

    def where(self) -> str:
        """Return what was searched, for the heading of an answer; of several roots also what paths begin with."""
        roots = tuple(self.index.roots.values())
        if len(roots) == 1:
            return str(roots[0])
        return ", ".join(str(root) if label == str(root) else f"{root} (as {label}/)" for root, label in labels(roots).items())

    def close(self) -> None:
        """Stop watching and indexing, and close the index."""
        self._over.set()
        if self.job is not None and not self.job.done.is_set():
            self.job.stop()
        self.index.close()

    def is_idle(self) -> bool:
        """Say whether no call can be at work with it any more."""
        return time.monotonic() - self._used_at > _IN_USE_S and (self.job is None or self.job.done.is_set())

    def start_job(self) -> Job:
        """Return the indexing that is under way, started now if there is none."""
        with self._starting:
            if self.job is None or self.job.done.is_set():
                self.job = Job(self.folders, self.settings)
            return self.job

    def refresh(self) -> None:
        """Look for changed files, for as long as the refresh budget goes; more of them are indexed in the background.

        Calls that come while another one looks wait for it and take what it found.
        """
        asked = self._used_at = time.monotonic()
        if self.settings.no_refresh:
            return
        with self._refreshing:
            if self._fresh_since >= asked or (self._is_watched and asked - self._fresh_since < _TRUST_WATCH_S):
                return
            self._look()
        self._watch()

    def note(self) -> str:
        """Return what an answer has to say about indexing that is under way."""
        job = self.job
        if job is None or job.done.is_set():
            return ""
        done = f": {job.files_done:,} of {job.files_total:,} files" if job.files_total else ""
        return f"Indexing goes on in the background{done}."

    def _look(self) -> None:
        looked = time.monotonic()
        report = self.index.refresh(deadline_s=self.settings.refresh_budget_s)
        self._fresh_since = looked
        if report.pending and not report.note:
            self.start_job()

    def _watch(self) -> None:
        if not self._is_watched and not self._over.is_set():
            self._is_watched = True
            threading.Thread(target=self._follow_changes, name="codetriever-watch", daemon=True).start()

    def _follow_changes(self) -> None:
        from codetriever.operations import changes

        try:
            for _ in changes(self.index, stop=self._over):
                with self._refreshing:
                    self._fresh_since = 0.0
                    if time.monotonic() - self._used_at < _IN_USE_S:
                        self._look()
        except (CodetrieverError, OSError):
            pass  # without a watch every call looks for itself
        finally:
            self._fresh_since, self._is_watched = 0.0, False


class Shelf:
    """Opens indexes when they are first asked, and keeps the most recently used ones open."""

    def __init__(self, flags: Mapping[str, Any]) -> None:
        """Keep the flags of the command line, which beat the settings of each project."""
        self._flags = dict(flags)
        self._open: OrderedDict[tuple[Path, ...], Opened] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, folders: tuple[Path, ...]) -> Opened:
        """Return the index of these folders."""
        with self._lock:
            opened = self._open.get(folders)
            if opened is None:
                opened = self._open[folders] = Opened(folders, load_settings(flags=self._flags, start=folders[0]))
            self._open.move_to_end(folders)
            idle = [one for one in self._open.values() if one.is_idle()][: max(0, len(self._open) - _MOST_OPEN)]
            for one in idle:
                del self._open[one.folders]
        for one in idle:
            one.close()
        return opened

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for opened in self._open.values():
                opened.close()
            self._open.clear()
