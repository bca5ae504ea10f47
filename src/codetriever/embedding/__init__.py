"""Where is a text in space?"""
