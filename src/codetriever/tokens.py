"""How many tokens is a text? One counter for budgets, answers and comparisons."""

from __future__ import annotations

CHARACTERS_PER_TOKEN = 4


def count_tokens(text: str) -> int:
    """Return the tokens of a text: a quarter of its characters, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
