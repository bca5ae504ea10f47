"""I have a corpus: how does it get into the store?"""
