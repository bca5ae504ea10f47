"""Make questions from local clones: questions.py CLONES OUT [--per-repository N] [--seed N] [--stripped FOLDER [--per-language N]]

CLONES is a folder of git work trees, one per repository, each at the commit that is to be indexed. The same clones and seed give the
same questions. They come from history: a commit's subject asks for the lines it left. With --stripped they come from doc comments
instead, and FOLDER receives copies of the clones without those comments, which are what is to be searched; --per-language then takes
so many of each language, evenly from the repositories that have some.

`quality.py --commits OUT --clones CLONES` (or FOLDER) asks them.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from itertools import islice, zip_longest
from pathlib import Path

from codetriever.corpus.git import locate
from codetriever.evaluation.history import commit_questions, head_commit
from codetriever.evaluation.questions import Question, QuestionSet, save_questions
from codetriever.evaluation.stripped import copy_without_comments
from report import table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--per-repository", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stripped", type=Path, help="ask doc comments instead, and write the clones without them to this folder")
    parser.add_argument("--per-language", type=int, help="with --stripped: questions of each language, instead of each repository")
    options = parser.parse_args()
    sets = []
    for root in sorted(folder for folder in options.clones.iterdir() if (folder / ".git").exists()):
        if options.stripped:
            asked = copy_without_comments(locate(root), options.stripped / root.name)
            random.Random(options.seed).shuffle(asked)
            asked = asked if options.per_language else asked[: options.per_repository]
        else:
            asked = commit_questions(root, limit=options.per_repository, seed=options.seed)
        sets.append(QuestionSet(root.name, head_commit(root), tuple(asked)))
    if options.per_language:
        sets = spread(sets, options.per_language)
    save_questions(options.out, sets)
    languages = Counter(question.language for one in sets for question in one.questions)
    print(table([{"language": language, "questions": count} for language, count in languages.most_common()]))
    print(f"{languages.total()} questions from {len(sets)} repositories in {options.out}")


def spread(sets: list[QuestionSet], per_language: int) -> list[QuestionSet]:
    """Take the first questions of each language from each repository in turn, until there are enough of the language."""
    kept: dict[str, list[Question]] = {one.name: [] for one in sets}
    for language in sorted({question.language for one in sets for question in one.questions}):
        queues = [(one.name, [question for question in one.questions if question.language == language]) for one in sets]
        rounds = zip_longest(*([(name, question) for question in questions] for name, questions in queues))
        for name, question in islice((pair for one_round in rounds for pair in one_round if pair), per_language):
            kept[name].append(question)
    return [QuestionSet(one.name, one.commit, tuple(kept[one.name])) for one in sets]


if __name__ == "__main__":
    main()
