"""What is the score of a hit made of? calibration.py QUESTIONS CLONES [--annotations CHECKOUTS FOLDER]

Asks the commit questions that questions.py made (and annotated ones), and 200 off-topic and nonsense questions, of the same
repositories; fits the logistic regression of `ranking/calibration.py` on the evidence of the first ten hits, relevant or not; and
prints its weights, the threshold below which the best hit is called weak, and the reliability table: mean score against hit rate.
Off-topic hits weigh a third, so that they do not drown the relevant ones. The unchanged weights of the package are shown beside the fit.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import codetriever
from codetriever.evaluation.measures import Place, Span, overlaps
from codetriever.evaluation.questions import load_questions
from codetriever.ranking import calibration
from report import keep, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetriever.types import Hit

OFFTOPIC = Path(__file__).parent.parent / "tests" / "search" / "offtopic.txt"
OFFTOPIC_REPOSITORIES = 10
OFFTOPIC_WEIGHT = 1 / 3
WEAK_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's hits: evidence `(hits, 4)`, whether each is relevant, and where the question comes from."""

    source: str
    evidence: np.ndarray
    relevant: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path)
    parser.add_argument("clones", type=Path)
    parser.add_argument("--annotations", type=Path, nargs=2, metavar=("CHECKOUTS", "FOLDER"))
    parser.add_argument("--store", type=Path, required=True, help="where the indexes are kept")
    options = parser.parse_args()
    asked = list(ask_commits(options.questions, options.clones, options.store))
    if options.annotations:
        asked += ask_annotated(*options.annotations, options.store)
    fitted = fit(asked)
    shipped = np.array([calibration.INTERCEPT, *calibration.WEIGHTS.values()])
    names = ["intercept", *calibration.WEIGHTS]
    print(table([{"evidence": n, "fitted": round(f, 3), "shipped": s} for n, f, s in zip(names, fitted, shipped, strict=True)]))
    results = {"weights": dict(zip(names, fitted.tolist(), strict=True))}
    for label, weights in (("fitted", fitted), ("shipped", shipped)):
        results[label] = weak = weakness(asked, weights)
        print(f"\n{label}: " + ", ".join(f"{key} {value:.3f}" for key, value in weak.items()))
    results["reliability"] = rows = reliability(asked, shipped)
    print("\n" + table(rows))
    keep("calibration", results)


def ask_commits(questions: Path, clones: Path, store: Path) -> Iterator[Asked]:
    """Ask every commit question, and the off-topic ones of the first repositories."""
    for number, one in enumerate(load_questions(questions)):
        with codetriever.open(clones / one.name, store=store) as index:
            index.refresh()
            for question in one.questions:
                yield judged("commit", index.search(question.query, explain=True).hits, question.spans)
            if number < OFFTOPIC_REPOSITORIES:
                for query in OFFTOPIC.read_text(encoding="utf-8").splitlines():
                    yield judged("off-topic", index.search(query, explain=True).hits, ())


def ask_annotated(checkouts: Path, folder: Path, store: Path) -> Iterator[Asked]:
    """Ask annotated questions, whose answers are files."""
    for repository in json.loads((folder / "repos.json").read_text(encoding="utf-8")):
        root = checkouts / repository["name"] / (repository.get("benchmark_root") or ".")
        with codetriever.open(root, store=store) as index:
            index.refresh()
            for item in json.loads((folder / "annotations" / f"{repository['name']}.json").read_text(encoding="utf-8")):
                targets = [target if isinstance(target, str) else target["path"] for target in (*item["relevant"], *item["secondary"])]
                hits = index.search(item["query"], explain=True).hits
                yield judged(
                    "annotated",
                    hits,
                    [Span(hit.path) for hit in hits for target in targets if target.endswith("/" + hit.path) or target == hit.path],
                )


def judged(source: str, hits: tuple[Hit, ...], spans: object) -> Asked:
    """Read the evidence of the hits, and compare them with what answers."""
    values = [{signal.name: signal.value for signal in hit.signals} for hit in hits]
    evidence = np.array([[row[name] for name in calibration.WEIGHTS] for row in values]).reshape(len(hits), len(calibration.WEIGHTS))
    places = [Place(hit.path, hit.start_line, hit.end_line) for hit in hits]
    return Asked(source, evidence, np.array([any(overlaps(place, span) for span in spans) for place in places], dtype=bool))


def fit(asked: list[Asked], *, rounds: int = 50, ridge: float = 1e-3) -> np.ndarray:
    """Fit by Newton's method (iteratively reweighted least squares): `(1 + evidence,)` weights, the intercept first."""
    matrix = np.concatenate([np.c_[np.ones(len(one.evidence)), one.evidence] for one in asked])
    target = np.concatenate([one.relevant for one in asked]).astype(float)
    share = np.concatenate([np.full(len(one.relevant), OFFTOPIC_WEIGHT if one.source == "off-topic" else 1.0) for one in asked])
    weights = np.zeros(matrix.shape[1])
    for _ in range(rounds):
        scores = logistic(matrix @ weights)
        gradient = matrix.T @ (share * (scores - target)) + ridge * weights
        hessian = (matrix * (share * scores * (1 - scores))[:, None]).T @ matrix + ridge * np.eye(len(weights))
        weights -= np.linalg.solve(hessian, gradient)
    return weights


def weakness(asked: list[Asked], weights: np.ndarray) -> dict[str, float]:
    """Return the threshold that calls 5 % of the answers weak whose first hit is relevant, and the share of the others it calls so."""
    best = {id(one): float(logistic(one.evidence @ weights[1:] + weights[0]).max(initial=0.0)) for one in asked}
    right = [best[id(one)] for one in asked if len(one.relevant) and one.relevant[0]]
    threshold = float(np.quantile(right, WEAK_SHARE))
    off = [best[id(one)] for one in asked if one.source == "off-topic"]
    return {
        "threshold": threshold,
        "off-topic called weak": float(np.mean(np.array(off) < threshold)),
        "right at rank 1 called weak at the shipped threshold": float(np.mean(np.array(right) < calibration.WEAK)),
        "off-topic called weak at the shipped threshold": float(np.mean(np.array(off) < calibration.WEAK)),
    }


def reliability(asked: list[Asked], weights: np.ndarray) -> list[dict[str, float]]:
    """Compare mean score and hit rate in ten bands of scores, over questions that have an answer."""
    answered = [one for one in asked if one.source != "off-topic"]
    scores = np.concatenate([logistic(one.evidence @ weights[1:] + weights[0]) for one in answered])
    relevant = np.concatenate([one.relevant for one in answered])
    bands = np.minimum((scores * 10).astype(int), 9)
    return [
        {
            "band": f"{band / 10:.1f}..{(band + 1) / 10:.1f}",
            "hits": int(np.count_nonzero(bands == band)),
            "mean_score": round(float(scores[bands == band].mean()), 3),
            "hit_rate": round(float(relevant[bands == band].mean()), 3),
        }
        for band in np.unique(bands).tolist()
    ]


def logistic(values: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-values))


if __name__ == "__main__":
    main()
