"""Random edits in quick succession: what the index would hold is always what the disk holds."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from codetriever.corpus.changes import detect
from codetriever.corpus.git import locate
from codetriever.corpus.listing import RACY_NS, Listing, listing_from_bytes
from codetriever.corpus.read import Content, read_file
from codetriever.corpus.walk import list_files
from codetriever.types import FileTable

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = range(12)
ROUNDS = 25
FOLDERS = ("", "a/", "b/", "a/c/", "new/", "deep/er/")


@dataclass
class Index:
    """What an indexer keeps: the list, and a digest and stats per path."""

    root: Path
    listing: bytes = b""
    digests: dict[str, bytes] = field(default_factory=dict)
    stats: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    reads: int = 0

    def table(self) -> FileTable | None:
        paths = sorted(self.digests, key=os.fsencode)
        size = len(paths)
        stats = np.array([self.stats[path] for path in paths], np.int64).reshape(-1, 4)
        zeros = np.zeros(size, np.uint8)
        return FileTable(paths, np.arange(size), np.zeros((size, 32), np.uint8), zeros.astype(np.uint16), zeros, zeros, stats, ("text",))

    def refresh(self) -> None:
        checkout = locate(self.root)
        previous: Listing | None = listing_from_bytes(self.listing)
        found = list_files(checkout, previous=previous, hidden=True)
        self.listing = found.to_bytes()
        before = self.table()
        assert before is not None
        changes = detect(checkout, found, before)
        kept = [before.paths[row] for _, row in changes.unchanged.tolist()]
        digests = {path: self.digests[path] for path in kept}
        stats = {path: self.stats[path] for path in kept}
        for path in changes.to_read:
            content = read_file(self.root, path, max_bytes=1000)
            assert isinstance(content, Content)
            digests[path], stats[path] = content.digest, content.stats
            self.reads += 1
        assert changes.removed == len(set(before.paths) - set(kept) - set(changes.to_read))
        self.digests, self.stats = digests, stats


def edit(root: Path, dice: random.Random) -> None:
    """Do one thing that could fool a comparison of sizes and times."""
    files = [file for file in sorted(root.rglob("*")) if file.is_file() and ".git" not in file.parts]
    file = dice.choice(files) if files and dice.random() < 0.8 else root / dice.choice(FOLDERS) / f"f{dice.randrange(9)}"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = f"{dice.randrange(10)}"
    match dice.randrange(7):
        case 0 | 1:
            file.write_text(text)
        case 2:
            before = file.stat() if file.exists() else None
            file.write_text(text)
            if before is not None:
                os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        case 3:
            (root / "replacement").write_text(text)
            (root / "replacement").replace(file)
        case 4:
            file.unlink(missing_ok=True)
        case 5:
            if files:
                dice.choice(files).rename(file)
        case _:
            if file.parent != root:
                shutil.rmtree(file.parent)


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Index]:
    """Trees that are old enough for their stats to be trusted, half of them repositories, each indexed."""
    top = tmp_path_factory.mktemp("trees")
    found = {}
    for seed in SEEDS:
        root = top / str(seed)
        for number in range(40):
            file = root / FOLDERS[number % len(FOLDERS)] / f"f{number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("0")
        if seed % 2:
            subprocess.run(["git", "init", "-q", str(root)], check=True)
            subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
        found[seed] = Index(root)
    time.sleep(RACY_NS / 1e9 + 0.1)
    for index in found.values():
        index.refresh()
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_the_index_holds_what_the_disk_holds(indexes: dict[int, Index], seed: int) -> None:
    index, dice = indexes[seed], random.Random(seed)
    reads = index.reads
    index.refresh()
    assert index.reads == reads, "nothing changed"
    for _ in range(ROUNDS):
        for _ in range(dice.randrange(1, 4)):
            edit(index.root, dice)
        index.refresh()
        disk = {
            file.relative_to(index.root).as_posix(): hashlib.sha256(file.read_bytes()).digest()
            for file in index.root.rglob("*")
            if file.is_file() and ".git" not in file.parts
        }
        assert index.digests == disk
