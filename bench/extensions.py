"""How long does it take to tell a file's language? extensions.py [--rounds N]

Looks up the review's extensions and some file names: by one pass over a list of (extension, language) pairs with the case folded each
time, which is the variant that the review complains of, and by the table that the product uses; and the whole classification of small
files, shebangs and contents included. Prints microseconds a file and writes results/extensions.json.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

from codetriever.corpus.classify import classify
from codetriever.corpus.languages import EXTENSIONS, NAMES
from report import keep, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPEATS = 7
PAIRS = list(EXTENSIONS.items())


def by_list(path: str) -> str:
    """The naive variant: compare with every known extension in turn."""
    extension = path.rsplit("/", 1)[-1].rsplit(".", 1)[-1]
    for known, language in PAIRS:
        if known.lower() == extension.lower():
            return language
    return "text"


def by_table(path: str) -> str:
    """The look-up alone, as the product does it."""
    name = path.rpartition("/")[2].lower()
    return NAMES.get(name) or EXTENSIONS.get(name.rpartition(".")[2], "text")


def by_content(path: str) -> str:
    """The product's whole classification, role included."""
    return classify(path, b"#!/bin/sh\necho hello\n").language


def microseconds(look_up: Callable[[str], str], paths: Sequence[str], rounds: int) -> list[float]:
    """Microseconds a file, once per repeat."""
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        for _ in range(rounds):
            for path in paths:
                look_up(path)
        taken.append((time.perf_counter() - started) / (rounds * len(paths)) * 1e6)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50, help="passes over all paths in each of the repeats")
    options = parser.parse_args()
    paths = [f"src/some/folder/file.{extension}" for extension in EXTENSIONS] + [f"src/{name}" for name in NAMES]
    rows = []
    for name, look_up in (("list, case folded each time", by_list), ("table", by_table), ("whole classification", by_content)):
        taken = microseconds(look_up, paths, options.rounds)
        rows.append({"look-up": name, "us_per_file": statistics.median(taken), "us_best": min(taken), "us_worst": max(taken)})
    for row in rows:
        row["times_faster"] = rows[0]["us_per_file"] / row["us_per_file"]
    print(f"{len(EXTENSIONS)} extensions, {len(NAMES)} file names\n")
    print(table(rows))
    print(f"\n{keep('extensions', {'extensions': len(EXTENSIONS), 'names': len(NAMES), 'rows': rows})}")


if __name__ == "__main__":
    main()
