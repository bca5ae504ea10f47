"""What is sent with a job: which paths can be, and what list of files comes of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codetriever.compression import compressed, decompressed
from codetriever.corpus.read import resolve
from codetriever.errors import InvalidArguments, SourceRefused
from codetriever.jobs.contents import checked_path, packed, plan_contents, write_contents
from codetriever.types import FileTable

NAMES = st.text(alphabet="ab./\\ü\udcff\0 -", min_size=0, max_size=8)
STEPS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c", "d/e", "d/f"]), st.one_of(st.none(), st.binary(max_size=3)), max_size=4))


@given(NAMES)
@example("\\..")
def test_a_path_that_is_taken_stays_below_the_root(path: str) -> None:
    try:
        data = checked_path(path)
    except InvalidArguments:
        return
    assert os.fsdecode(data) == path
    assert resolve(Path(__file__).parent, path) is not None
    assert os.path.normpath(path) == path


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "not a path"), ("/etc/passwd", "not a path"), ("../a", "not a path"), ("a/../../b", "not a path"), ("a//b", "not a path"),
        ("a/./b", "not a path"), ("a/", "not a path"), ("a\0b", "not a path"), (".git/config", "git keeps"), ("a/.GIT/hooks", "git keeps"),
        ("a" * 256, "too long"), ("a/" * 1100 + "b", "too long"), ("\ud800", "no path has"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_file_is_refused(path: str, why: str) -> None:
    with pytest.raises(InvalidArguments, match=why):
        packed({path: b"x"}, most_bytes=100)


def test_contents_are_packed_and_bounded() -> None:
    sent = packed({"a": "tëxt", "b": b"\0", "gone": None}, most_bytes=100)
    assert {path: frame and decompressed(frame) for path, frame in sent.items()} == {b"a": "tëxt".encode(), b"b": b"\0", b"gone": None}
    with pytest.raises(SourceRefused, match="more than 100 bytes"):
        packed({"a": b"x" * 60, "b": b"x" * 60}, most_bytes=100)


def test_the_newest_of_what_cannot_be_together_holds(tmp_path: Path) -> None:
    one, two, three = compressed([b"1", b"2", b"3"])
    sent = write_contents([(b"a/b", three), (b"c", None), (b"a", two), (b"c", one), (b"d", two), (b"d/e", one), (b"a/b", one)], tmp_path)
    assert sent.sizes == {"a/b": 1, "d": 1}
    assert (tmp_path / "a/b").read_bytes() == b"3"
    assert (tmp_path / "d").read_bytes() == b"2"
    assert {"c", "a", "d/e"} <= sent.gone


def table(paths: list[str]) -> FileTable:
    empty = np.zeros(len(paths), np.uint8)
    return FileTable(paths, empty.astype(np.int64), np.zeros((len(paths), 32), np.uint8), empty.astype(np.uint16), empty, empty,
                     np.zeros((len(paths), 4), np.int64), ("python",))  # fmt: skip


@given(STEPS, st.booleans())
def test_changes_come_to_what_a_dictionary_would(tmp_path_factory: pytest.TempPathFactory, steps: list, replaces: bool) -> None:
    before = {"a": b"old", "d/e": b"old", "z": b"old"}
    expected = {} if replaces else dict(before)
    for step in steps:
        for path, data in step.items():
            expected.pop(path, None)
            if data is not None:
                expected[path] = data
    newest_first = [
        (path.encode(), None if data is None else compressed([data])[0]) for step in reversed(steps) for path, data in step.items()
    ]
    sent = write_contents(newest_first, tmp_path_factory.mktemp("sent"))
    previous = table(sorted(before))
    plan = plan_contents(sent, previous, replaces=replaces)
    assert plan.listing.paths == sorted(expected)
    kept = {plan.listing.paths[new]: previous.paths[old] for new, old in plan.kept.tolist()}
    assert all(new == old for new, old in kept.items())
    assert kept.keys() | {file.path for file in plan.wanted} == set(expected)
    assert not kept.keys() & {file.path for file in plan.wanted}
    assert plan.removed == len(set(before) - set(expected))
    assert [plan.listing.paths[file.row] for file in plan.wanted] == [file.path for file in plan.wanted]


def test_a_first_list_is_what_was_sent(tmp_path: Path) -> None:
    sent = write_contents([(b"b", compressed([b"12"])[0]), (b"a", None)], tmp_path)
    plan = plan_contents(sent, None, replaces=False)
    assert (plan.listing.paths, plan.removed, len(plan.kept), plan.wanted_bytes) == (["b"], 0, 0, 2)
    assert plan_contents(replace(sent, sizes={}), None, replaces=True).is_empty
