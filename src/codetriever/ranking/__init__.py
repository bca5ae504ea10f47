"""I have candidates: in which order do they answer the question?"""
