"""Chunks cover a text exactly, whatever the text is.

`make test` damages some sixty sources a language, always in the same way; `make test-long` a hundred thousand in all, from a seed that
it prints. A failure prints the seed of its input.
"""

from __future__ import annotations

import random
import re
import sysconfig
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codetriever.chunking import BUDGET_BYTES, cut
from codetriever.chunking.grammars import GRAMMARS
from codetriever.chunking.lines import best_line, place_in_line
from codetriever.chunking.symbols import references
from codetriever.types import KIND_CODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetriever.types import Pieces

FIXTURES = Path(__file__).parents[1] / "chunking" / "fixtures"
BLANK = b" \t\r\n\x0c\x0b"
LANGUAGES = sorted(GRAMMARS)
OWN_SUFFIXES = {".py": "python", ".md": "markdown", ".toml": "toml", ".scm": "scheme", ".go": "go", ".rs": "rust", ".java": "java"}
LONG_INPUTS = 100_000 // len(LANGUAGES) + 1
RUN_SEED = random.SystemRandom().randrange(1 << 32)
INSTALLED_SUFFIXES = {".py": "python", ".pyi": "python", ".c": "c", ".h": "c", ".txt": "text", ".js": "javascript", ".html": "html"}

WORDS = (
    "def f(a):\n|    return a\n|class A {\n|}\n|{|(|)|]|\"|'''|/*|*/|//|#if X\n|#endif\n|\n\n|\t|é|漢|\x00|\ufeff|x = 1;\n|fn f() {\n|"
    "end\n|do |x,|\n|<a b='c'>|</a>|`${|EOF\n|<<EOF\n|\\\n|@x\n|namespace a::b {\n|\r\n"
)
pieces_of_code = st.sampled_from(WORDS.split("|"))
codelike = st.lists(pieces_of_code, max_size=60).map(lambda parts: "".join(parts).encode())
anything = st.one_of(st.binary(max_size=3000), st.text(max_size=1000).map(lambda text: text.encode("utf-8", "surrogatepass")), codelike)


def check(source: bytes, pieces: Pieces, budget_bytes: int) -> None:
    position = 0
    for chunk in pieces.chunks:
        assert position <= chunk.byte_start < chunk.byte_end <= len(source)
        assert not source[position : chunk.byte_start].strip(BLANK), "bytes between chunks"
        assert source[chunk.byte_start : chunk.byte_end].strip(BLANK), "a blank chunk"
        assert source[chunk.byte_end - 1 : chunk.byte_end] not in (b"\n", b"\r")
        assert chunk.byte_end - chunk.byte_start <= budget_bytes * 1.5
        assert chunk.start_line == 1 + source.count(b"\n", 0, chunk.byte_start)
        assert chunk.end_line == 1 + source.count(b"\n", 0, chunk.byte_end)
        assert chunk.kind in KIND_CODES
        position = chunk.byte_end
    assert not source[position:].strip(BLANK), "bytes after the last chunk"
    starts = [one.byte_start for one in pieces.definitions]
    assert starts == sorted(starts)
    for one in pieces.definitions:
        assert 0 <= one.byte_start < one.byte_end <= len(source)
        assert one.start_line <= one.line <= one.end_line
        assert one.name
        assert one.qualified_name.endswith(one.name)
        assert one.kind in KIND_CODES


@settings(max_examples=300, deadline=None)
@given(anything, st.sampled_from([*LANGUAGES, "text"]), st.sampled_from([8, 40, 200, 1536]))
def test_any_bytes_are_covered(source: bytes, language: str, budget_bytes: int) -> None:
    check(source, cut(source, language, budget_bytes=budget_bytes), budget_bytes)


@settings(max_examples=200, deadline=None)
@given(anything, st.sampled_from([*LANGUAGES, "text"]))
def test_references_are_at_their_bytes(source: bytes, language: str) -> None:
    for one in references(source, language):
        assert source[one.byte_start : one.byte_end].decode("utf-8", "replace") == one.name
        assert one.line == 1 + source.count(b"\n", 0, one.byte_start)


@given(anything, st.integers(0, 60), st.integers(1, 200), st.integers(0, 80))
def test_the_best_line_to_cut_before_is_the_least_deep_and_then_the_nearest(source: bytes, start: int, length: int, wanted: int) -> None:
    possible = []
    position = 0
    after_blank = False
    for line in source[: start + length].split(b"\n"):
        if position > start or position == start == 0:
            indent = min(len(line) - len(line.lstrip(BLANK)), 8)
            heads = after_blank and not indent and re.match(rb"#{1,6} |={3,}|-{3,}|\[", source[position:])
            if line.strip(BLANK):
                possible.append((0 if heads else 1 + indent if after_blank else 10 + indent, abs(position - wanted), position))
            after_blank = not line.strip(BLANK)
        position += len(line) + 1
    depth, _, place = min(possible, default=(0, 0, 0))
    assert best_line(source, start, start + length, wanted) == ((place, depth) if possible else None)


