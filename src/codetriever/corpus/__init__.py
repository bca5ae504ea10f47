"""Which files are there, and what text is in them?"""
