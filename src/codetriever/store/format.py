"""Which store formats can be read?

A store of an older format is as good as empty: what it holds is made again from the files. Every bump has a line of history:

1  the first format
2  sign bits of turned vectors; 16 bits for the chunks of small segments
"""

FORMAT_VERSION = 2
