"""The embedded store: SQLite decides what is visible, memory-mapped files hold the rest."""

from codetriever.store.embedded.cache import limit_cache, remove_store
from codetriever.store.embedded.folder import repository_folder
from codetriever.store.embedded.store import DEFAULT_MEMORY_BYTES, EmbeddedStore, open_store

__all__ = ["DEFAULT_MEMORY_BYTES", "EmbeddedStore", "limit_cache", "open_store", "remove_store", "repository_folder"]
