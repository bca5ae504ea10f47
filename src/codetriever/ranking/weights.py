"""Every constant that decides an order, with its reason.

`bench/quality.py` shows the effect of a change; `tests/golden` shows which answers move. They were chosen, one at a time and in coarse
steps, where 560 commit questions and 677 doc-comment questions of 35 repositories and 401 annotated questions of 20 others agreed.
`INFLECTED` and `ROLE_ASKED_OF_CHANGE` came later, from 1,339 commit questions of 61 repositories and 1,350 doc-comment questions of 37.
"""

from __future__ import annotations

from codetriever.types import Role

# Candidates per arm, in chunks: the answer list can be no longer than the sum. Larger pools changed no measure.
POOL = 1000
PATH_POOL_FILES = 50

# A word in a file's path counts as this many occurrences in each of its chunks.
PATH_FREQUENCY = 1.0

# What the exact form of an inflected word counts of what the word counts; the rest is its base form's, which all its forms have. When each
# counted in full, `connections` was worth twice `socket`: .005 NDCG@10 lower on commit questions, .009 on doc comments. Values of .2 to .3
# and one sum of frequencies did as well as this.
INFLECTED = 0.25

# The share of vectors against words, each divided by its best value. Symbols are spelt, so words decide there.
VECTOR_SHARE = 0.5
VECTOR_SHARE_SYMBOL = 0.3

# Signals are in 0..1; a weight is what a full signal adds to the fused score, which is in 0..1 as well. ARCHITECTURE.md says which others
# were tried and left out.
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

# What stands for the factor of a role that the question asks for: nothing is taken away, or less than usual from what a commit's subject
# would say. "Add tests for overflow" and "improve the documentation of dialects" mean code as often as the tests and the documentation
# (.007 NDCG@10 on all commit questions); "tests of overflow" do not, and lost .2 when they were treated alike.
ROLE_ASKED = 1.0
ROLE_ASKED_OF_CHANGE = 0.75

# The n-th chunk of one file is worth n to the power of minus this, so that one file does not crowd out the others. The second is
# held back more and the tenth less than by a constant factor: a long file's right chunk is often not among its first two.
SAME_FILE_DECAY = 0.5

# Neighbouring chunks among the first MERGE_WINDOW are shown as one hit when together they are at most this long.
MERGE_WINDOW = 60
MERGE_BYTES = 3072
