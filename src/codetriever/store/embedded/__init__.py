"""The embedded store: SQLite decides what is visible, memory-mapped files hold the rest."""
