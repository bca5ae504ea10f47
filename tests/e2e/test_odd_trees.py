"""Trees that nobody lays out on purpose, and that every tool meets: huge, deep, looping, and with names that are no text.

Each has a size for every day, and the size of `make test-long`.
"""

import os
import sys
import time
from dataclasses import replace

import pytest

from codetriever.corpus.listing import RACY_NS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and links as POSIX has them")


def sizes(row, short, long):
    return [short, pytest.param(long, marks=pytest.mark.long(row))]


@pytest.fixture
def patient(program):
    """The program with an hour for each run."""
    return replace(program, limit_s=3600)


def write(root, name, text):
    path = root / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def read_again(program, root):
    """How many files a refresh reads when nothing changed for longer than a clock may stand still."""
    time.sleep(RACY_NS / 1e9)
    program("index", cwd=root)
    return program("index", "--json", cwd=root).json["read"]


@pytest.mark.parametrize("count", sizes("100,000 files", 2_000, 100_001))
def test_many_files(patient, tmp_path, count, record_property):
    root = tmp_path / "many"
    for number in range(count):
        folder = root / f"part_{number // 1000}" / f"group_{number // 50 % 20}"
        if number % 50 == 0:
            folder.mkdir(parents=True)
        (folder / f"module_{number}.py").write_text(f"def function_{number}(value):\n    return value + {number}\n")
    if count > 100_000:
        refused = patient("index", cwd=root, stdin=b"")
        assert (refused.code, "--yes" in refused.err) == (2, True)
    done = patient("index", "--yes", "--json", cwd=root)
    assert (done.code, done.json["files"], done.json["failures"]) == (0, count, [])
    peak = done.json["metrics"].get("peak_memory_bytes", 0)
    assert peak < 512 << 20
    assert patient(f"function_{count - 1}", "--json", cwd=root).paths[0].endswith(f"module_{count - 1}.py")
    assert read_again(patient, root) == 0
    record_property("done", f"{count:,} files indexed in {done.json['took_s']:.0f} s within {peak >> 20} MiB")


@pytest.mark.parametrize("megabytes", sizes("a 50 MB file", 4, 50))
def test_a_huge_file(patient, tmp_path, megabytes, record_property):
    root = tmp_path / "huge"
    lines = "".join(f"def step_{number}(value):\n    return value * {number}\n\n\n" for number in range(megabytes * 20_500))
    write(root, "huge.py", lines + "def the_last_one():\n    return 'zanzibar'\n")
    write(root, "small.py", "def small():\n    return 1\n")
    assert (root / "huge.py").stat().st_size > megabytes * 1_000_000
    skipped = patient("index", "--json", cwd=root)
    assert (skipped.code, skipped.json["skips"]) == (0, {"too large": 1})
    assert "too large" in patient("explain-path", "huge.py", cwd=root).out
    assert patient("small", "--json", cwd=root).paths == ["small.py"]
    done = patient("index", "--max-file-bytes", "100MB", "--json", cwd=root)
    assert (done.code, done.json["failures"]) == (0, [])
    assert done.json["chunks"] > megabytes * 300
    [hit] = patient('"zanzibar"', "--json", "--max-file-bytes", "100MB", cwd=root).json["hits"]
    assert hit["end_line"] == lines.count("\n") + 2
    record_property("done", f"{megabytes} MB of Python: {done.json['chunks']:,} chunks in {done.json['took_s']:.0f} s")


