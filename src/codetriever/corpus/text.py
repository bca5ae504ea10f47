"""Which characters do these bytes stand for, and where did each lie in the file?"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

import numpy as np

from codetriever.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE_BYTES = 4096
_PROBE_BYTES = 8192
_NEVER_TEXT = (b"%PDF-", b"\x89PNG\r", b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\xff\xd8\xff", b"GIF8")
_TEXT_BYTES = bytes([*range(7, 14), 27, *range(32, 127), *range(128, 256)])
_CONTROL_SHARE = 0.1
_LEGACY_CONTROL_SHARE = 0.03  # compressed bytes have 0.1, and are neither UTF-8 nor what people wrote before it
_FALLBACK = "iso-8859-1"
# What people write source code in; the detector knows a hundred codecs, and takes a few letters for EBCDIC.
_LEGACY = [
    "cp1252",
    "cp1251",
    "koi8_r",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
    "cp1250",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp874",
]
_WESTERN_LETTERS = "ÀÁÂÃÄÅÆÇÈÉÊËÍÎÑÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ".encode("cp1252")
_WESTERN_SYMBOLS = "\xa0¡£§¨©«¬®°±²³´µ¶·¹º»¼½¾¿×÷€…–—‘’“”•™".encode("cp1252")
# Western text has its letters above ASCII alone or in pairs within words, and its symbols outside them.
_WESTERN = re.compile(
    rb"(?:[\x00-\x7f]+|[%b]{1,2}(?![\x80-\xff])|(?<![A-Za-z])[%b]|[%b](?![A-Za-z]))*+"
    % (_WESTERN_LETTERS, _WESTERN_SYMBOLS, _WESTERN_SYMBOLS)
)


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text as UTF-8 without a byte order mark.

    `encoding` is the Python codec by which any whole-character slice of the file's bytes decodes. `starts` holds, for every
    character and the end, where it begins in `utf8` and in what follows the mark; None where both agree.
    """

    utf8: bytes
    encoding: str
    mark_bytes: int = 0
    starts: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def original_offset(self, utf8_offset: int) -> int:
        """Return where in the file's bytes the character at this offset of `utf8` begins; the end maps to the end."""
        if self.starts is None:
            return self.mark_bytes + utf8_offset
        utf8, original = self.starts
        return self.mark_bytes + int(original[np.searchsorted(utf8, utf8_offset, side="right") - 1])


def decode(data: bytes) -> Text:
    """Decode UTF-8, UTF-16 or UTF-32 with a byte order mark, or a legacy encoding found by its bytes. Never raises.

    In UTF-8 with some damaged bytes each of these becomes a question mark, so that offsets stay as they are.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            if encoding == "utf-8":
                return Text(_repaired(data[len(mark) :]), encoding, len(mark))
            return _mapped(data[len(mark) :], encoding, len(mark))
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        if _is_damaged_utf8(data):
            return Text(_repaired(data), "utf-8")
        return _mapped(data, _legacy_encoding(data), 0)
    return Text(data, "utf-8")


def is_binary(data: bytes) -> bool:
    """Say whether these bytes are no text: they hold a NUL, begin like a known format, or are full of control characters."""
    for mark, encoding in _BOMS:
        if data.startswith(mark) and encoding != "utf-8":
            sample = data[len(mark) : _PROBE_BYTES].decode(encoding, "replace")
            return "\0" in sample or sample.count("\ufffd") > 1 + len(sample) * _CONTROL_SHARE
    if b"\0" in data or data.startswith(_NEVER_TEXT):
        return True
    probe = data[:_PROBE_BYTES]
    controls = len(probe.translate(None, _TEXT_BYTES))
    return controls > 0 and controls > len(probe) * (_CONTROL_SHARE if _is_damaged_utf8(probe) else _LEGACY_CONTROL_SHARE)


def _repaired(data: bytes) -> bytes:
    """Replace every byte that is not part of UTF-8 by a question mark."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape").encode("utf-8", "replace")
    return data


def _is_damaged_utf8(data: bytes) -> bool:
    """Say whether most bytes above ASCII do form UTF-8."""
    text = data.decode("utf-8", "surrogateescape")
    damaged = len(text.encode("utf-8", "surrogateescape").translate(None, bytes(range(128)))) - _valid_high_bytes(text)
    return damaged * 4 <= _valid_high_bytes(text)


def _valid_high_bytes(text: str) -> int:
    return len(text.encode("utf-8", "ignore").translate(None, bytes(range(128))))


def _legacy_encoding(data: bytes) -> str:
    """Guess a legacy encoding from the lines that are not ASCII, and make sure that it decodes all of the data."""
    sample = _sample(data)
    guesses = ["cp1252"]
    if not _WESTERN.fullmatch(sample):
        from charset_normalizer import from_bytes

        best = from_bytes(sample, cp_isolation=_LEGACY, threshold=0.4, enable_fallback=False).best()
        if best is not None:
            guesses.insert(0, best.encoding)
    for encoding in guesses:
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return _FALLBACK


def _sample(data: bytes) -> bytes:
    lines: list[bytes] = []
    size = 0
    for line in data.split(b"\n"):
        if not line.isascii():
            lines.append(line)
            size += len(line) + 1
            if size >= _SAMPLE_BYTES:
                break
    return b"\n".join(lines)[:_SAMPLE_BYTES]


def _mapped(data: bytes, encoding: str, mark_bytes: int) -> Text:
    """Decode and keep, for every character, where it begins on both sides."""
    text = data.decode(encoding, "replace")
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    distinct, positions = np.unique(points, return_inverse=True)
    widths = np.array([len(chr(point).encode(encoding, "replace")) for point in distinct.tolist()], np.int64)
    original = _starts(widths[positions])
    if original[-1] != len(data) and encoding[:3] != "utf":
        return _mapped(data, _FALLBACK, mark_bytes)
    utf8_widths = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    return Text(text.encode("utf-8"), encoding, mark_bytes, (_starts(utf8_widths), np.minimum(original, len(data))))


def _starts(widths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of consecutive pieces begins, and where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(widths)])
