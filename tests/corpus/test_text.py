from __future__ import annotations

import random
import time
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codetriever.corpus.text import Text, decode, is_binary

PANGRAMS = {
    "cp1252": "// Größe ändern: Übermäßig große Flächen für Bücher, naïve façade, déjà vu à la carte – “quoted”\nint größe = 3;\n",
    "iso-8859-1": "# Autor: José Nuñez, montaña, señor, corazón, también, niño\nanio = 1\n",
    "cp1251": "# Функция возвращает количество строк в файле, если файл существует\ndef count(): pass\n" * 2,
    "koi8-r": "/* Эта функция открывает файл и читает из него строки по одной до конца */\nint main;\n" * 2,
    "shift_jis": "// ファイルを開いて、行数を数える関数です。エラーの場合は負の値を返します\nint f();\n" * 2,
    "euc-jp": "// ファイルを開いて、行数を数える関数です。エラーの場合は負の値を返します\nint f();\n" * 2,
    "gbk": "// 打开文件并计算行数，如果文件不存在则返回错误代码，这是一个测试函数\nint f();\n" * 2,
    "big5": "// 開啟檔案並計算行數，如果檔案不存在則傳回錯誤代碼，這是一個測試函數\nint f();\n" * 2,
    "euc-kr": "// 파일을 열고 줄 수를 세는 함수입니다. 오류가 발생하면 음수를 반환합니다\nint f();\n" * 2,
}


def check_offsets(data: bytes, text: Text) -> None:
    """Every character's place in the text leads to its bytes in the file."""
    characters = text.utf8.decode("utf-8")
    offset = 0
    for character in characters:
        size = len(character.encode())
        start, end = text.original_offset(offset), text.original_offset(offset + size)
        assert data[start:end].decode(text.encoding) == character
        offset += size
    assert text.original_offset(len(text.utf8)) == len(data)


def test_utf8_is_passed_on_as_it_is() -> None:
    data = "größe = 1\r\n".encode()
    text = decode(data)
    assert text.utf8 is data
    assert text.encoding == "utf-8"
    assert [text.original_offset(at) for at in range(len(data) + 1)] == list(range(len(data) + 1))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_byte_order_marks_decide(encoding: str) -> None:
    source = "a = 'größe 😀'\r\nb\n"
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    data = (mark + source).encode(encoding)
    text = decode(data)
    assert text.utf8.decode() == source
    check_offsets(data, text)


@pytest.mark.parametrize("encoding", PANGRAMS)
def test_legacy_encodings_are_found(encoding: str) -> None:
    data = PANGRAMS[encoding].encode(encoding)
    text = decode(data)
    assert text.utf8.decode() == PANGRAMS[encoding]
    check_offsets(data, text)


def test_one_legacy_letter_in_a_long_file_is_decoded() -> None:
    data = b"int a;\n" * 5000 + b"// Bj\xf6rn\n" + b"int b;\n" * 5000
    text = decode(data)
    assert "Björn" in text.utf8.decode()
    at = text.utf8.index(b"rn\n")
    assert data[text.original_offset(at) :].startswith(b"rn\n")


def test_damaged_utf8_keeps_its_offsets() -> None:
    data = "größe ".encode() * 10 + b"\xff and \xe2\x82 cut\n" + "日本".encode()
    text = decode(data)
    assert text.encoding == "utf-8"
    assert len(text.utf8) == len(data)
    assert text.utf8.decode().count("?") == 3
    assert text.original_offset(40) == 40


def test_offsets_within_a_character_lead_to_its_beginning() -> None:
    text = decode("ab€c".encode("utf-16"))
    assert [text.original_offset(at) for at in range(7)] == [2, 4, 6, 6, 6, 8, 10]


@given(st.binary(max_size=300))
@example(b"\xff\xfe\x00")
@example(b"\xff\xfea\x00\x00\xd8")
@example(b"\xff\xfe\x00\x00\xff\xff\xff\xff")
@example(b"\xfe\xff\xd8\x00\xd8")
@example(b"\xef\xbb\xbf\xff")
def test_any_bytes_decode_and_offsets_stay_in_order(data: bytes) -> None:
    text = decode(data)
    text.utf8.decode("utf-8")
    offsets = [text.original_offset(at) for at in range(len(text.utf8) + 1)]
    assert offsets == sorted(offsets)
    assert offsets[-1] <= len(data)
    is_binary(data)


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80),
    st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]),
)
def test_marked_text_is_read_exactly(source: str, encoding: str) -> None:
    data = ("\ufeff" + source).encode(encoding)
    if encoding == "utf-16-le" and source.startswith("\0"):
        return  # the same bytes begin a file in UTF-32
    text = decode(data)
    assert text.utf8 == source.encode()
    check_offsets(data, text)


@given(st.text(alphabet="abc \nßéöñçÅ", max_size=120))
def test_latin_text_is_decoded_to_some_text_of_the_same_shape(source: str) -> None:
    data = source.encode("latin-1")
    text = decode(data)
    check_offsets(data, text)
    assert text.utf8.count(b"\n") == source.count("\n")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (b"text\x1b[0m with colours\n", False),
        (b"a\fb\vc\x07\n", False),
        (b"\xff\xfe" + "text".encode("utf-16-le"), False),
        (b"a" * 9000 + b"\0", True),
        (b"\xff\xfb\x90\x44" + bytes(range(256)), True),
        (b"\xff\xfe" + bytes(range(0xD8, 0xE0)) * 100, True),
        (b"\x1f\x8b\x08abc", True),
        (b"PK\x03\x04abc", True),
        (b"PKG = 1\n", False),
    ],
)
def test_binary_is_told_from_text(data: bytes, expected: bool) -> None:
    assert is_binary(data) is expected


@pytest.mark.parametrize("seed", range(20))
def test_compressed_bytes_without_a_nul_are_binary(seed: int) -> None:
    data = zlib.compress(random.Random(seed).randbytes(800)).replace(b"\0", b"\x01")
    assert is_binary(data)


def test_a_large_legacy_file_takes_bounded_time() -> None:
    data = b"int a; // Gr\xf6\xdfe\n" * 60_000
    started = time.perf_counter()
    text = decode(data)
    assert "Größe" in text.utf8[:100].decode()
    assert time.perf_counter() - started < 5
