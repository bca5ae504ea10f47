"""What holds for every test: a property has no deadline, because a machine that is busy is not an error; programs can be interrupted."""

import signal

from hypothesis import settings
from tests.database import database_url, postgres_server
from tests.long_table import pytest_collection_modifyitems, pytest_terminal_summary

__all__ = ["database_url", "postgres_server", "pytest_collection_modifyitems", "pytest_terminal_summary"]

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None)  # `make test-long` looks for what the same examples never show
settings.load_profile("same")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # `make test &` in a script: programs that are started would ignore it as well
    signal.signal(signal.SIGINT, signal.default_int_handler)
