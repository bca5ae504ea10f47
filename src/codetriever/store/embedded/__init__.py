"""The embedded store: SQLite decides what is visible, memory-mapped files hold the rest."""

from codetriever.store.embedded.folder import repository_folder
from codetriever.store.embedded.store import DEFAULT_MEMORY_BYTES, EmbeddedStore, open_store

__all__ = ["DEFAULT_MEMORY_BYTES", "EmbeddedStore", "open_store", "repository_folder"]
