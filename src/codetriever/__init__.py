"""Codetriever finds code by meaning.

    import codetriever

    with codetriever.open("path/to/repository") as index:
        index.refresh()
        for hit in index.search("where are sessions refreshed").hits:
            print(hit.path, hit.start_line, hit.score)
"""

__version__ = "0.1.0"
