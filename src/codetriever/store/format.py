"""Which store formats can be read?

Every bump has a line of history:

1  the first format.
"""

FORMAT_VERSION = 1
