"""An analyser that crashes, hangs, dawdles or asks for too much memory where a file says so; worker processes import it by name."""

import ctypes
import os
import signal
import time
from pathlib import Path

from codetriever.indexing import analysis

CRASH = b"CRASH\n"
HANG = b"HANG\n"
GREEDY = b"GREEDY\n"


def slow(marker: Path) -> bytes:
    """Content that is analysed slowly the first time: the file is made when that begins."""
    return b"SLOW " + os.fsencode(marker)


def analyse(blobs, projector, *, started=None):
    def start(position):
        if started is not None:
            started(position)
        data = blobs[position].data if position < len(blobs) else b""
        if data == CRASH:
            os.kill(os.getpid(), signal.SIGSEGV)
        elif data == HANG:
            ctypes.PyDLL(None).pause()  # like a native parser in an endless loop: the interpreter lock stays taken
        elif data == GREEDY:
            bytearray(2 << 30)
        elif data.startswith(b"SLOW ") and not (marker := Path(os.fsdecode(data[5:]))).exists():
            marker.touch()
            time.sleep(30)

    return analysis.analyse(blobs, projector, started=start)
