"""Where is the index kept, and what can one rely on?"""
