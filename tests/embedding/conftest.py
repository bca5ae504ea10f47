import numpy as np
import pytest

from codetriever.embedding.static import load_static
from codetriever.embedding.table import write_table

TERMS = (
    "the file open close read write session token user login password parse xml json http server socket web client request "
    "response error handle cache key value index search query chunk vector table row name path test"
).split()


@pytest.fixture(scope="session")
def table_path(tmp_path_factory):
    """A table of forty words with random vectors."""
    path = tmp_path_factory.mktemp("table") / "small.table"
    vectors = np.random.default_rng(7).normal(size=(len(TERMS), 32)).astype(np.float32)
    write_table(path, TERMS, vectors)
    return path


@pytest.fixture(scope="session")
def embedder(table_path):
    return load_static(table_path)