@given(st.text(min_size=2, max_size=200).map(lambda text: text.encode("utf-8", "replace")), st.integers(0, 50), st.integers(4, 60))
def test_a_line_is_cut_between_characters(source: bytes, start: int, length: int) -> None:
    limit = min(start + length, len(source))
    if limit - start < 4 or source[start] & 0xC0 == 0x80:
        return
    place = place_in_line(source, start, limit)
    assert start < place <= limit
    source[start:place].decode()


@pytest.mark.parametrize("budget_bytes", [64, 2048])
def test_the_project_s_own_files_are_covered(budget_bytes: int) -> None:
    root = FIXTURES.parents[2]
    files = [path for folder in ("src", "tests", "docs", "bench") for path in (root / folder).rglob("*") if path.suffix in OWN_SUFFIXES]
    assert len(files) > 100
    for path in files:
        source = path.read_bytes()
        pieces = cut(source, OWN_SUFFIXES[path.suffix], budget_bytes=budget_bytes)
        check(source, pieces, budget_bytes)
        assert pieces.parser == ("" if path.suffix in (".scm", ".toml") else OWN_SUFFIXES[path.suffix])


def mutated(source: bytes, chance: random.Random) -> bytes:
    """Truncate, cut out, repeat, swap and overwrite parts of a source."""
    data = bytearray(source)
    for _ in range(chance.randint(1, 4)):
        size = max(1, len(data))
        start = chance.randrange(size)
        end = min(size, start + chance.randint(1, 60))
        match chance.randrange(6):
            case 0:
                del data[start:]
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = data[start:end] * chance.randint(1, 5)
            case 3:
                data[start:end] = chance.randbytes(end - start)
            case 4:
                data[start:start] = chance.choice((b"{", b"}", b"(", b")", b'"', b"'", b"/*", b"\n", b"\x00", b"\xff", b"#", b"`", b"<"))
            case _:
                data = data[start:] + data[:start]
    return bytes(data)


def samples(language: str) -> list[bytes]:
    found = sorted(path for path in (FIXTURES / language).glob("*") if path.suffix != ".expected")
    return [path.read_bytes() for path in found] or [path.read_bytes() for path in sorted(FIXTURES.glob("*/*"))[:3]]


def fuzz(language: str, inputs: int, run_seed: int = 0) -> None:
    sources = samples(language)
    for number in range(inputs):
        seed = zlib.crc32(f"{run_seed} {language} {number}".encode())
        chance = random.Random(seed)
        source = mutated(chance.choice(sources), chance)
        budget_bytes = chance.choice((24, 120, 400, 1536))
        try:
            check(source, cut(source, language, budget_bytes=budget_bytes), budget_bytes)
        except Exception as error:
            error.add_note(f"{language}, input {number}, seed {seed}, budget {budget_bytes}")
            raise


@pytest.mark.parametrize("language", LANGUAGES)
def test_damaged_source_is_covered(language: str) -> None:
    fuzz(language, 60)


@pytest.mark.long("fuzzing")
@pytest.mark.parametrize("language", LANGUAGES)
def test_much_damaged_source_is_covered(language: str, record_property: Callable[[str, str], None]) -> None:
    record_property("done", f"{LONG_INPUTS * len(LANGUAGES):,} damaged sources in {len(LANGUAGES)} languages, seed {RUN_SEED}")
    fuzz(language, LONG_INPUTS, RUN_SEED)


@pytest.mark.long("cover and offsets")
@settings(max_examples=20_000, deadline=None)
@given(anything, st.sampled_from([*LANGUAGES, "text"]), st.sampled_from([8, 40, 200, 1536]))
def test_many_bytes_are_covered(source: bytes, language: str, budget_bytes: int) -> None:
    check(source, cut(source, language, budget_bytes=budget_bytes), budget_bytes)


@pytest.mark.long("cover and offsets")
def test_the_files_of_an_installation_are_covered(record_property: Callable[[str, str], None]) -> None:
    """Real files that somebody else wrote: those of Python's library and of the packages beside it."""
    files = [
        path
        for folder in dict.fromkeys(sysconfig.get_path(name) for name in ("stdlib", "purelib"))
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix in INSTALLED_SUFFIXES and path.is_file() and path.stat().st_size < 200_000
    ][:6_000]
    assert len(files) > 500
    for path in files:
        source = path.read_bytes()
        check(source, cut(source, INSTALLED_SUFFIXES[path.suffix]), BUDGET_BYTES)
    record_property("done", f"{len(files):,} installed files; 20,000 random texts")
