"""What each language's reference patterns tell of a name, on the fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from codetriever.chunking.symbols import imports_span, references

FIXTURES = Path(__file__).parent / "fixtures"

CASES = [
    ("bash", "total", "15 comment, 16 definition, 47 call"),
    ("bash", "lib", "4 import"),
    ("css", "order", "7 comment, 8 reference, 9 reference, 23 reference"),
    ("dart", "formatAmount", "70 definition, 78 call"),
    ("dockerfile", "VERSION", "2 definition, 3 reference"),
    ("elixir", "traced", "19 definition, 50 definition"),
    ("elixir", "Repo", "7 import"),
    ("groovy", "CompileStatic", "3 import, 7 reference"),
    ("haskell", "price", "36 definition, 37 definition, 42 definition, 46 definition, 46 call, 47 definition, 47 call"),
    ("haskell", "cents", "13 comment, 14 definition, 60 call"),
    ("haskell", "sortOn", "11 import"),
    ("hcl", "region", "5 definition, 11 reference"),
    ("kotlin", "load", "71 definition, 73 call, 81 definition, 94 call"),
    ("kotlin", "Instant", "5 import, 11 reference, 11 reference, 41 reference"),
    ("lua", "digits", "13 definition, 18 call"),
    ("lua", "json", "1 import"),
    ("make", "SOURCES", "3 definition, 14 reference"),
    ("nix", "lib", "1 reference, 20 reference"),
    ("perl", "sum", "5 import, 27 call"),
    ("php", "format_amount", "43 call, 84 definition, 104 call"),
    ("php", "DateTimeImmutable", "7 import"),
    ("powershell", "Get-Total", "20 reference, 49 call"),
    ("ruby", "digits", "37 reference, 61 definition"),
    ("ruby", "require_relative", "4 import"),
    ("scala", "parse", "25 definition, 83 call"),
    ("scss", "card", "6 definition, 19 call"),
    ("solidity", "price", "19 definition, 50 definition"),
    ("sql", "order_total", "31 definition, 60 call"),
    ("swift", "formatAmount", "112 definition"),
    ("swift", "Shop", "2 import, 100 definition"),
    ("zig", "init", "34 definition, 39 call, 79 call, 79 call"),
]


def read(language: str) -> bytes:
    (source,) = (path for path in (FIXTURES / language).iterdir() if path.suffix != ".expected")
    return source.read_bytes()


@pytest.mark.parametrize(("language", "name", "expected"), CASES, ids=lambda value: value if len(value) < 20 else "")
def test_uses_of_a_name(language: str, name: str, expected: str) -> None:
    assert ", ".join(f"{one.line} {one.context}" for one in references(read(language), language, name=name)) == expected


@pytest.mark.parametrize(
    ("language", "first", "last"),
    [
        ("dart", "import 'dart:async';", "part 'orders.g.dart';"),
        ("elixir", "use GenServer", "require Logger"),
        ("kotlin", "import java.time.Instant", "import kotlin.math.max as largest"),
        ("php", "use DateTimeImmutable;", "use function array_map;"),
        ("ruby", 'require "time"', 'require_relative "money"'),
        ("zig", 'const std = @import("std");', 'usingnamespace @import("shop.zig");'),
    ],
)
def test_imports_at_the_top(language: str, first: str, last: str) -> None:
    source = read(language)
    span = imports_span(source, language)
    assert span is not None
    lines = source[slice(*span)].decode().splitlines()
    assert (lines[0].strip(), lines[-1].strip()) == (first, last)
