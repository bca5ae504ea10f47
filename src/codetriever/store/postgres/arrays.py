"""How do columns travel to and from PostgreSQL without becoming Python lists of numbers?

As binary arrays: a header, then each element with its length. Elements of a fixed width are one numpy record array, so a column of a
million numbers, or a matrix of vectors, is laid out by numpy at once. The SQL casts each parameter (`%(lines)s::int[]`), which is why
only the type of the elements has to be known here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from psycopg import Connection
    from psycopg.abc import Buffer

_BYTEA, _BIGINT, _SMALLINT, _INT, _TEXT, _FLOAT8, _UUID = 17, 20, 21, 23, 25, 701, 2950
_BIT_ARRAY = 1561
_HEADER = struct.Struct(">iiIii")
_EMPTY = struct.Struct(">iiI")
_LENGTH = struct.Struct(">i")
_ARRAYS: dict[int, tuple[str, type[np.generic]]] = {
    1005: (">i2", np.int16),
    1007: (">i4", np.int32),
    1016: (">i8", np.int64),
    1022: (">f8", np.float64),
}


class Binary:
    """A parameter in PostgreSQL's binary format."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class _BinaryDumper(Dumper):
    format = Format.BINARY
    oid = 0

    def dump(self, obj: Binary) -> Buffer:
        return obj.data


def _array_loader(wire: str, dtype: type[np.generic]) -> type[Loader]:
    record = np.dtype([("length", ">i4"), ("value", wire)])

    class ArrayLoader(Loader):
        format = Format.BINARY

        def load(self, data: Buffer) -> NDArray[Any]:
            if len(data) <= _EMPTY.size:
                return np.empty(0, dtype)
            return np.frombuffer(data, record, offset=_HEADER.size)["value"].astype(dtype)

    return ArrayLoader


class _BitsLoader(Loader):
    """Gives `bit[]` whose elements have one width as `(n, width / 8)` bytes."""

    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.uint8]:
        if len(data) <= _EMPTY.size:
            return np.empty((0, 0), np.uint8)
        (length,) = _LENGTH.unpack_from(data, _HEADER.size)
        record = np.dtype([("length", ">i4"), ("bits", ">i4"), ("value", "u1", (length - _LENGTH.size,))])
        return np.ascontiguousarray(np.frombuffer(data, record, offset=_HEADER.size)["value"])


_LOADERS: dict[int, type[Loader]] = {_BIT_ARRAY: _BitsLoader} | {oid: _array_loader(*kind) for oid, kind in _ARRAYS.items()}


def register(context: Connection[Any]) -> None:
    """Let a connection take `Binary` parameters and give arrays of numbers as numpy arrays; none may hold a NULL."""
    context.adapters.register_dumper(Binary, _BinaryDumper)
    for oid, loader in _LOADERS.items():
        context.adapters.register_loader(oid, loader)


def _fixed(values: NDArray[Any], element: int, wire: str) -> Binary:
    """Lay out `(n,)` numbers, or `(n, width)` bytes, as an array."""
    if not len(values):
        return Binary(_EMPTY.pack(0, 0, element))
    records = np.empty(len(values), np.dtype([("length", ">i4"), ("value", wire, values.shape[1:])]))
    records["length"] = records.dtype["value"].itemsize
    records["value"] = values
    return Binary(_HEADER.pack(1, 0, element, len(values), 1) + records.tobytes())


def bigints(values: NDArray[Any]) -> Binary:
    """Return `bigint[]`."""
    return _fixed(values, _BIGINT, ">i8")


def ints(values: NDArray[Any]) -> Binary:
    """Return `int[]`."""
    return _fixed(values, _INT, ">i4")


def smallints(values: NDArray[Any]) -> Binary:
    """Return `smallint[]`."""
    return _fixed(values, _SMALLINT, ">i2")


def uuids(values: NDArray[np.uint8]) -> Binary:
    """Return `uuid[]` of `(n, 16)` bytes."""
    return _fixed(values, _UUID, "u1")


def digests(values: NDArray[np.uint8]) -> Binary:
    """Return `bytea[]` of `(n, width)` bytes."""
    return _fixed(values, _BYTEA, "u1")


def halfvecs(matrix: NDArray[np.float32] | NDArray[np.int8], element: int) -> Binary:
    """Return `halfvec[]` of `(n, dim)` rows; `element` is the type's number in this database."""
    if not len(matrix):
        return Binary(_EMPTY.pack(0, 0, element))
    dimensions = matrix.shape[1]
    kinds = [("length", ">i4"), ("dimensions", ">i2"), ("unused", ">i2"), ("value", ">f2", (dimensions,))]
    records = np.zeros(len(matrix), np.dtype(kinds))
    records["length"] = 4 + 2 * dimensions
    records["dimensions"] = dimensions
    records["value"] = matrix
    return Binary(_HEADER.pack(1, 0, element, len(matrix), 1) + records.tobytes())


def halfvec(vector: NDArray[np.float32]) -> Binary:
    """Return one `halfvec`."""
    return Binary(struct.pack(">hh", len(vector), 0) + vector.astype(">f2").tobytes())


def from_halfvec(data: bytes) -> NDArray[np.float32]:
    """Return the numbers of one `halfvec` as it is sent."""
    return np.frombuffer(data, ">f2", offset=4).astype(np.float32)


def byteas(values: Sequence[bytes]) -> Binary:
    """Return `bytea[]`."""
    return _variable(values, _BYTEA)


def texts(values: Sequence[str]) -> Binary:
    """Return `text[]`. What PostgreSQL's text cannot hold, NUL and lone surrogates, becomes a replacement character."""
    return _variable([storable(value).encode() for value in values], _TEXT)


def storable(text: str) -> str:
    """Return the text as PostgreSQL can keep it."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "�")


def _variable(values: Sequence[bytes], element: int) -> Binary:
    if not values:
        return Binary(_EMPTY.pack(0, 0, element))
    parts = [_HEADER.pack(1, 0, element, len(values), 1)]
    for value in values:
        parts.append(_LENGTH.pack(len(value)))
        parts.append(value)
    return Binary(b"".join(parts))


def halfvec_type(connection: Connection[Any]) -> int:
    """Return the number of the type `halfvec` in this database."""
    row = connection.execute("SELECT 'halfvec'::regtype::oid").fetchone()
    return int(row[0]) if row else 0
