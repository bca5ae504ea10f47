"""I have a question: what do I answer?"""
