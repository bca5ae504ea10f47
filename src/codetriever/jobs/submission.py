"""Jobs: how does somebody have a repository indexed, and hear how far it is?"""

from __future__ import annotations

import time
from pathlib import PurePath
from typing import TYPE_CHECKING
from uuid import UUID

from codetriever.corpus.clone import is_branch_name, parse_address
from codetriever.errors import InvalidArguments, JobNotFound
from codetriever.jobs.contents import packed
from codetriever.store.job import PRIORITIES, JobState
from codetriever.store.postgres import jobs
from codetriever.store.postgres.jobs import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetriever.config import Settings
    from codetriever.store.job import Job
    from codetriever.store.postgres.database import Database

_LONGEST_NAME = 1000  # bytes
_FIRST_LOOK_S, _LAST_LOOK_S = 0.1, 1.0
_MOST_LISTED = 1000
_UPLOADS_KEPT_S = 86400.0


class Jobs:
    """The jobs of one tenant. Workers (`codetriever worker`) do them, wherever they run."""

    def __init__(self, database: Database, tenant: UUID, settings: Settings) -> None:
        self._database = database
        self._tenant = tenant
        self._settings = settings

    def submit(
        self,
        repository: str = "",
        *,
        url: str = "",
        folder: str = "",
        files: Mapping[str, bytes | str | None] | None = None,
        replace: bool = False,
        branch: str = "",
        priority: str = "normal",
        correlation_id: str = "",
    ) -> Job:
        """Have a branch indexed from an https `url`, from a `folder` of the workers' machine, or from the contents of `files`.

        `files` change what is indexed: a path with None is gone, one that is not named stays; with `replace` they are all there are.
        `repository` is named after the address, or `local/<folder>`, unless given. Without a `branch` it is the one that the address calls
        its own, or that the folder has checked out. What waits for the same branch already is joined. Raises `InvalidArguments` and
        `SourceRefused`.
        """
        if (bool(url), bool(folder), files is not None).count(True) != 1:
            raise InvalidArguments("Say one of url, folder and files.")
        if branch and not is_branch_name(branch):
            raise InvalidArguments(f"{branch!r} is no name for a branch.")
        if folder and not (PurePath(folder).is_absolute() and folder.isprintable()):
            raise InvalidArguments(f"{folder!r} is not the whole path of a folder.")
        if priority not in PRIORITIES:
            raise InvalidArguments(f"{priority!r} is no priority.", hint="There are: " + ", ".join(PRIORITIES))
        place, credentials, upload = folder, "", None
        if url:
            address = parse_address(url, allowed=tuple(self._settings.job_addresses.split()))
            place, credentials = address.url, address.credentials
        name = _checked_name(repository or _name_of(url=place if url else "", folder=folder))
        if files is not None:
            contents = packed(files, most_bytes=self._settings.job_contents_bytes)
            upload = jobs.upload(self._database, self._tenant, contents, replaces=replace)
        wanted = Wanted(
            repository=name,
            branch=branch,
            source="git" if url else "folder" if folder else "contents",
            place=place,
            credentials=credentials,
            priority=priority,
            correlation_id=_number(correlation_id) if correlation_id else None,
            upload=upload,
            is_whole=files is None or replace,
        )
        return self.get(str(jobs.submit(self._database, self._tenant, wanted)))

    def get(self, job: str) -> Job:
        """Return a job by its number; raises `JobNotFound`."""
        found = jobs.find_job(self._database, self._tenant, _number(job))
        if found is None:
            raise _not_found(job)
        return found

    def list(self, *, state: str = "", repository: str = "", limit: int = 100, offset: int = 0) -> list[Job]:
        """Return jobs, the newest first, if asked for only those in a state or of a repository; `limit` is 1..1000."""
        if state and state not in set(JobState):
            raise InvalidArguments(f"{state!r} is no state of a job.", hint="There are: " + ", ".join(JobState))
        if not 1 <= limit <= _MOST_LISTED or offset < 0:
            raise InvalidArguments(f"limit is {limit} and offset {offset}; limit can be 1 to {_MOST_LISTED}, offset not negative.")
        return jobs.list_jobs(self._database, self._tenant, state=state, repository=repository, limit=limit, offset=offset)

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state; states without any are left out."""
        return jobs.count_jobs(self._database, self._tenant)

    def cancel(self, job: str) -> Job:
        """End a job that waits, or ask one that runs to end, which takes it a moment; one that ended stays as it is."""
        jobs.cancel(self._database, self._tenant, _number(job))
        return self.get(job)

    def wait(self, job: str, *, timeout_s: float | None = None, progress: Callable[[Job], None] | None = None) -> Job:
        """Wait until a job has ended, or for so long, and return it; `progress` is called with it now and then.

        When its work was left to another job, that one is waited for and returned.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pause_s = _FIRST_LOOK_S
        while True:
            found = self.get(job)
            if progress is not None:
                progress(found)
            if found.joined_job:
                job = found.joined_job
                continue
            left = float("inf") if deadline is None else deadline - time.monotonic()
            if found.state.is_end or left <= 0:
                return found
            time.sleep(min(pause_s, left))
            pause_s = min(1.5 * pause_s, _LAST_LOOK_S)

    def purge(self, *, older_s: float | None = None) -> int:
        """Forget jobs that ended so long ago, by default as long as the settings say, and return how many."""
        kept_s = self._settings.job_keep_days * 86400.0 if older_s is None else older_s
        return jobs.purge(self._database, self._tenant, older_s=kept_s, uploads_older_s=_UPLOADS_KEPT_S)


def _name_of(*, url: str, folder: str) -> str:
    if url:
        return url.partition("://")[2].removesuffix("/").removesuffix(".git")
    return f"local/{PurePath(folder).name}" if PurePath(folder).name else ""


def _checked_name(name: str) -> str:
    if not name:
        raise InvalidArguments("The repository has no name.", hint="Say what it is to be called, such as github.com/owner/name.")
    if not name.isprintable() or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise InvalidArguments(f"{name[:100]!r} cannot be the name of a repository.")
    return name


def _number(job: str) -> UUID:
    try:
        return UUID(job)
    except ValueError:
        raise _not_found(job) from None


def _not_found(job: str) -> JobNotFound:
    return JobNotFound(f"There is no job {job!r}.", hint="`codetriever jobs list` shows them.")
