"""Make questions from local clones: questions.py CLONES OUT [--per-repository N] [--seed N] [--stripped FOLDER]

CLONES is a folder of git work trees, one per repository, each at the commit that is to be indexed. The same clones and seed give the
same questions. They come from history: a commit's subject asks for the lines it left. With --stripped they come from doc comments
instead, and FOLDER receives copies of the clones without those comments, which are what is to be searched.

`quality.py --commits OUT --clones CLONES` (or FOLDER) asks them.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from pathlib import Path

from codetriever.corpus.classify import classify
from codetriever.corpus.git import locate
from codetriever.corpus.walk import list_files
from codetriever.evaluation.comments import comment_questions
from codetriever.evaluation.history import NOT_SOURCE, commit_questions, head_commit
from codetriever.evaluation.questions import Question, QuestionSet, save_questions
from codetriever.types import Role
from report import table

LARGEST_BYTES = 500_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--per-repository", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stripped", type=Path, help="ask doc comments instead, and write the clones without them to this folder")
    options = parser.parse_args()
    sets = []
    for root in sorted(folder for folder in options.clones.iterdir() if (folder / ".git").exists()):
        if options.stripped:
            asked = strip(root, options.stripped / root.name)
            asked = random.Random(options.seed).sample(asked, min(options.per_repository, len(asked)))
        else:
            asked = commit_questions(root, limit=options.per_repository, seed=options.seed)
        sets.append(QuestionSet(root.name, head_commit(root), tuple(asked)))
    save_questions(options.out, sets)
    languages = Counter(question.language for one in sets for question in one.questions)
    print(table([{"language": language, "questions": count} for language, count in languages.most_common()]))
    print(f"{languages.total()} questions from {len(sets)} repositories in {options.out}")


def strip(root: Path, copy: Path) -> list[Question]:
    """Copy a clone's listed files without doc comments; return what those of its source files ask."""
    questions: list[Question] = []
    for path in list_files(locate(root)).paths:
        source, target = root / path, copy / path
        if source.is_symlink() or not source.is_file():
            continue
        data = source.read_bytes()
        kind = classify(path, data)
        if kind.role is Role.CODE and kind.language not in NOT_SOURCE and b"\0" not in data and len(data) < LARGEST_BYTES:
            described = comment_questions(data, kind.language, path)
            questions += described.questions
            data = described.stripped
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return questions


if __name__ == "__main__":
    main()
