"""Names told apart by what they are used for."""

from __future__ import annotations

from pathlib import Path

import pytest

from codetriever.chunking.symbols import imports_span, references

SOURCES = sorted(path for path in (Path(__file__).parent / "fixtures").glob("*/[eE]very*") if path.suffix != ".expected")
PYTHON = '''\
"""Uses load a lot."""

import os
from shop import load

# load is called below
def run(load):
    print("load this", f"and {load} that")
    return load(other.load)


class Loader:
    def load(self):
        return self.load()
'''


def contexts(source: str, language: str, name: str) -> list[tuple[int, str]]:
    return [(one.line, one.context) for one in references(source.encode(), language, name=name)]


def test_every_context_is_told_apart() -> None:
    assert contexts(PYTHON, "python", "load") == [
        (1, "string"),
        (4, "import"),
        (6, "comment"),
        (7, "reference"),
        (8, "string"),
        (8, "reference"),
        (9, "call"),
        (9, "reference"),
        (13, "definition"),
        (14, "call"),
    ]


CALLS = {
    "c": '#include <load.h>\nint load(int a) { return a; }\n// load\nint x = load(1);\nchar *s = "load";\n',
    "cpp": '#include <load.h>\nint load(int a) { return a; }\n// load\nint x = load(1);\nauto s = "load";\n',
    "csharp": 'using load;\nclass A { int load(int a) { return a; }\n// load\nint x() { return load(1); }\nstring s = "load"; }\n',
    "go": 'import "load"\nfunc load(a int) int { return a }\n// load\nvar x = load(1)\nvar s = "load"\n',
    "java": 'import a.load;\nclass A { int load(int a) { return a; }\n// load\nint x = load(1);\nString s = "load"; }\n',
    "javascript": "import { load } from 'a';\nfunction load(a) { return a; }\n// load\nconst x = load(1);\nconst s = 'load';\n",
    "rust": 'use a::load;\nfn load(a: i32) -> i32 { a }\n// load\nfn x() -> i32 { load(1) }\nstatic S: &str = "load";\n',
    "tsx": "import { load } from 'a';\nfunction load(a: number) { return a; }\n// load\nconst x = load(1);\nconst s = 'load';\n",
    "typescript": "import { load } from 'a';\nfunction load(a: number) { return a; }\n// load\nconst x = load(1);\nconst s = 'load';\n",
}


@pytest.mark.parametrize("language", sorted(CALLS))
def test_every_language_tells_them_apart(language: str) -> None:
    assert contexts(CALLS[language], language, "load") == [(1, "import"), (2, "definition"), (3, "comment"), (4, "call"), (5, "string")]


def test_only_whole_words_are_found() -> None:
    assert contexts("load = 1\nloaded = load_it = 2\nfoo.load\n", "python", "load") == [(1, "definition"), (3, "reference")]


def test_without_a_name_every_name_is_found_and_no_keyword() -> None:
    found = references(PYTHON.encode(), "python")
    assert {"os", "run", "Loader", "other", "lot"} <= {one.name for one in found}
    assert not {"import", "def", "class", "return"} & {one.name for one in found}
    assert [one.byte_start for one in found] == sorted(one.byte_start for one in found)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.parent.name)
def test_one_name_is_told_apart_like_all_of_them(source: Path) -> None:
    text, language = source.read_bytes(), source.parent.name
    found = references(text, language)
    for name in sorted({one.name for one in found})[::7]:
        assert [one for one in references(text, language, name=name) if one in found] == [one for one in found if one.name == name]


def test_offsets_are_of_bytes() -> None:
    source = "é = 1\nprint(é, load)\n".encode()
    for one in references(source, "python"):
        assert source[one.byte_start : one.byte_end].decode() == one.name
        assert source.count(b"\n", 0, one.byte_start) + 1 == one.line


def test_a_language_without_a_grammar_has_no_references() -> None:
    assert references(b"load load", "text") == []


def test_the_imports_at_the_top_are_one_span() -> None:
    source = (
        b"'''Doc.'''\n\nimport os\n\ntry:\n    import json\nexcept ImportError:\n    json = None\n\n" + b"x = 1\n" * 20 + b"import late\n"
    )
    assert imports_span(source, "python") is not None
    start, end = imports_span(source, "python") or (0, 0)
    assert source[start:end].startswith(b"import os")
    assert source[start:end].endswith(b"import json")


@pytest.mark.parametrize("language", ["python", "text"])
def test_a_text_without_imports_has_no_span(language: str) -> None:
    assert imports_span(b"x = 1\n", language) is None
