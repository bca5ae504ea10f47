"""Indexes of real files in real stores; one of them, of the golden project, serves all tests that only read."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

import codetriever

PROJECT = Path(__file__).parents[1] / "golden" / "project"


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture(scope="session")
def harbour(tmp_path_factory):
    folder = tmp_path_factory.mktemp("harbour")
    shutil.copytree(PROJECT, folder / "harbour")
    with codetriever.open(folder / "harbour", store=folder / "store") as index:
        index.refresh()
        yield index


@pytest.fixture
def indexed(tmp_path):
    """Returns a function from files, by path, to their index."""
    with ExitStack() as exits:

        def index_of(files):
            write(tmp_path / "code", files)
            index = exits.enter_context(codetriever.open(tmp_path / "code", store=tmp_path / "store"))
            index.refresh()
            return index

        yield index_of
