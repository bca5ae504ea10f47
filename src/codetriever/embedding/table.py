"""What does a file of term vectors look like?

    header        64 bytes, see `_HEADER`
    scales        float32, one per row: what the row's whole numbers are multiplied by
    vocabulary    UTF-8, one term per line, most frequent first; padded with line ends to a multiple of 64 bytes
    rows          int8, rows x dimensions

Numbers are little-endian. A term's weight is folded into its row's scale. The identity is the beginning of the SHA-256 of everything
after the header: two tables with the same identity give the same vectors. Opening checks all but the rows, in a few milliseconds;
`Table.check_rows` reads those too.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from codetriever.errors import ModelUnavailable
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 1

_MAGIC = b"CTVECTOR"
# Magic, format, rows, dimensions, bytes of the vocabulary, CRC-32 of scales and vocabulary, CRC-32 of the rows, identity.
_HEADER = struct.Struct("<8sIIIIII16s12x")
_HEADER_BYTES = _HEADER.size + 4  # and the CRC-32 of all that


@dataclass(frozen=True, slots=True)
class Table:
    """An open table; the arrays lie in the file."""

    path: Path
    identity: str
    vocabulary: bytes  # the terms' lines
    scales: NDArray[np.float32]  # (rows,)
    rows: NDArray[np.int8]  # (rows, dimensions)
    rows_checksum: int

    def terms(self) -> list[str]:
        """Return the term of each row."""
        return str(self.vocabulary, "utf-8").rstrip("\n").split("\n")

    def find(self, term: str) -> int | None:
        """Return the row of a term by searching the vocabulary's text, some 0.1 ms; None when it has none."""
        line = term.encode("utf-8", "surrogatepass") + b"\n"
        if self.vocabulary.startswith(line):
            return 0
        position = self.vocabulary.find(b"\n" + line) if len(line) > 1 else -1
        return None if position < 0 else self.vocabulary.count(b"\n", 0, position + 1)

    def check_rows(self) -> None:
        """Raise `ModelUnavailable` unless the rows are those that were written."""
        if zlib.crc32(self.rows.data) != self.rows_checksum:
            raise _damaged(self.path, "its rows are not those that were written")


def write_table(path: Path, terms: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Write `(len(terms), dimensions) float32` vectors, quantised to eight bits per row; terms most frequent first."""
    import hashlib

    largest = np.maximum(np.abs(vectors).max(axis=1), np.float32(1e-12))
    scales = (largest / np.float32(127)).astype("<f4")
    rows = np.rint(vectors / scales[:, None]).astype(np.int8)
    text = "\n".join(terms).encode() + b"\n"
    text += b"\n" * (-(len(text) + scales.nbytes) % 64)
    lead = scales.tobytes() + text
    body = rows.tobytes()
    identity = hashlib.sha256(lead + body).digest()[:16]
    header = _HEADER.pack(_MAGIC, FORMAT_VERSION, len(terms), vectors.shape[1], len(text), zlib.crc32(lead), zlib.crc32(body), identity)
    path.write_bytes(header + struct.pack("<I", zlib.crc32(header)) + lead + body)


def open_table(path: Path) -> Table:
    """Map the table at `path`. Raises `ModelUnavailable` when it is missing, damaged or of another format."""
    try:
        data = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))  # a plain view: the subclass is slow to index
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"The term vectors cannot be read: {path}: {error}", hint=_HINT) from error
    head = data[:_HEADER_BYTES].tobytes()
    checksum = int.from_bytes(head[_HEADER.size :], "little")
    if len(head) < _HEADER_BYTES or head[:8] != _MAGIC or zlib.crc32(head[: _HEADER.size]) != checksum:
        raise _damaged(path, "it does not begin as a table does")
    _, version, count, dimensions, text_bytes, lead_checksum, rows_checksum, identity = _HEADER.unpack_from(head)
    if version != FORMAT_VERSION:
        raise ModelUnavailable(f"The term vectors are of format {version}, and this version reads {FORMAT_VERSION}: {path}", hint=_HINT)
    text_start = _HEADER_BYTES + 4 * count
    rows_start = text_start + text_bytes
    if len(data) != rows_start + count * dimensions:
        raise _damaged(path, f"it has {len(data)} bytes instead of {rows_start + count * dimensions}")
    if zlib.crc32(data[_HEADER_BYTES:rows_start].data) != lead_checksum:
        raise _damaged(path, "its words are not those that were written")
    return Table(
        path,
        identity.hex(),
        data[text_start:rows_start].tobytes(),
        data[_HEADER_BYTES:text_start].view("<f4"),
        data[rows_start:].view(np.int8).reshape(count, dimensions),
        rows_checksum,
    )


_HINT = "Install codetriever again, or name another model."


def _damaged(path: Path, why: str) -> ModelUnavailable:
    return ModelUnavailable(f"The file of term vectors is damaged, {why}: {path}", hint=_HINT)
