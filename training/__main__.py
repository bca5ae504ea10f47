"""Make a table of term vectors: `python -m training --checkouts FOLDER --model FOLDER --work FOLDER --out FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codetriever.chunking.grammars import GRAMMARS
from codetriever.chunking.parse import load_language
from codetriever.embedding.table import write_table
from training.parameters import Parameters
from training.pipeline import Pipeline, read_list, report

HERE = Path(__file__).parent


def main() -> int:
    """Run the steps that are not done yet; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--list", type=Path, default=HERE / "repositories.tsv", help="repositories to use (default: %(default)s)")
    parser.add_argument("--checkouts", type=Path, required=True, help="folder that holds each repository, with its history, as owner/name")
    parser.add_argument("--model", type=Path, required=True, help="folder of the sentence model to start from, such as all-MiniLM-L6-v2")
    parser.add_argument("--work", type=Path, required=True, help="folder for what the steps leave; a step whose result is there is skipped")
    parser.add_argument("--out", type=Path, required=True, help="the table to write; its results are written beside it, as .json")
    parser.add_argument("--runs", type=int, default=1, help="runs to average (default: %(default)s); 0: the start vectors, untrained")
    parser.add_argument("--epochs", type=float, default=Parameters().epochs, help="default: %(default)s")
    arguments = parser.parse_args()

    pipeline = Pipeline(read_list(arguments.list), arguments.checkouts, arguments.model, arguments.work)
    if other := pipeline.check_commits():
        print(f"Missing, or at another commit than the list says: {', '.join(other)}", file=sys.stderr)
        return 2
    if absent := [language for language in GRAMMARS if load_language(language) is None]:
        # Code would be cut by its lines, and no pair made of a name or a doc comment.
        print(f"No grammar can be loaded for: {', '.join(absent)}", file=sys.stderr)
        return 2
    parameters = Parameters(epochs=arguments.epochs)
    vectors = pipeline.trained(parameters, arguments.runs) if arguments.runs else pipeline.start
    write_table(arguments.out, pipeline.vocabulary.terms, vectors)
    results = pipeline.evaluated(arguments.out)
    report(results, parameters, arguments.out.with_suffix(".json"))
    for arm, value in results["mean"].items():
        print(f"{arm:16} {value:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
