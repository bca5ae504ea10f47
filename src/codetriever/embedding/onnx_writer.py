"""How is a computation written down so that ONNX Runtime can run it?

An ONNX model is a protocol buffer message. Only the fields that a graph of ours needs are written, so the `onnx` package is not needed.
Field numbers are those of `onnx.proto` (https://github.com/onnx/onnx); the wire format is https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

IR_VERSION = 9
OPSET = 18
MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators: fused attention, normalisation and quantised products
LARGEST_BYTES = (1 << 31) - (1 << 20)  # a protocol buffer message is smaller than 2 GiB

# TensorProto.DataType
FLOAT, INT32, INT64 = 1, 6, 7
_TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.int8): 3, np.dtype(np.int32): INT32, np.dtype(np.int64): INT64}
# AttributeProto.AttributeType
_IS_FLOAT, _IS_INT = 1, 2


class Graph:
    """Collects nodes and constants; names of values are made up as they are needed."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[tuple[bytes, NDArray[Any]]] = []
        self._inputs: list[bytes] = []
        self._names = 0

    def input(self, name: str, shape: Sequence[str]) -> str:
        """Declare an input of whole numbers (int64) whose dimensions have these names."""
        self._inputs.append(_value_info(name, INT64, shape))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        """Add a constant and return its name."""
        name = self._new_name()
        lead = b"".join((*(_number(1, size) for size in values.shape), _number(2, _TYPES[values.dtype]), _text(8, name)))
        self._constants.append((lead, np.ascontiguousarray(values)))
        return name

    def numbers(self, *values: int) -> str:
        """Add a constant vector of int64."""
        return self.constant(np.array(values, np.int64))

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: float) -> str:
        """Add a node with one output and return that; an empty input is one that is left out."""
        return self.nodes(operator, *inputs, outputs=1, domain=domain, **attributes)[0]

    def nodes(self, operator: str, *inputs: str, outputs: int, domain: str = "", **attributes: float) -> list[str]:
        """Add a node with several outputs and return them."""
        names = [self._new_name() for _ in range(outputs)]
        parts = [*(_text(1, name) for name in inputs), *(_text(2, name) for name in names), _text(4, operator)]
        parts += [_message(5, _attribute(name, value)) for name, value in attributes.items()]
        self._nodes.append(b"".join((*parts, _text(7, domain))))
        return names

    def model(self, output: str, name: str, shape: Sequence[str | int]) -> bytes:
        """Return the model that computes `output`, float32, under another name."""
        self._nodes.append(b"".join((_text(1, output), _text(2, name), _text(4, "Identity"))))
        parts = [_message(1, node) for node in self._nodes]
        parts.append(_text(2, "encoder"))
        for lead, values in self._constants:
            data = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
            parts += [_head(5, len(lead) + _head_bytes(9, len(data)) + len(data)), lead, _head(9, len(data)), data]
        parts += [_message(11, value) for value in self._inputs]
        parts.append(_message(12, _value_info(name, FLOAT, shape)))
        opsets = [_message(8, _number(2, OPSET)), _message(8, _text(1, MICROSOFT) + _number(2, 1))]
        return b"".join((_number(1, IR_VERSION), *opsets, _head(7, sum(map(len, parts))), *parts))

    @property
    def constant_bytes(self) -> int:
        """The size of all constants."""
        return sum(values.nbytes for _, values in self._constants)

    def _new_name(self) -> str:
        self._names += 1
        return f"v{self._names}"


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _IS_INT)
    return _text(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, _IS_FLOAT)


def _value_info(name: str, kind: int, shape: Sequence[str | int]) -> bytes:
    dimensions = b"".join(_message(1, _number(1, one) if isinstance(one, int) else _text(2, one)) for one in shape)
    tensor = _number(1, kind) + _message(2, dimensions)
    return _text(1, name) + _message(2, _message(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _message(field: int, body: bytes) -> bytes:
    return _head(field, len(body)) + body


def _head(field: int, size: int) -> bytes:
    return _varint(field << 3 | 2) + _varint(size)


def _head_bytes(field: int, size: int) -> int:
    return len(_head(field, size))


def _varint(value: int) -> bytes:
    return bytes(_septets(value))


def _septets(value: int) -> Iterable[int]:
    while value > 0x7F:
        yield value & 0x7F | 0x80
        value >>= 7
    yield value
