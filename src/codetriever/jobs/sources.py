"""What does a job index? A clone, a folder of this machine, contents that were sent, or these on top of one of those."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever.corpus.clone import Address, parse_address
from codetriever.corpus.git import Checkout, locate
from codetriever.errors import PathNotFound, SourceRefused
from codetriever.indexing.indexer import IndexOptions, refresh
from codetriever.jobs.clones import fetch_clone, kept_clone
from codetriever.jobs.contents import plan_contents, write_contents
from codetriever.store.postgres.jobs import contents_state, iter_contents
from codetriever.store.postgres.store import open_store
from codetriever.types import ViewKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codetriever.config import Settings
    from codetriever.embedding.embedder import Embedder
    from codetriever.indexing.plan import Plan
    from codetriever.jobs.pulse import Pulse
    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.jobs import Taken
    from codetriever.store.postgres.store import PostgresStore
    from codetriever.types import FileTable, IndexReport

_LOCK_WAIT_S = 5.0  # then somebody else may have the worker


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a worker does every job with."""

    database: Database
    settings: Settings
    embedder: Embedder


@dataclass(frozen=True, slots=True)
class Indexed:
    """What a job did: a report per step, and the commit that was indexed, "" when contents came on top of it."""

    reports: list[IndexReport]
    head: str


def index_job(place: Workplace, taken: Taken, pulse: Pulse, folder: Path) -> Indexed:
    """Index what the job names into the database, using the empty `folder`.

    Raises what `clone` and `refresh` raise, `SourceRefused` for what nobody allowed, and what `Pulse.check` raises.
    """
    job = taken.job
    reports = []
    branch, head = job.branch, ""
    if job.source != "contents":
        with _checkout(place, taken, pulse, folder / "clone") as checkout:
            if branch and checkout.branch != branch:
                raise SourceRefused(f"{job.place} has branch {checkout.branch or 'none'} checked out, not {branch}.")
            branch, head = checkout.branch, checkout.head
            reports.append(_refresh(place, taken, pulse, checkout))
    has_contents, replaces = contents_state(place.database, taken)
    if has_contents or job.source == "contents":
        pulse.next_step()
        reports.append(_index_contents(place, taken, pulse, folder / "contents", branch, replaces=replaces))
    return Indexed(reports, "" if has_contents else head)


@contextmanager
def _checkout(place: Workplace, taken: Taken, pulse: Pulse, folder: Path) -> Iterator[Checkout]:
    """Give the folder that the job names, or the clone of its address, which is made in `folder` when none is kept."""
    if taken.job.source != "git":
        yield allowed_folder(place.settings, taken.job.place)
        return
    with kept_clone(place.settings, taken.tenant, taken.job.place, folder) as kept:
        yield _cloned(place, taken, pulse, kept)


def _cloned(place: Workplace, taken: Taken, pulse: Pulse, folder: Path) -> Checkout:
    settings = place.settings
    address = parse_address(taken.job.place, allowed=tuple(settings.job_addresses.split()))
    cloned = fetch_clone(
        Address(address.url, taken.credentials) if taken.credentials else address,
        folder,
        branch=taken.job.branch,
        timeout_s=settings.job_clone_s,
        max_bytes=settings.job_clone_bytes,
        on_wait=pulse.check,
    )
    return replace(locate(folder), branch=cloned.branch or taken.job.branch)


def allowed_folder(settings: Settings, named: str) -> Checkout:
    """Return the checkout at a folder of this machine; raises `SourceRefused` unless an allowed folder holds all of it."""
    allowed = [Path(os.path.realpath(one)) for one in settings.job_folders.split(os.pathsep) if one]
    real = Path(os.path.realpath(named))
    refused = SourceRefused(
        f"{named} is in none of the folders that jobs may index on this machine.",
        hint="The worker's setting `job_folders` names them.",
    )
    if not Path(named).is_absolute() or not any(real.is_relative_to(folder) for folder in allowed):
        raise refused
    if not real.is_dir():
        raise PathNotFound(f"{named} is not a folder on this machine.")
    checkout = locate(real)
    if not any(checkout.root.is_relative_to(folder) for folder in allowed):
        raise refused
    return checkout


def _index_contents(place: Workplace, taken: Taken, pulse: Pulse, root: Path, branch: str, *, replaces: bool) -> IndexReport:
    root.mkdir()
    sent = write_contents(iter_contents(place.database, taken), root)
    checkout = Checkout(root=root, identity=str(root), branch=branch)
    if not replaces:
        _check_version(_store(place, taken, checkout), ViewKey(str(root), branch))
    return _refresh(place, taken, pulse, checkout, partial(plan_contents, sent, replaces=replaces))


def _check_version(store: PostgresStore, key: ViewKey) -> None:
    """Refuse changes to a list that another version of the analysis made: what is not sent could not be kept."""
    if any(info.key == key for info in store.views()) and not store.generation(key):
        raise SourceRefused(
            f"{store.repository} was indexed by another version of Codetriever, so changes alone cannot be.", hint="Send all of its files."
        )


def _refresh(
    place: Workplace, taken: Taken, pulse: Pulse, checkout: Checkout, planner: Callable[[FileTable | None], Plan] | None = None
) -> IndexReport:
    return refresh(
        checkout,
        _store(place, taken, checkout),
        place.embedder,
        options=_options(place.settings, taken),
        progress=pulse.note,
        confirm=lambda _: True,
        planner=planner,
    )


def _store(place: Workplace, taken: Taken, checkout: Checkout) -> PostgresStore:
    return open_store(
        place.database,
        taken.job.repository,
        model=place.embedder.model,
        dimensions=place.embedder.dimensions,
        tenant=taken.tenant,
        root=str(checkout.root),
        url=taken.job.place if taken.job.source == "git" else checkout.origin,
        memory_bytes=place.settings.writer_memory,
    )


def _options(settings: Settings, taken: Taken) -> IndexOptions:
    """Return how to index: what perhaps killed a worker is parsed apart, and what failed before is tried again."""
    return IndexOptions(
        memory_bytes=settings.memory,
        max_file_bytes=settings.max_file_bytes,
        batch_files=settings.batch_files,
        batch_chunks=settings.batch_chunks,
        workers=settings.workers,
        hidden=settings.hidden,
        no_ignore=settings.no_ignore,
        lock_wait_s=_LOCK_WAIT_S,
        isolate=taken.job.deaths > 0,
        retry_failures=taken.job.failed_files > 0,
    )
