"""What is particular to an operating system: file locks, private files, sizes, time limits, memory of a process tree."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
_M_ARENA_MAX = -8  # from malloc.h

# The locked byte lies far behind the text of a lock file, so that the holder's number can be read where locks are mandatory.
_LOCK_OFFSET = 1 << 30

TIMED_OUT_EXIT = 1 if sys.platform == "win32" else -14
"""The code of a process that `end_after` has ended: what faulthandler's timer exits with, or the number of the alarm."""


def try_lock(descriptor: int) -> bool:
    """Take an exclusive lock on an open file without waiting; it ends with the descriptor or the process."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _LOCK_OFFSET, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Return whether an open file is still the one at `path`: it may have been deleted, and another made."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def is_disk_full(error: OSError) -> bool:
    """Return whether there was no room for what was to be written: on the disk, in a quota, or in a file that may not grow."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def end_after(limit_s: float) -> None:
    """Have this process end after so many seconds from now, whatever it does then, and not at the time set before; 0 for never."""
    if sys.platform == "win32":
        import faulthandler

        faulthandler.cancel_dump_traceback_later()
        if limit_s:
            faulthandler.dump_traceback_later(limit_s, exit=True, file=2)  # a thread each time, some 50 microseconds more than an alarm
        return
    import signal

    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a parent that ignores it passes that on
    signal.setitimer(signal.ITIMER_REAL, limit_s)


def make_private_folder(folder: Path) -> None:
    """Create a folder, and its missing parents, that only its owner can enter."""
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in a folder, 0 when there is none. Links are not followed; what goes meanwhile counts as nothing."""
    total = 0
    waiting = [os.fspath(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    with contextlib.suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_size
    return total


def sync_folder(folder: Path) -> None:
    """Make the names of the folder's files durable, where the system can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems refuse to sync a folder; the files themselves are synced.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def release_memory() -> None:
    """Give memory that was freed back to the system, where its C library can: a few milliseconds, worth it after large work."""
    if sys.platform == "linux":
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def limit_arenas(count: int) -> None:
    """Let all threads allocate from so few arenas, where the C library has them: each keeps what was freed in it for itself."""
    if sys.platform == "linux":
        import ctypes

        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        if set_option is not None:
            set_option(_M_ARENA_MAX, count)


def tree_memory_bytes() -> int:
    """Return the memory of this process and its descendants: proportional shares where the system tells them, else resident."""
    return sum(map(_process_memory_bytes, _tree()))


def _tree() -> list[int]:
    """Return this process and its descendants. Linux tells the children of a thread; elsewhere all processes are looked at."""
    pids = [os.getpid()]
    if not os.path.exists("/proc/thread-self/children"):  # noqa: PTH110
        import psutil

        return pids + [child.pid for child in psutil.Process().children(recursive=True)]
    for pid in pids:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/task") as threads:
            for thread in threads:
                with contextlib.suppress(OSError), open(f"{thread.path}/children", encoding="ascii") as children:
                    pids += map(int, children.read().split())
    return pids


def _process_memory_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            for line in rollup:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it has ended meanwhile
        return 0
