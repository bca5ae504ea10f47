"""`jobs`: have repositories indexed by workers, and see how far they are."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.hits import ago, counted
from codetriever.cli.opening import connected
from codetriever.cli.progress import ProgressBar
from codetriever.cli.screen import printable
from codetriever.cli.searching import NOTHING_FOUND
from codetriever.errors import InvalidArguments
from codetriever.store.job import JobState
from codetriever.types import Progress
from codetriever.wire import as_value

if TYPE_CHECKING:
    from codetriever.cli.command import Command
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings
    from codetriever.connection import Connection
    from codetriever.store.job import Job

FAILED: Final = 2
_STYLES: Final = {JobState.COMPLETED: "good", JobState.FAILED: "error", JobState.CANCELLED: "warning"}


def jobs(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `jobs submit|list|show|cancel|purge [SOURCE|JOB...]`."""
    action, *words = command.words
    run = {"submit": _submit, "list": _list, "show": _show, "cancel": _cancel, "purge": _purge}[action]
    needs_word = action in ("submit", "show", "cancel")
    if needs_word != (len(words) == 1):
        what = {"submit": "one address or folder", "show": "the number of a job", "cancel": "the number of a job"}
        raise InvalidArguments(f"`jobs {action}` takes {what.get(action, 'no words')}.", hint="`codetriever jobs --help` shows examples.")
    with connected(settings) as connection:
        return run(connection, command, settings, screen, words[0] if words else "")


def _submit(connection: Connection, command: Command, settings: Settings, screen: Screen, source: str) -> int:
    facts: dict[str, Any] = {"branch": command.branch or "", "priority": command.priority}
    if len(command.repositories) > 1:
        raise InvalidArguments("A job is about one repository.")
    facts["repository"] = command.repositories[0] if command.repositories else ""
    if command.contents:
        facts |= _contents(Path(source), settings, facts)
    elif "://" in source:
        facts["url"] = source
    else:
        facts["folder"] = str(Path(source).absolute())
    job = connection.jobs.submit(**facts)
    if command.wait:
        return _report(_waited(connection, job, screen), command, screen)
    if command.wants_json:
        screen.json({"job": job_value(job)})
    else:
        screen.line(job.id)
        joined = f"; it joined what waits for it already ({job.submissions} times)" if job.submissions > 1 else ""
        screen.note(f"waits for a worker: {_what(job)}{joined}")
    return 0


def _contents(folder: Path, settings: Settings, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what sends all files of a checkout here, named as the checkout itself would be."""
    from codetriever.jobs.local import read_checkout

    sent = read_checkout(folder, settings)
    return {
        "files": sent.files,
        "replace": True,
        "repository": facts["repository"] or sent.repository,
        "branch": facts["branch"] or sent.branch,
    }


def _waited(connection: Connection, job: Job, screen: Screen) -> Job:
    bar = ProgressBar(screen)
    try:
        return connection.jobs.wait(
            job.id, progress=lambda now: bar(Progress(now.files_done, now.files_total, now.chunks)) if now.files_total else None
        )
    finally:
        bar.close()


def _list(connection: Connection, command: Command, settings: Settings, screen: Screen, _: str) -> int:
    repository = command.repositories[0] if command.repositories else ""
    found = connection.jobs.list(state=command.state, repository=repository, limit=settings.limit, offset=command.offset)
    if command.wants_json:
        screen.json({"jobs": list(map(job_value, found)), "counts": connection.jobs.counts()})
        return 0 if found else NOTHING_FOUND
    for job in found:
        when = f"{ago(time.time() - (job.finished_at or job.submitted_at))}"
        screen.line(f"{job.id}  {_state(job, screen)}  {printable(_what(job))}  {screen.style(when, 'dim')}")
    counts = connection.jobs.counts()
    screen.note(", ".join(f"{count:,} {state}" for state, count in counts.items()) or "there are no jobs")
    return 0 if found else NOTHING_FOUND


def _show(connection: Connection, command: Command, settings: Settings, screen: Screen, number: str) -> int:
    job = connection.jobs.get(number)
    return _report(_waited(connection, job, screen) if command.wait else job, command, screen)


def _cancel(connection: Connection, command: Command, settings: Settings, screen: Screen, number: str) -> int:
    job = connection.jobs.cancel(number)
    if command.wants_json:
        screen.json({"job": job_value(job)})
    elif job.state is JobState.RUNNING:
        screen.note("it runs, and was asked to end")
    else:
        screen.note(f"it is {job.result}")
    return 0


def _purge(connection: Connection, command: Command, settings: Settings, screen: Screen, _: str) -> int:
    count = connection.jobs.purge(older_s=0.0 if command.everything else None)
    if command.wants_json:
        screen.json({"purged": count})
    else:
        screen.note(f"{counted(count, 'ended job')} forgotten")
    return 0


def _report(job: Job, command: Command, screen: Screen) -> int:
    """Print one job; the code says how it ended."""
    if command.wants_json:
        screen.json({"job": job_value(job)})
    else:
        _print(job, screen)
    if job.state is JobState.CANCELLED:
        return NOTHING_FOUND
    return FAILED if job.state is JobState.FAILED or (job.state is JobState.COMPLETED and job.failed_files) else 0


def _print(job: Job, screen: Screen) -> None:
    screen.line(f"{job.id}  {_state(job, screen)}  {printable(_what(job))}")
    if job.state is JobState.RUNNING and job.files_total:
        left = f", about {job.eta_s:.0f} s left" if job.eta_s is not None else ""
        screen.line(f"  {job.files_done:,} of {job.files_total:,} files ({job.percent:.0f} %){left}")
    elif job.state is JobState.COMPLETED:
        done = f"{counted(job.files_total, 'file')} looked at, {counted(job.chunks, 'chunk')} embedded"
        screen.line(f"  {done} · generation {job.generation}")
    elif job.state is JobState.PENDING and job.attempts:
        screen.line(f"  tried {counted(job.attempts, 'time')}, again in {max(job.due_at - time.time(), 0):.0f} s")
    if job.error:
        screen.line(f"  {screen.style(printable(job.error), 'error')}")
    if job.joined_job:
        screen.line(f"  its work is part of {job.joined_job}")
    for skip in job.failures:
        screen.line(f"  {screen.path(skip.path)}: {skip.reason.value}" + (f" ({printable(skip.detail)})" if skip.detail else ""))


def _state(job: Job, screen: Screen) -> str:
    text = f"{job.result:<9}"
    return screen.style(text, _STYLES[job.state]) if job.state in _STYLES else text


def _what(job: Job) -> str:
    branch = f" on {job.branch}" if job.branch else ""
    place = f" from {job.place}" if job.place else " from contents"
    return f"{job.repository}{branch}{place}"


def job_value(job: Job) -> dict[str, Any]:
    """Return a job as every interface prints it: its fields, how it ended in words, and how far it is."""
    value: dict[str, Any] = as_value(job)
    eta_s = job.eta_s
    return value | {"result": job.result, "percent": round(job.percent, 1), "eta_s": None if eta_s is None else round(eta_s, 1)}
