"""`python -m codetriever` is the command line."""

from codetriever.cli.main import program

if __name__ == "__main__":
    program()
