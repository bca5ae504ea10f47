"""How the bundled table of term vectors was made. `python -m training --help` says how to make another."""
