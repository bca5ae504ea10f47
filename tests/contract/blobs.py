"""Analysed blobs and lists of files made from plain text, without a parser: every line is a chunk, every word a term.

A line `def NAME ...` is a definition. A vector is the sum of a fixed random vector per word, made a unit vector.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codetriever.compression import compressed
from codetriever.types import KIND_CODES, AnalysedBlobs, DefinitionColumns, FileTable, Role, SkipReason, StoredChunk, ViewKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from codetriever.store.store import Snapshot, Writer

DIMENSIONS = 256


@dataclass(frozen=True)
class Line:
    """A chunk of the test language."""

    number: int
    start: int
    end: int
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.words[1] if len(self.words) > 1 and self.words[0] == "def" else ""


def cut_lines(data: bytes) -> list[Line]:
    lines, start = [], 0
    for number, raw in enumerate(data.splitlines(keepends=True), start=1):
        words = tuple(raw.decode("utf-8", "replace").split())
        if words:
            lines.append(Line(number, start, start + len(raw), words))
        start += len(raw)
    return lines


def word_vector(word: str, model: str = "m") -> NDArray[np.float32]:
    noise = hashlib.shake_128(f"{model} {word}".encode("utf-8", "surrogatepass")).digest(2 * DIMENSIONS)
    return np.frombuffer(noise, "<i2").astype(np.float32) / 32768


def embed_words(words: Sequence[str], model: str = "m") -> NDArray[np.float32]:
    if not words:
        return np.zeros(DIMENSIONS, np.float32)
    total = np.sum([word_vector(word, model) for word in words], axis=0)
    return (total / np.linalg.norm(total)).astype(np.float32)


def embed_chunks(chunks: Sequence[StoredChunk], model: str = "m") -> NDArray[np.float32]:
    """The embedder of the tests; it ignores the chunk's name."""
    words = [chunk.data.decode(chunk.encoding, "replace").split() for chunk in chunks]
    return np.array([embed_words(one, model) for one in words], np.float32).reshape(len(words), DIMENSIONS)


def digest_of(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def analyse(contents: Sequence[bytes], *, language: str = "text", model: str | None = "m") -> AnalysedBlobs:
    """What the indexer would make of these contents; without a model nothing is embedded."""
    cuts = [cut_lines(data) for data in contents]
    lines = [line for cut in cuts for line in cut]
    vocabulary = sorted({word for line in lines for word in line.words}, reverse=True)
    numbers = {word: number for number, word in enumerate(vocabulary)}
    counts = [{word: line.words.count(word) for word in dict.fromkeys(line.words)} for line in lines]
    pairs = [(numbers[word], min(count, 255)) for chunk in counts for word, count in chunk.items()]
    defining = [(chunk, line) for chunk, line in enumerate(lines) if line.name]
    vectors = [embed_words(line.words, model) for line in lines] if model else []
    return AnalysedBlobs(
        digests=np.array([list(digest_of(data)) for data in contents], np.uint8).reshape(-1, 32),
        languages=[language] * len(contents),
        encodings=["utf-8"] * len(contents),
        sizes=np.array([len(data) for data in contents], np.int64),
        contents=compressed(contents),
        chunk_counts=np.array([len(cut) for cut in cuts], np.int32),
        definition_counts=np.array([sum(bool(line.name) for line in cut) for cut in cuts], np.int32),
        byte_start=np.array([line.start for line in lines], np.uint32),
        byte_end=np.array([line.end for line in lines], np.uint32),
        start_line=np.array([line.number for line in lines], np.uint32),
        end_line=np.array([line.number for line in lines], np.uint32),
        kinds=np.array([KIND_CODES["function" if line.name else "block"] for line in lines], np.uint8),
        names=[line.name for line in lines],
        lengths=np.array([len(line.words) for line in lines], np.uint32),
        vocabulary=vocabulary,
        pair_counts=np.array([len(chunk) for chunk in counts], np.uint32),
        pair_terms=np.array([term for term, _ in pairs], np.uint32),
        pair_frequencies=np.array([count for _, count in pairs], np.uint8),
        vectors=np.array(vectors, np.float32).reshape(-1, DIMENSIONS),
        definitions=DefinitionColumns(
            names=[line.name for _, line in defining],
            qualified_names=[f"module.{line.name}" for _, line in defining],
            signatures=[" ".join(line.words) for _, line in defining],
            kinds=np.array([KIND_CODES["function"]] * len(defining), np.uint8),
            chunks=np.array([chunk for chunk, _ in defining], np.int64),
            lines=np.array([line.number for _, line in defining], np.uint32),
            start_line=np.array([line.number for _, line in defining], np.uint32),
            end_line=np.array([line.number for _, line in defining], np.uint32),
            byte_start=np.array([line.start for _, line in defining], np.uint32),
            byte_end=np.array([line.end for _, line in defining], np.uint32),
        ),
    )


def path_words(path: str) -> dict[str, int]:
    words = path.replace("/", " ").replace(".", " ").split()
    return {word: words.count(word) for word in words}


def table(files: Mapping[str, bytes | None], numbers: Mapping[bytes, int], *, stat: int = 1) -> FileTable:
    """The list of these files; None is a skipped file. `numbers` tells the blob of each digest."""
    paths = sorted(files, key=lambda path: path.encode("utf-8", "surrogateescape"))
    digests = [bytes(32) if files[path] is None else digest_of(files[path] or b"") for path in paths]
    return FileTable(
        paths=paths,
        blobs=np.array([-1 if files[path] is None else numbers[digest] for path, digest in zip(paths, digests, strict=True)], np.int64),
        digests=np.array([list(digest) for digest in digests], np.uint8).reshape(-1, 32),
        languages=np.zeros(len(paths), np.uint16),
        roles=np.full(len(paths), list(Role).index(Role.CODE), np.uint8),
        skips=np.array([0 if files[path] is not None else 1 + list(SkipReason).index(SkipReason.BINARY) for path in paths], np.uint8),
        stats=np.full((len(paths), 4), stat, np.int64),
        language_names=("text",),
    )


def index(writer: Writer, key: ViewKey, files: Mapping[str, bytes | None], *, batch: int = 3, head: str = "", stat: int = 1) -> int:
    """Bring a view to hold these files; returns how many blobs had to be analysed."""
    contents = {digest_of(data): data for data in files.values() if data is not None}
    numbers = dict(zip(contents, writer.known([(digest, "text") for digest in contents]), strict=True))
    new = [digest for digest, number in numbers.items() if number < 0]
    for start in range(0, len(new), batch):
        part = new[start : start + batch]
        numbers.update(zip(part, writer.add(analyse([contents[digest] for digest in part])), strict=True))
    listed = table(files, numbers, stat=stat)
    writer.switch(key, listed, head=head, path_terms=path_words)
    return len(new)


def place(snapshot: Snapshot, ordinal: int) -> tuple[str, int, int]:
    """A chunk's path and bytes, by which snapshots are compared."""
    columns = snapshot.chunks(np.array([ordinal]))
    return snapshot.files.paths[int(snapshot.chunk_files()[ordinal])], int(columns.byte_start[0]), int(columns.byte_end[0])
