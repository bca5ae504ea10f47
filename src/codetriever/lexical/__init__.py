"""Which words does a text contain, and how well do they fit a question?"""
