"""`python -m codetriever` is the command line."""

import sys

from codetriever.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
