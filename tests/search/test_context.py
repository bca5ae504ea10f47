"""What surrounds a line, and what a file or folder defines."""

import pytest

from codetriever.errors import InvalidQuery, PathNotFound

SOURCE = '''"""A module."""

import os
from pathlib import Path

LIMIT = 3


def first():
    return os.getpid()


class Box:
    """Holds things."""

    def put(self, thing):
        self.things.append(thing)
        return self

    def take(self):
        return self.things.pop()


def last():
    return Path()
'''
LINES = SOURCE.split("\n")


def line_of(text):
    return 1 + next(number for number, line in enumerate(LINES) if text in line)


def test_the_innermost_definition_is_shown_whole(indexed):
    answer = indexed({"box.py": SOURCE}).context(f"box.py:{line_of('things.append')}")
    assert (answer.enclosing.kind, answer.enclosing.name) == ("method", "Box.put")
    assert answer.enclosing.text == "    def put(self, thing):\n        self.things.append(thing)\n        return self\n"
    assert (answer.enclosing.start_line, answer.enclosing.end_line) == (16, 18)
    assert SOURCE.encode()[answer.enclosing.byte_start : answer.enclosing.byte_end].decode() == answer.enclosing.text
    assert (answer.path, answer.language) == ("box.py", "python")


def test_the_imports_and_the_neighbours_are_named(indexed):
    answer = indexed({"box.py": SOURCE}).context("box.py:17")
    assert answer.imports is not None
    assert answer.imports.text == "import os\nfrom pathlib import Path\n"
    assert [one.qualified_name for one in answer.before] == ["LIMIT", "first"]
    assert [one.qualified_name for one in answer.after] == ["Box.take", "last"]


@pytest.mark.parametrize("radius", [0, 1, 5, 100])
def test_the_radius_widens_what_is_shown_within_the_file(indexed, radius):
    answer = indexed({"box.py": SOURCE}).context("box.py:17", radius=radius)
    first, last = max(16 - radius, 1), min(18 + radius, len(LINES) - 1)
    assert (answer.enclosing.start_line, answer.enclosing.end_line) == (first, last)
    assert answer.enclosing.text == "".join(line + "\n" for line in LINES[first - 1 : last])
    assert (answer.imports is None) is (first <= 4)


def test_a_negative_radius_is_none(indexed):
    index = indexed({"box.py": SOURCE})
    assert index.context("box.py:17", radius=-3).enclosing == index.context("box.py:17").enclosing


def test_outside_a_definition_the_chunk_is_shown(indexed):
    answer = indexed({"notes.txt": "one\ntwo\nthree\n"}).context("notes.txt:2")
    assert answer.enclosing.kind == "block"
    assert "two" in answer.enclosing.text


@pytest.mark.parametrize("line", [0, 26, 999_999_999])
def test_a_line_that_the_file_has_not_is_refused(indexed, line):
    with pytest.raises(InvalidQuery, match=f"box.py has 25 lines; there is no line {line:,}"):
        indexed({"box.py": SOURCE}).context(f"box.py:{line}")


@pytest.mark.parametrize("line", range(1, 26))
def test_every_line_lies_in_its_context(indexed, line):
    around = indexed({"box.py": SOURCE}).context(f"box.py:{line}").enclosing
    assert around.start_line <= line <= around.end_line


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252", "utf-8-sig"])
def test_lines_are_whole_in_every_encoding(indexed, encoding):
    text = "// Größe\r\nint größe(int x)\r\n{\r\n    return x; // naïve\r\n}\r\n"
    around = indexed({"a.c": text.encode(encoding)}).context("a.c:4", radius=10).enclosing
    assert around.text.removeprefix("\ufeff") == text
    with pytest.raises(InvalidQuery, match="has 5 lines"):
        indexed({"a.c": text.encode(encoding)}).context("a.c:6")


def test_an_empty_file_has_one_empty_line(indexed):
    index = indexed({"empty.py": "", "a.py": "x = 1\n"})
    assert index.context("empty.py:1").enclosing.text == ""
    with pytest.raises(InvalidQuery, match="has 1 lines"):
        index.context("empty.py:2")


@pytest.mark.parametrize("place", ["box.py", "", ":3", "box.py:", "box.py:x", "box.py:-1", "box.py:1.5"])
def test_a_place_is_a_file_and_a_line(harbour, place):
    with pytest.raises(InvalidQuery, match="is not FILE:LINE"):
        harbour.context(place)


@pytest.mark.parametrize("path", ["no.py", "../box.py", "/etc/passwd", "api", "api/errors.py/", "\0", "\ud800"])
def test_only_indexed_files_have_a_context(harbour, path):
    with pytest.raises(PathNotFound):
        harbour.context(f"{path}:1")


# Outline


def test_the_outline_of_a_file_lists_its_definitions_in_order(indexed):
    answer = indexed({"box.py": SOURCE}).outline("box.py")
    (file,) = answer.files
    assert [(one.qualified_name, one.kind, one.line) for one in file.definitions] == [
        ("LIMIT", "constant", 6),
        ("first", "function", 9),
        ("Box", "class", 13),
        ("Box.put", "method", 16),
        ("Box.take", "method", 20),
        ("last", "function", 24),
    ]
    assert answer.total == 6


@pytest.mark.parametrize("folder", ["api", "api/", "./api", "./api/"])
def test_the_outline_of_a_folder_is_that_of_its_files(harbour, folder):
    files = harbour.outline(folder).files
    assert [file.path for file in files] == sorted(f"api/{name}.py" for name in "errors parcels responses retry sessions settings".split())
    assert [harbour.outline(file.path).files[0] for file in files] == list(files)


@pytest.mark.parametrize("root", ["", ".", "./"])
def test_the_outline_of_the_root_is_that_of_all_files(harbour, root):
    answer = harbour.outline(root)
    assert {"api/errors.py", "tracker/limiter.go", "database/schema.sql"} <= {file.path for file in answer.files}
    assert answer.total == sum(len(file.definitions) for file in answer.files)


def test_a_file_without_definitions_is_no_error(indexed):
    answer = indexed({"notes.txt": "just words\n"}).outline("notes.txt")
    assert (answer.total, answer.note) == (0, "No definitions were found there.")


@pytest.mark.parametrize("path", ["no.py", "..", "ap", "api/errors", "\ud800", "\0"])
def test_an_outline_of_what_is_not_there_is_refused(harbour, path):
    with pytest.raises(PathNotFound):
        harbour.outline(path)
