"""Every constant that decides an order, with its reason.

`bench/quality.py` shows the effect of a change; `tests/golden` shows which answers move. None was fitted on the development split.
"""

from __future__ import annotations

from codetriever.types import Role

# Candidates per arm, in chunks: the answer list can be no longer than the sum. Larger pools changed no measure.
POOL = 1000
PATH_POOL_FILES = 50

# A word in a file's path counts as this many occurrences in each of its chunks.
PATH_FREQUENCY = 1.0

# The share of vectors against words, each divided by its best value. Symbols are spelt, so words decide there.
VECTOR_SHARE = 0.55
VECTOR_SHARE_SYMBOL = 0.3

# How many of the best candidates by fused score are looked at closely (names, neighbours). The rest keep their fused order behind them.
HEAD = 300

# Signals are in 0..1; a weight is what a full signal adds to the fused score, which is in 0..1 as well.
EXACT_DEFINITION = 1.0  # defines a symbol that the question names
EXACT_DEFINITION_IN_QUESTION = 0.35  # the same, when the question has other words as well
NAME = 0.20  # share of the question's words (by rarity) in the definition's name
PATH = 0.15  # the same in the file's path
STEM = 0.25  # share of the file name's words that the question has, by rarity
FILE = 0.20  # how much else of the file answers

# Multiplies the score of files of a role that the question does not ask for.
ROLE_FACTOR = {
    Role.CODE: 1.0,
    Role.TEST: 0.7,
    Role.DOCS: 0.7,
    Role.CONFIG: 0.75,
    Role.GENERATED: 0.4,
}
# Files of a role that the question asks for in words.
ROLE_ASKED_FACTOR = 1.1

# Each further chunk of one file is worth this much of the one before it, so that one file does not crowd out the others.
SAME_FILE_DECAY = 0.80

# Neighbouring chunks among the first MERGE_WINDOW are shown as one hit when together they are at most this long.
MERGE_WINDOW = 60
MERGE_BYTES = 3072
