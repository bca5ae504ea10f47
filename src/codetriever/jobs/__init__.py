"""Who does the work that was submitted, and what if they die?"""
