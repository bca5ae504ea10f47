"""I have text: where are the pieces?"""
