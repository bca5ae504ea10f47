"""Which store formats can be read?

A store of an older format is as good as empty: what it holds is made again from the files. Every bump has a line of history:

1  the first format
2  sign bits of turned vectors; 16 bits for the chunks of small segments
3  16 and 8 bits for the chunks of large ones; names are left out of qualified names and signatures, and looked up by a hash
"""

FORMAT_VERSION = 3
