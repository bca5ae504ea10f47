"""Writes docs/performance.md from what the benchmarks kept in results/: performance.py

One row for each claim of the performance review that this product was built from, in its order: what was claimed, what is measured here,
and by which command, commit and machine. A row whose benchmark was not run says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from report import RESULTS

Rows = Sequence[Mapping[str, Any]]
Results = Mapping[str, Any]

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
NOT_RUN = "not measured yet"
HEAD = """# Performance, claim by claim

This product began with the performance review of an earlier code-search service, which listed what had been optimised and what ought to
be, with gains that nobody had measured. Each claim has a row here. What it complains of (row by row, one by one, for every file anew) is
kept inside the benchmarks, so that each gain can be measured again: [bench/README.md](../bench/README.md). `bench/performance.py` writes
this page from `bench/results/`.

| # | what | claimed | measured | how |
|---|---|---|---|---|
"""


class Claim(NamedTuple):
    """A row: the benchmark whose results it reads, and how it says them."""

    number: str
    what: str
    claimed: str
    benchmark: str
    say: Callable[[Results], str]


def by(rows: Rows, **wanted: Any) -> Mapping[str, Any]:
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def writes(results: Results) -> str:
    rows = results["writes"]
    unnest, many, copied = (by(rows, variant=name) for name in ("UNNEST", "executemany", "COPY into unsecured tables"))
    return (
        f"{unnest['rows_per_s']:,.0f} rows/s, {unnest['times_executemany']:.1f} times executemany (p95 of 1,000 rows "
        f"{unnest['p95_ms']:.0f} against {many['p95_ms']:.0f} ms). COPY, which refuses tables with row security, "
        f"{copied['times_executemany']:.1f} times where there is none"
    )


def pools(results: Results) -> str:
    shared, three = by(results["pools"], variant="one pool of 35"), by(results["pools"], variant="pools of 10, 20 and 5")
    return f"read p95 {three['p95_ms']:.0f} ms, with one pool of 35 {shared['p95_ms']:.0f} ms, under the same writes and analyses"


def indexes(results: Results) -> str:
    rows = results["indexes"]
    return (
        "; ".join(f"{row['query']} {row['times_faster']:.1f} times" for row in rows)
        + f" at {results['filled']['chunks']:,} chunks (medians)"
    )


def streaming(results: Results) -> str:
    return "; ".join(f"{row['files']:,} files: {row['peak_mib']:.0f} MiB" for row in results["growth"]) + ", peak of the process tree"


def copies(results: Results) -> str:
    naive, ours = (row["kept_bytes_per_chunk"] for row in results["copies"])
    return f"{ours:,.0f} bytes stay allocated per chunk, {naive:,.0f} with objects, copied texts and lists: {naive / ours:.1f} times"


def extensions(results: Results) -> str:
    return "; ".join(f"{row['look-up']} {row['us_per_file']:.2f} µs a file" for row in results["rows"])


def tokenizer(results: Results) -> str:
    naive, ours = (row["cpu_ms"] for row in results["tokenizer"])
    return f"{ours:.2f} ms a chunk; configured for every batch, and each text tokenised twice, {naive:.2f} ms: {naive / ours:.0f} times"


def queries(results: Results) -> str:
    naive, ours = (row["cpu_ms for each file"] for row in results["queries"])
    return f"{ours:.1f} ms a file, {naive:.1f} ms when they are compiled for each: {naive / ours:.1f} times"


def concurrency(results: Results) -> str:
    one, four = by(results["remote"], variant="batches one after the other"), by(results["remote"], variant="4 batches at a time")
    local = by(results["threads"], variant="2 at a time")
    return (
        f"a service 40 ms away: {four['chunks_per_s'] / one['chunks_per_s']:.1f} times with four batches in flight; "
        f"a transformer on this machine: {local['times one at a time']:.2f} times with two"
    )


def goals(results: Results) -> str:
    lists = "a branch's list of files"  # thousands of rows, read once per generation
    worst = max((row for row in results["indexes"] if row["query"] != lists), key=lambda row: row["with_p95_ms"])
    return f"the slowest hot query, {worst['query']}: p95 {worst['with_p95_ms']:.0f} ms; that 100 re-indexes leave nothing behind is a test"


def speed(results: Results) -> str:
    rows = (f"{row['checkout']}: {row['files_per_min']:,.0f} files, {row['lines_per_min']:,.0f} lines" for row in results["cold"])
    return "; ".join(rows) + " a minute"


def naive(results: Results) -> str:
    rows = [row for row in results["naive"] if row["variant"] == "one by one"]
    return "; ".join(f"{row['checkout']}: {row['times']:.2f} times as long one by one" for row in rows)


def tiers(results: Results) -> str:
    rows = [row for row in results["tiers"] if row["variant"] == "database"]
    return "; ".join(f"{row['checkout']}: {row['times']:.2f} times" for row in rows)


def search(results: Results) -> str:
    rows = [row for row in results["process"] if row["kind"] == "words"]
    return "; ".join(f"{row['chunks']:,} chunks: median {row['p50_ms']:.1f} ms" for row in rows)


CLAIMS = (
    Claim("1", "rows in batches (UNNEST)", "70 % faster", "database-writes", writes),
    Claim("2", "separate pools for writing, reading, analysing", "reads do not wait", "database", pools),
    Claim("3", "indexes for the hot queries", "60 to 80 % faster", "database", indexes),
    Claim("4", "files stream through", "memory stays flat", "indexing", streaming),
    Claim("5, 6", "no copies of texts and vectors", "less memory", "indexing", copies),
    Claim("7", "a table of extensions", "constant time", "extensions", extensions),
    Claim("8", "a tokeniser configured once", "faster", "embedding-static", tokenizer),
    Claim("9", "parsers and queries made once", "faster", "embedding", queries),
    Claim("10", "several batches embedded at a time", "30 to 50 % faster", "embedding", concurrency),
    Claim("14", "queries of the database", "p95 under 100 ms", "database", goals),
    Claim("", "indexing speed", "1,000 files a minute; 100,000 lines in a minute", "indexing", speed),
    Claim("", "searching", "10 ms for ten results", "search", search),
    Claim("", "indexing a repository into a database", "25 to 35 % faster by all of this together", "server-indexing", naive),
    Claim("", "the same against the index in files", "", "server-indexing", tiers),
)
FOOT = """
Items 11 to 13 are things to have, not to measure: `codetriever index --profile-memory` (peak memory of the process tree, allocation
rate, the largest sites), the benchmarks themselves, and the metrics that `codetriever status -v` and `--json` show.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(map(line, CLAIMS)) + FOOT


def line(claim: Claim) -> str:
    file = RESULTS / f"{claim.benchmark}.json"
    measured, how = NOT_RUN, f"`{claim.benchmark}`"
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        machine = kept["machine"]
        measured = claim.say(kept["results"])
        how = f"`{kept['command']}` at {kept['commit']}, {machine['cores']} cores, load {machine['load'][0]:.0f}"
    return f"| {claim.number} | {claim.what} | {claim.claimed} | {measured} | {how} |\n"


if __name__ == "__main__":
    main()
