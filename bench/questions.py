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

from codetriever.corpus.git import locate
from codetriever.evaluation.history import commit_questions, head_commit
from codetriever.evaluation.questions import QuestionSet, save_questions
from codetriever.evaluation.stripped import copy_without_comments
from report import table


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
            asked = copy_without_comments(locate(root), options.stripped / root.name)
            asked = random.Random(options.seed).sample(asked, min(options.per_repository, len(asked)))
        else:
            asked = commit_questions(root, limit=options.per_repository, seed=options.seed)
        sets.append(QuestionSet(root.name, head_commit(root), tuple(asked)))
    save_questions(options.out, sets)
    languages = Counter(question.language for one in sets for question in one.questions)
    print(table([{"language": language, "questions": count} for language, count in languages.most_common()]))
    print(f"{languages.total()} questions from {len(sets)} repositories in {options.out}")


if __name__ == "__main__":
    main()