@pytest.mark.parametrize("size", sizes("a 2 MB line", 200_000, 2_000_000))
def test_a_long_line(patient, tmp_path, size, record_property):
    root = tmp_path / "line"
    calls = "".join(f"pay({number},'{number:x}');" for number in range(size // 18))
    for name in ("page.js", "data.json", "notes.txt", "page.html"):
        write(root, name, calls + "zanzibar()")
    done = patient("index", "--json", cwd=root)
    assert (done.code, done.json["failures"], done.json["skips"]) == (0, [], {})
    answer = patient("--exact", "zanzibar()", "--json", "-k", "20", cwd=root).json
    assert {hit["path"] for hit in answer["hits"]} == {"page.js", "data.json", "notes.txt", "page.html"}
    assert all(hit["start_line"] == hit["end_line"] == 1 and len(hit["text"]) < 20_000 for hit in answer["hits"])
    shown = patient("--exact", "zanzibar()", cwd=root)
    assert len(shown.out) < 100_000
    assert len(patient("usages", "zanzibar", cwd=root).out) < 10_000
    record_property("done", f"a line of {(root / 'page.js').stat().st_size:,} bytes in four languages: {done.json['chunks']:,} chunks")


@pytest.mark.parametrize("levels", sizes("200 levels", 60, 200))
def test_deep_folders(patient, tmp_path, levels, record_property):
    root = tmp_path / "deep"
    root.mkdir()
    write(root, "/".join([*(f"level_{level:03}" for level in range(levels)), "bottom.py"]), "def zanzibar():\n    return 1\n")
    assert patient("index", cwd=root).code == 0
    answer = patient("zanzibar", "--json", cwd=root)
    assert answer.paths == ["/".join([*(f"level_{level:03}" for level in range(levels)), "bottom.py"])]
    half = root.joinpath(*(f"level_{level:03}" for level in range(levels // 2)))
    assert len(patient("zanzibar", "--json", cwd=half).paths) == 1
    assert patient("outline", cwd=root).code == 0
    record_property("done", f"{levels} levels, a path of {len(answer.paths[0]):,} bytes")


NAMES = [
    b"latin-\xe9.py",
    b"\xff\xfe.py",
    b"a\nb.py",
    b"tab\t.py",
    b"quote'\".py",
    b"-k",
    b" .py",
    b"$(id).py",
    "日本.py".encode(),
    b"\x1b[31m.py",
]


@pytest.mark.parametrize("copies", sizes("names that are not UTF-8", 1, 200))
def test_names_that_are_no_text(patient, tmp_path, copies, record_property):
    root = tmp_path / "names"
    root.mkdir()
    for copy in range(copies):
        folder = b"%d" % copy if copy % 2 else b"%d\xfe" % copy
        for number, name in enumerate(NAMES):
            write(root, folder + b"/" + name, f"def zanzibar_{copy}_{number}():\n    return 1\n")
    done = patient("index", "--json", cwd=root)
    assert (done.code, done.json["files"], done.json["failures"]) == (0, copies * len(NAMES), [])
    for copy in {0, copies - 1}:
        for number, name in enumerate(NAMES):
            found = patient("--files", "--exact", f"zanzibar_{copy}_{number}", cwd=root)
            assert found.code == 0
            assert os.fsencode(found.out).endswith(name + b"\n") or min(name) < 0x20  # what is no line is written in escapes
            assert len(found.out.splitlines()) == 1
            place = root / os.fsdecode(b"%d" % copy if copy % 2 else b"%d\xfe" % copy) / os.fsdecode(name)
            assert patient("explain-path", "--", place, cwd=root).code == 0
            # A place of several lines is taken for a snippet.
            assert patient("context", "--", f"{place}:2", cwd=root).code == (2 if b"\n" in name else 0)
    assert patient("usages", "zanzibar_0_1", "--json", cwd=root).json["total"] == 1
    record_property("done", f"{copies * len(NAMES):,} files with such names")


@pytest.mark.parametrize("count", sizes("link loops", 5, 500))
def test_link_loops(patient, tmp_path, count, record_property):
    root = tmp_path / "loops"
    write(tmp_path, "outside/secret.py", "def secret_zanzibar():\n    return 1\n")
    write(root, "real/code.py", "def zanzibar():\n    return 1\n")
    for number in range(count):
        folder = root / f"part_{number}"
        folder.mkdir()
        links = {"self": "self", "up": "..", "root": root, "out": tmp_path / "outside", "nowhere": "nothing", "real": "../real"}
        links |= {"ping": "pong", "pong": "ping", "file": "../real/code.py", "file_out": tmp_path / "outside/secret.py"}
        for name, target in links.items():
            (folder / name).symlink_to(target)
    done = patient("index", "--json", cwd=root)
    assert done.code in (0, 2)
    assert done.json["files"] >= 1
    assert patient("zanzibar", "--json", cwd=root).paths[0].endswith("code.py")
    assert patient("--exact", "secret_zanzibar", cwd=root).code == 1
    assert read_again(patient, root) == 0
    record_property("done", f"{count * 10:,} links that loop, dangle or lead away; skipped: {done.json['skips']}")
