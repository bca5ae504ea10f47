"""Who uses a symbol: every whole word, definitions first, told apart and counted."""

import pytest

from codetriever.errors import InvalidQuery

FILES = {
    "core/session.py": """class MySession:
    def refresh(self):
        return Session().refresh()


class Session:
    def refresh(self):
        return self
""",
    "app/main.py": """from core.session import Session

# a Session lives long
session = Session()
print('Session', session)
Sessions = 1
my_Session = 2
""",
    "notes.md": "A Session—and another\u2014“Session”.\n",
}


def found(answer):
    return [(usage.path, usage.line, usage.kind) for usage in answer.usages]


def test_every_occurrence_is_told_apart_definitions_first(indexed):
    answer = indexed(FILES).usages("Session")
    assert found(answer) == [
        ("core/session.py", 6, "definition"),
        ("app/main.py", 1, "import"),
        ("app/main.py", 3, "comment"),
        ("app/main.py", 4, "call"),
        ("app/main.py", 5, "string"),
        ("core/session.py", 3, "call"),
        ("notes.md", 1, "reference"),
        ("notes.md", 1, "reference"),
    ]
    assert answer.total == 8
    assert sum(answer.counts.values()) == 8
    assert answer.exhaustive


def test_each_is_shown_with_its_line_and_its_bytes(indexed):
    index = indexed(FILES)
    for usage in index.usages("Session").usages:
        data = FILES[usage.path].encode()
        assert data[usage.byte_start : usage.byte_end] == b"Session"
        assert usage.text == FILES[usage.path].split("\n")[usage.line - 1]
    assert [usage.name for usage in index.usages("self").usages][:1] == ["MySession.refresh"]


def test_of_a_qualified_name_only_definitions_so_qualified_come_first(indexed):
    index = indexed(FILES)
    answer = index.usages("Session.refresh")
    assert found(answer) == [("core/session.py", line, kind) for line, kind in ((7, "definition"), (2, "definition"), (3, "call"))]
    assert answer.counts == {"definition": 2, "call": 1}
    assert [line for _, line, _ in found(index.usages("refresh"))] == [2, 7, 3]
    assert [line for _, line, _ in found(index.usages("MySession#refresh()"))] == [2, 3, 7]


def test_pages_tile_all_occurrences_and_counts_are_of_all(indexed):
    index = indexed({f"f{n}.py": "probe()\n" * 5 for n in range(5)} | {"z.py": "def probe():\n    pass\n"})
    whole = index.usages("probe")
    tiled = []
    while part := index.usages("probe", limit=4, offset=len(tiled)):
        assert (part.total, part.counts) == (26, {"call": 25, "definition": 1})
        if not part.usages:
            break
        tiled += part.usages
    assert tuple(tiled) == whole.usages
    assert tiled[0].path == "z.py"


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("größe", "größe = 1\nübergröße = größe\nGröße = 2\n", [1, 2]),
        ("\u7528\u6237", "\u7528\u6237 = 1\n\u65b0\u7528\u6237 = 2\nprint(\u7528\u6237)\n", [1, 3]),
        ("переменная", "переменная = 1\r\nx = переменная\r\n", [1, 2]),
        ("x", "é = x\nx1 = 2\nx\n", [1, 3]),
        ("_private", "self._private = __private\n", [1]),
    ],
)
def test_names_of_every_script_are_whole_words(indexed, name, text, lines):
    answer = indexed({"a.py": text}).usages(name)
    assert [usage.line for usage in answer.usages] == lines
    assert all(text.encode()[usage.byte_start : usage.byte_end] == name.encode() for usage in answer.usages)


@pytest.mark.parametrize(
    ("name", "path", "text", "count"),
    [
        ("empty?", "a.rb", "def empty?\n  true\nend\n\nputs empty?\n", 2),
        ("save!", "a.rb", "def save!\nend\n\nrecord.save!\nrecord.save\n", 2),
        ("user$", "a.js", "const user$ = of(1);\nuser$.subscribe(x);\nuser();\n", 2),
        ("$scope", "a.js", "function f($scope) { return $scope; }\n", 2),
    ],
)
def test_names_with_marks_that_a_language_allows(indexed, name, path, text, count):
    answer = indexed({path: text}).usages(name)
    assert answer.total == count


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("name", ["count", "größe"])
def test_lines_and_bytes_are_right_in_every_encoding(indexed, encoding, name):
    lines = ["/* Übersicht über die Größen */", "int größe = 0, count = 1;", "", "return größe + count; // \u20ac", "done();", ""]
    data = "\r\n".join(lines).encode(encoding)
    answer = indexed({"a.txt": data}).usages(name)
    codec = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    assert [(usage.line, usage.text) for usage in answer.usages] == [(2, lines[1]), (4, lines[3])]
    assert [data[usage.byte_start : usage.byte_end].decode(codec) for usage in answer.usages] == [name, name]


def test_crlf_belongs_to_no_line(indexed):
    answer = indexed({"a.py": "def load():\r\n    pass\r\n\r\nload()\r\n"}).usages("load")
    assert [(usage.line, usage.text, usage.kind) for usage in answer.usages] == [(1, "def load():", "definition"), (4, "load()", "call")]


def test_of_a_long_line_only_what_lies_around_is_shown(indexed):
    line = "x = [" + "1, " * 3000 + "needle, " + "2, " * 3000 + "]"
    (usage,) = indexed({"a.py": line + "\n"}).usages("needle").usages
    assert "needle" in usage.text
    assert len(usage.text) <= 400


def test_in_many_files_only_those_on_the_page_are_told_apart(indexed, monkeypatch):
    monkeypatch.setattr("codetriever.search.usages.MAX_PARSED_FILES", 2)
    index = indexed({f"f{n}.py": "probe()\n" for n in range(5)} | {"z.py": "def probe():\n    pass\n"})
    answer = index.usages("probe", limit=2)
    assert found(answer) == [("z.py", 1, "definition"), ("f0.py", 1, "call")]
    assert answer.counts == {"call": 1, "definition": 1, "occurrence": 4}


@pytest.mark.parametrize("symbol", ["", " ", "two words", "a-b", "5", "?", "é?é", "🦀", "f(x)", "a.", "\0", "\ud800"])
def test_what_is_no_name_is_refused(harbour, symbol):
    with pytest.raises(InvalidQuery, match="not a symbol's name"):
        harbour.usages(symbol)


def test_a_name_that_occurs_nowhere_has_no_usages(harbour):
    answer = harbour.usages("no_such_name_anywhere")
    assert (answer.usages, answer.total, answer.counts) == ((), 0, {})
