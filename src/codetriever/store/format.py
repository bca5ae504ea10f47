"""Which stores can be read, and which of what they hold is still worth something?

A store of an older format is as good as empty: what it holds is made again from the files. Every bump has a line of history:

1  the first format
2  sign bits of turned vectors; 16 bits for the chunks of small segments
3  16 and 8 bits for the chunks of large ones; names are left out of qualified names and signatures, and looked up by a hash
"""

FORMAT_VERSION = 3

# What derives chunks and terms from bytes: the versions of the chunker and of the analyser. Blobs and views made by others are as if
# they were not there. A test compares it with the rooms, which a reader of the store does not import.
FEATURES = "9.2"
