"""However an index got there, it answers as one that was made from nothing."""

import contextlib
import random
import shutil
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import FILES, Project, commit, differences, git, new_repository, write

from codetriever.embedding.static import load_static

EMBEDDER = load_static()
NAMES = ["a.py", "b.py", "lib/a.py", "lib/c.rs", "docs/a.md", "data.json"]
TEXTS = [
    "def parse(text):\n    return text.split()\n",
    "def parse(text):\n    return text.strip()\n\n\nclass Reader:\n    def read(self):\n        return 1\n",
    "# Title\n\nSome words about parsing and reading.\n",
    '{"key": "value"}\n',
    "",
    "binary\0data",
]
BRANCHES = ["main", "left", "right"]

write_file = st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(TEXTS))
delete_file = st.tuples(st.just("delete"), st.sampled_from(NAMES))
move_file = st.tuples(st.just("move"), st.sampled_from(NAMES), st.sampled_from(NAMES))
switch = st.tuples(st.just("switch"), st.sampled_from(BRANCHES))
refresh = st.tuples(st.just("refresh"))
interrupted = st.tuples(st.just("interrupt"), st.integers(0, 3))
steps = st.lists(st.one_of(write_file, delete_file, move_file, switch, refresh, interrupted), max_size=14)


def take_step(project, step):
    kind, *values = step
    paths = [project.root / value for value in values if isinstance(value, str)]
    if kind == "write":
        write(project.root, {values[0]: values[1]})
    elif kind == "delete":
        paths[0].unlink(missing_ok=True)
    elif kind == "move" and paths[0].exists():
        paths[1].parent.mkdir(parents=True, exist_ok=True)
        paths[0].replace(paths[1])
    elif kind == "switch":
        commit_all(project)
        git(project.root, "switch", "-q", "-C" if values[0] not in git(project.root, "branch") else "-q", values[0])
    elif kind == "refresh":
        project.refresh()
    elif kind == "interrupt":
        interrupt(project, values[0])


def commit_all(project):
    if git(project.root, "status", "--porcelain"):
        commit(project.root)


def interrupt(project, files):
    def progress(now):
        if now.files_done >= files:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        project.refresh(progress=progress, batch_files=1)


def stored_blobs(project):
    with project.open() as store:
        folder = store.folder
        live = [snapshot_blobs(store, view.key) for view in store.views()]
    with sqlite3.connect(folder / "catalog.sqlite") as catalog:
        stored = {row[0] for row in catalog.execute("SELECT blob FROM blobs")}
    catalog.close()
    return stored, set().union(*live)


def snapshot_blobs(store, key):
    with store.snapshot(key) as snapshot:
        return {int(blob) for blob in snapshot.files.blobs if blob >= 0}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_any_history_ends_as_a_fresh_index(history):
    check_history(history)


@pytest.mark.long("histories")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(steps)
def test_many_histories_end_as_fresh_indexes(history):
    check_history(history)


def check_history(history):
    folder = Path(tempfile.mkdtemp())
    try:
        project = Project(new_repository(folder / "code", FILES), folder / "stores", EMBEDDER)
        for step in history:
            take_step(project, step)
        project.refresh()
        fresh = Project(project.root, folder / "fresh", EMBEDDER)
        fresh.refresh()
        assert differences(project.picture(), fresh.picture()) == []
        assert nearest(project) == nearest(fresh)
        stored, live = stored_blobs(project)
        assert stored == live
    finally:
        shutil.rmtree(folder)


def nearest(project):
    query = EMBEDDER.embed_query("parse text and read")
    with project.open() as store, store.snapshot(project.key) as snapshot:
        ordinals, cosines = snapshot.nearest(query, 5)
        return list(zip(snapshot.keys[ordinals].tolist(), np.round(cosines, 6).tolist(), strict=True))


@pytest.mark.parametrize("seed", [1])
def test_after_a_hundred_edits_no_blob_is_left_that_no_view_lists(tmp_path, seed):
    chance = random.Random(seed)
    project = Project(new_repository(tmp_path / "code", FILES), tmp_path / "stores", EMBEDDER)
    names = [f"src/module_{number}.py" for number in range(10)]
    for number in range(100):
        path = project.root / chance.choice(names)
        if path.exists() and chance.random() < 0.3:
            path.unlink()
        else:
            write(project.root, {path: f"def function_{chance.randrange(30)}():\n    return {number}\n"})
        project.refresh()
    stored, live = stored_blobs(project)
    assert stored == live
    fresh = Project(project.root, tmp_path / "fresh", EMBEDDER)
    fresh.refresh()
    assert differences(project.picture(), fresh.picture()) == []
