"""Every constant that decides an order, with its reason.

`bench/quality.py` shows the effect of a change; `tests/golden` shows which answers move. They were chosen, one at a time and in coarse
steps, where 560 commit questions and 677 doc-comment questions of 35 repositories and 401 annotated questions of 20 others agreed.
"""

from __future__ import annotations

from codetriever.types import Role

# Candidates per arm, in chunks: the answer list can be no longer than the sum. Larger pools changed no measure.
POOL = 1000
PATH_POOL_FILES = 50

# A word in a file's path counts as this many occurrences in each of its chunks.
PATH_FREQUENCY = 1.0

# The share of vectors against words, each divided by its best value. Symbols are spelt, so words decide there.
VECTOR_SHARE = 0.5
VECTOR_SHARE_SYMBOL = 0.3

# Signals are in 0..1; a weight is what a full signal adds to the fused score, which is in 0..1 as well. Two more were tried and left
# out since they changed nothing: words of the definition's name, and of the path (a path word counts in BM25 already).
EXACT_DEFINITION = 1.0  # defines the symbol that is the whole query
EXACT_DEFINITION_IN_QUESTION = 0.15  # defines a symbol that the question names among other words
FILE_NAME = 0.25  # share of the file name's words that the question has
FILE = 0.50  # how well the file answers as a whole

# Multiplies the score of files of a role that the question does not ask for in words.
ROLE_FACTOR = {
    Role.CODE: 1.0,
    Role.TEST: 0.5,
    Role.DOCS: 0.5,
    Role.CONFIG: 0.7,
    Role.GENERATED: 0.4,
}

# The n-th chunk of one file is worth n to the power of minus this, so that one file does not crowd out the others. The second is
# held back more and the tenth less than by a constant factor: a long file's right chunk is often not among its first two.
SAME_FILE_DECAY = 0.5

# Neighbouring chunks among the first MERGE_WINDOW are shown as one hit when together they are at most this long.
MERGE_WINDOW = 60
MERGE_BYTES = 3072
