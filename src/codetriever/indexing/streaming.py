"""How does a stream of files pass through the stages without piling up anywhere?

read -> batch -> analyse -> write. Each stage holds a bounded number of bounded batches; a stage takes in more only when the next has
taken out. Order is kept.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future

    from codetriever.indexing.messages import RawBlob

BATCH_FILES = 10
BATCH_CHUNKS = 100
CHUNK_BYTES = 1536  # the budget of a chunk: what stands for one before a file is cut

READ_THREADS = 2
READ_FILES = 32
READ_BYTES = 4 << 20
READ_GROUPS = 4

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_groups(things: Iterable[_In], size: Callable[[_In], int], *, most: int, most_bytes: int) -> Iterator[list[_In]]:
    """Group consecutive things, at most `most` and `most_bytes` together; a larger one is a group of its own."""
    group: list[_In] = []
    total = 0
    for thing in things:
        size_bytes = size(thing)
        if group and (len(group) >= most or total + size_bytes > most_bytes):
            yield group
            group, total = [], 0
        group.append(thing)
        total += size_bytes
    if group:
        yield group


def batches(blobs: Iterable[RawBlob], *, files: int = BATCH_FILES, chunks: int = BATCH_CHUNKS) -> Iterator[list[RawBlob]]:
    """Batch blobs for analysis: ten files or about a hundred chunks, whichever is reached first."""
    return in_groups(blobs, blob_bytes, most=files, most_bytes=chunks * CHUNK_BYTES)


def blob_bytes(blob: RawBlob) -> int:
    """Return the size of a blob's bytes."""
    return len(blob.data)


@dataclass(frozen=True, slots=True)
class Bound:
    """What may be in flight between two stages: so many inputs, so many bytes together. One input is always let through."""

    most: int
    most_bytes: int


def in_flight(
    inputs: Iterable[_In],
    submit: Callable[[_In], Future[_Out]],
    bound: Bound,
    *,
    size: Callable[[_In], int],
    must_drain: Callable[[], bool] = lambda: False,
) -> Generator[_Out, None, None]:
    """Submit inputs and yield their results in order, with no more than the bound submitted and not yet yielded.

    While `must_drain` says so, nothing is taken in before what is under way has been yielded. Closing the iterator cancels the rest.
    """
    waiting: deque[tuple[Future[_Out], int]] = deque()
    total_bytes = 0
    try:
        for thing in inputs:
            size_bytes = size(thing)
            while waiting and (
                len(waiting) >= bound.most or total_bytes + size_bytes > bound.most_bytes or waiting[0][0].done() or must_drain()
            ):
                future, freed = waiting.popleft()
                yield future.result()
                total_bytes -= freed
            waiting.append((submit(thing), size_bytes))
            total_bytes += size_bytes
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        for future, _ in waiting:
            future.cancel()


def read_ahead(
    files: Iterable[_In], read: Callable[[_In], _Out], *, size: Callable[[_In], int], threads: int = READ_THREADS
) -> Iterator[list[_Out]]:
    """Read files in a few threads, a bounded number of groups ahead of the consumer, in order; reading and hashing release the lock."""
    groups = in_groups(files, size, most=READ_FILES, most_bytes=READ_BYTES)
    with ThreadPoolExecutor(threads, thread_name_prefix="codetriever-reader") as executor:

        def submit(group: list[_In]) -> Future[list[_Out]]:
            return executor.submit(lambda: [read(file) for file in group])

        try:
            yield from in_flight(groups, submit, Bound(READ_GROUPS, 2 * READ_BYTES), size=lambda group: sum(map(size, group)))
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
