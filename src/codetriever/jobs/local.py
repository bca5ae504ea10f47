"""What is sent when somebody sends a checkout of theirs?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codetriever.corpus.git import locate
from codetriever.corpus.read import Content, read_file
from codetriever.corpus.walk import list_files
from codetriever.errors import SourceRefused
from codetriever.roots import shared_name

if TYPE_CHECKING:
    from pathlib import Path

    from codetriever.config import Settings


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The files of a checkout that can be indexed, and what the repository and the branch are called."""

    repository: str
    branch: str
    files: dict[str, bytes]


def read_checkout(folder: Path, settings: Settings) -> LocalFiles:
    """Read the files of the checkout that a folder lies in; raises `PathNotFound`, and `SourceRefused` when they are too many to send."""
    checkout = locate(folder)
    files: dict[str, bytes] = {}
    total = 0
    for path in list_files(checkout, hidden=settings.hidden, no_ignore=settings.no_ignore).paths:
        content = read_file(checkout.root, path, max_bytes=settings.max_file_bytes)
        if isinstance(content, Content):
            files[path] = content.data
            total += len(content.data)
        if total > settings.job_contents_bytes:
            raise SourceRefused(
                f"The files of {checkout.root} are more than {settings.job_contents_bytes:,} bytes.",
                hint="Index them here (codetriever index --database-url), or let the workers clone their address.",
            )
    return LocalFiles(shared_name(checkout), checkout.branch, files)
