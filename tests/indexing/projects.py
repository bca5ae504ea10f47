"""Checkouts made for a test, indexed for real, and pictures of what their index answers."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codetriever.corpus.git import locate
from codetriever.embedding.static import load_static
from codetriever.indexing.indexer import IndexOptions, refresh
from codetriever.store.embedded import open_store, repository_folder
from codetriever.types import Role, SkipReason, ViewKey

FILES = {
    "src/app.py": "import os\n\n\nclass Server:\n    def start(self, port):\n        return os.getpid() + port\n",
    "src/session.py": "def refresh_session(token):\n    '''Make a new session from an old token.'''\n    return token\n",
    "src/lib.rs": "pub struct Point { x: i32 }\n\nimpl Point {\n    pub fn length(&self) -> i32 { self.x }\n}\n",
    "web/menu.js": "export function openMenu(id) {\n  return document.getElementById(id)\n}\n",
    "tests/test_app.py": "from app import Server\n\n\ndef test_start():\n    assert Server().start(1)\n",
    "docs/guide.md": "# Guide\n\nHow to start the server.\n\n## Sessions\n\nThey are refreshed.\n",
    "empty.txt": "",
    "logo.png": b"\x89PNG\r\n\x1a\n\0\0\0",
}


def write(root, files):
    for name, text in files.items():
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def git(root, *arguments):
    identity = {
        f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "T"), ("EMAIL", "t@example.org"))
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(["git", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def commit(root, message="a change"):
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


def new_repository(root, files):
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    write(root, files)
    commit(root, "begin")
    return root


@dataclass
class Project:
    """A checkout and the folder its indexes are kept in."""

    root: Path
    stores: Path
    embedder: object = None

    def __post_init__(self):
        self.embedder = self.embedder or load_static()

    @property
    def key(self):
        checkout = locate(self.root)
        return ViewKey(str(checkout.root), checkout.branch)

    def open(self):
        folder = repository_folder(self.stores, locate(self.root).identity)
        return open_store(folder, model=self.embedder.model, dimensions=self.embedder.dimensions)

    def refresh(self, *, store=None, deadline_s=None, confirm=None, progress=None, **options):
        with store or self.open() as opened:
            settings = IndexOptions(**options)
            return refresh(
                locate(self.root), opened, self.embedder, options=settings, deadline_s=deadline_s, confirm=confirm, progress=progress
            )

    def picture(self):
        """What the view answers, by path and span: nothing in it depends on how the index got there."""
        with self.open() as store, store.snapshot(self.key) as snapshot:
            return picture(snapshot)

    def paths(self):
        with self.open() as store, store.snapshot(self.key) as snapshot:
            files = snapshot.files
            return [path for path, blob in zip(files.paths, files.blobs, strict=True) if blob >= 0]


def picture(snapshot):
    files = snapshot.files
    seen = {}
    places = {}
    for row, path in enumerate(files.paths):
        first, count = int(snapshot.file_first[row]), int(snapshot.file_chunks[row])
        skip = list(SkipReason)[files.skips[row] - 1] if files.skips[row] else None
        described = (
            [files.language_names[files.languages[row]], list(Role)[files.roles[row]], bytes(files.digests[row])] if not skip else []
        )
        seen[path] = (skip, described, snapshot.content(row) if not skip else b"", chunk_values(snapshot, first, count) if not skip else [])
        for position in range(count):
            places[first + position] = (min(path, places.get(first + position, (path,))[0]), position)
    terms = snapshot.terms_containing("", 1_000_000)
    postings = {term: posting_values(snapshot, term, places) for term in terms}
    paths = {term: sorted(files.paths[row] for row in snapshot.path_postings(term)[0]) for term in ("src", "app", "session", "py")}
    totals = (snapshot.chunk_count, snapshot.total_length)
    return seen, {term: found for term, found in postings.items() if found}, paths, totals


def differences(one, other):
    """Name what two pictures do not agree on, briefly."""
    found = []
    for what, left, right in zip(("file", "term", "path term", "total"), one, other, strict=True):
        if isinstance(left, dict):
            found += [f"{what} {key}" for key in sorted(left.keys() | right.keys()) if left.get(key) != right.get(key)]
        elif left != right:
            found.append(f"{what} {left} {right}")
    return found[:20]


def chunk_values(snapshot, first, count):
    ordinals = np.arange(first, first + count)
    columns = snapshot.chunks(ordinals)
    spans = zip(columns.byte_start, columns.byte_end, columns.start_line, columns.end_line, columns.kinds, columns.names, strict=True)
    vectors = [row.tobytes() for row in snapshot.vectors(ordinals)]
    return list(zip(spans, snapshot.lengths[ordinals].tolist(), snapshot.keys[ordinals].tolist(), vectors, strict=True))


def posting_values(snapshot, term, places):
    ordinals, frequencies = snapshot.postings(term)
    return sorted((*places[ordinal], frequency) for ordinal, frequency in zip(ordinals.tolist(), frequencies.tolist(), strict=True))
