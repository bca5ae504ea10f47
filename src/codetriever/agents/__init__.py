"""Coding agents' own settings: where they are, and how to add a server to them and take it out again."""
