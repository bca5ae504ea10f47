import numpy as np
import pytest

from codetriever.embedding.static import load_static
from codetriever.embedding.table import write_table


@pytest.fixture(scope="session")
def embedder(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "small.table"
    write_table(path, ["session", "token", "xml", "renew"], np.eye(4, dtype=np.float32))
    return load_static(path)
