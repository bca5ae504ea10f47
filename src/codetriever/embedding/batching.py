"""In which batches does work go to a model, and how many at once?"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def by_size(sizes: Sequence[int], *, most: int, most_size: int) -> list[list[int]]:
    """Group positions, the largest sizes first, so that a group has at most `most` and, padded to its largest, at most `most_size`.

    Neighbours in size go together, so little is padding; one that is larger by itself is a group of its own.
    """
    groups: list[list[int]] = []
    for position in sorted(range(len(sizes)), key=lambda position: (-sizes[position], position)):
        group = groups[-1] if groups else []
        if not group or len(group) >= most or (len(group) + 1) * sizes[group[0]] > most_size:
            group = []
            groups.append(group)
        group.append(position)
    return groups


class Workers:
    """Up to `size` threads that work at the same time, started when there is something for a second one.

    What several callers ask for at once shares them, so no more than `size` pieces of work are ever in flight.
    """

    def __init__(self, size: int, name: str) -> None:
        self.size = size
        self._name = name
        self._seats = threading.BoundedSemaphore(size)
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def map(self, work: Callable[[_In], _Out], things: Iterable[_In]) -> Iterator[_Out]:
        """Yield the results in the order of the things, which are taken only as fast as results are.

        The first exception is raised when its turn comes; nothing new is started then, nor when the caller stops asking.
        """
        seated = self._seated(work)
        if self.size == 1:
            yield from map(seated, things)
            return
        waiting: deque[Future[_Out]] = deque()
        try:
            for thing in things:
                if len(waiting) == self.size:
                    yield waiting.popleft().result()
                waiting.append(self._started().submit(seated, thing))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _seated(self, work: Callable[[_In], _Out]) -> Callable[[_In], _Out]:
        def run(thing: _In) -> _Out:
            with self._seats:
                return work(thing)

        return run

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self.size, thread_name_prefix=self._name)
            return self._executor

    def close(self) -> None:
        """Start nothing new and wait for what is under way."""
        with self._lock:
            if self._executor is not None:
                self._executor.shutdown(wait=True, cancel_futures=True)
                self._executor = None


@contextmanager
def workers(size: int, name: str) -> Iterator[Workers]:
    """Give workers for the length of a block."""
    made = Workers(size, name)
    try:
        yield made
    finally:
        made.close()
