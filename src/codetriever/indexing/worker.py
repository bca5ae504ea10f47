"""A parser process: reads batches of blobs from its standard input, writes their analyses to its standard output.

The process holds no state that matters. It ends when its input ends, also when its parent was killed, and when one file takes too long:
a timer outside the interpreter lock then ends the process in the middle of whatever it does.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from codetriever.indexing.messages import load_analyser
from codetriever.system import end_after
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetriever.indexing.messages import Analysis, RawBlob

FAILED_EXIT = 70
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker has to know before its first batch.

    `analyser` is "module:function" with the signature of `analysis.analyse`; `projector` pickles to what rebuilds the embedder there.
    """

    analyser: str
    projector: Any
    base_limit_s: float
    bytes_per_s: float
    memory_bytes: int  # that the process may allocate: a file that makes the parser ask for more must not exhaust the machine

    def limit_s(self, size_bytes: int) -> float:
        """Return how long a file of this size may take."""
        return self.base_limit_s + size_bytes / self.bytes_per_s


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker waits for its first batch."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A batch is done. `resident_bytes` is the most memory the worker ever had."""

    analysis: Analysis
    resident_bytes: int


def write_frame(pipe: IO[bytes], value: object) -> None:
    """Send one value; raises OSError when the other side is gone."""
    body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(body)))
    pipe.write(body)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> Any:
    """Receive one value; raises EOFError when the other side is gone, in the middle of a value as well."""
    header = pipe.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(header)
    body = pipe.read(length)
    if len(body) < length:
        raise EOFError
    return pickle.loads(body)


def main() -> None:
    """Serve batches until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a parser prints must not end up between two frames
    try:
        setup: Setup = read_frame(source)
        _limit_memory(setup.memory_bytes)
        analyse = load_analyser(setup.analyser)
        write_frame(sink, Ready())
        while True:
            _serve(analyse, setup, read_frame(source), sink)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nothing to save, and a parent that stops should not wait for a tidy shutdown
    except Exception:
        os._exit(FAILED_EXIT)


def _serve(analyse: Callable[..., Analysis], setup: Setup, blobs: Sequence[RawBlob], sink: IO[bytes]) -> None:
    total_bytes = sum(len(blob.data) for blob in blobs)

    def started(position: int) -> None:
        end_after(setup.limit_s(len(blobs[position].data) if position < len(blobs) else total_bytes))

    analysis = analyse(blobs, setup.projector, started=started)
    end_after(0)
    write_frame(sink, Finished(analysis, _resident_bytes()))


def _limit_memory(size_bytes: int) -> None:
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or hard > size_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (size_bytes, hard))


def _resident_bytes() -> int:
    try:
        fields = Path("/proc/self/statm").read_bytes().split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
