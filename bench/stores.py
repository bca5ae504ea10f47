"""Do both stores answer alike? stores.py CHECKOUTS --annotations ANNOTATIONS [--database-url URL]

Indexes every checkout into files and into a database, asks both the annotated questions, and compares the ten best: the same places in the
same order, or the same places in another. The database keeps vectors in half precision, so near ties may turn. Prints a table and writes
results/stores.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import codetriever
from codetriever.store.postgres.database import Database
from database import served
from report import keep, table

Place = tuple[str, int, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, help="a folder of checkouts")
    parser.add_argument("--annotations", type=Path, required=True, help="folder with annotations/NAME.json")
    parser.add_argument("--database-url", default="", help="an empty database to use")
    options = parser.parse_args()
    rows = []
    with served(options.database_url) as url, Database(url) as database, codetriever.connect(url) as connection:
        database.migrate()
        for file in sorted((options.annotations / "annotations").glob("*.json")):
            root = options.checkouts / file.stem
            if root.is_dir():
                questions = [asked["query"] for asked in json.loads(file.read_text(encoding="utf-8"))]
                rows.append({"checkout": root.name, **compared(root.resolve(), questions, connection)})
                print(table(rows[-1:]), flush=True)
    names = [name for name in rows[0] if name != "checkout"]
    rows.append({"checkout": "together", **{name: sum(row[name] for row in rows) for name in names}})
    print(f"\n{table(rows)}\n{keep('stores', rows)}")


def compared(root: Path, questions: list[str], connection: codetriever.Connection) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as store, codetriever.open(root, store=store) as files, connection.open(root) as stored:
        for index in (files, stored):
            index.refresh(confirm=lambda reason: True)
        pairs = [(ten_best(files, question), ten_best(stored, question)) for question in questions]
    return {
        "questions": len(pairs),
        "same order": sum(one == other for one, other in pairs),
        "same places": sum(sorted(one) == sorted(other) for one, other in pairs),
        "same first": sum(one[:1] == other[:1] for one, other in pairs),
    }


def ten_best(index: codetriever.Index, question: str) -> list[Place]:
    return [(hit.path, hit.start_line, hit.end_line) for hit in index.search(question, limit=10).hits]


if __name__ == "__main__":
    main()
