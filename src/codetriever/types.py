"""Every value that crosses rooms, with the unit of each field.

Lines are 1-based and inclusive. Bytes are 0-based, end exclusive, and always of the file's original bytes. A path is relative to its
repository's root, POSIX, text; bytes that are not UTF-8 are kept as surrogate escapes (`os.fsdecode`). Tables with one row per file,
chunk or definition are columns (numpy arrays of equal length), because an index has a million of them.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Role(StrEnum):
    """What a file is for. Decided once, when it is indexed; the order of members is part of the store's format."""

    CODE = "code"
    TEST = "test"
    DOCS = "docs"
    CONFIG = "config"
    GENERATED = "generated"


class SkipReason(StrEnum):
    """Why a file is not indexed. The order of members is part of the store's format."""

    BINARY = "binary"
    TOO_LARGE = "too large"
    CREDENTIAL = "credential"
    UNREADABLE = "unreadable"
    NOT_REGULAR = "not a regular file"
    OUTSIDE_ROOT = "links outside the root"
    IGNORED = "ignored"
    DEPENDENCY = "dependency or cache folder"
    UNPARSABLE = "could not be analysed"

    @property
    def is_failure(self) -> bool:
        """True for a file that should have been read and could not be: these make the exit code 2."""
        return self in (SkipReason.UNREADABLE, SkipReason.UNPARSABLE)


# Kinds of chunks and definitions. The order is part of the store's format: append only.
KINDS: tuple[str, ...] = (
    "block",
    "function",
    "method",
    "class",
    "struct",
    "union",
    "enum",
    "trait",
    "interface",
    "impl",
    "type",
    "macro",
    "constant",
    "variable",
    "field",
    "module",
    "namespace",
    "table",
    "view",
    "section",
)
KIND_CODES: dict[str, int] = {kind: code for code, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Skip:
    """A path that is not in the index, and why."""

    path: str
    reason: SkipReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file. `name` is the qualified name of the definition it opens or lies in, else empty."""

    byte_start: int
    byte_end: int
    start_line: int
    end_line: int
    kind: str = "block"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """Something a file defines. `line` is the line of its name; the span is that of the whole definition."""

    name: str
    qualified_name: str
    kind: str
    line: int
    byte_start: int
    byte_end: int
    start_line: int
    end_line: int
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What parsing makes of one file. `parser` is the language parsed, or "" when it was cut by lines alone."""

    chunks: Sequence[Chunk]
    definitions: Sequence[Definition]
    parser: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a search may return; empty means everything.

    `paths` are globs relative to the repository's root, a leading `!` excludes; `folders` are folders or files to stay within.
    """

    paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    folders: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.paths or self.languages or self.roles or self.folders)


@dataclass(frozen=True, slots=True)
class FileTable:
    """A view's list of files, one row per path, sorted by the path's bytes. A skipped file has blob -1.

    `stats` are size in bytes, mtime, ctime (nanoseconds) and inode, as they were when the bytes were read; a row that could
    have changed within the clock's resolution after it was read holds zeros, so that it is read again.
    """

    paths: Sequence[str]
    blobs: NDArray[np.int64]  # (n,) blob numbers
    digests: NDArray[np.uint8]  # (n, 32) SHA-256 of the bytes; zeros when skipped unread
    languages: NDArray[np.uint16]  # (n,) position in `language_names`
    roles: NDArray[np.uint8]  # (n,) position in Role
    skips: NDArray[np.uint8]  # (n,) 0, or 1 + position in SkipReason
    stats: NDArray[np.int64]  # (n, 4)
    language_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnalysedBlobs:
    """A batch of analysed blobs as columns: b blobs, c chunks, d definitions, p (chunk, term) pairs.

    Chunks lie in blob order, then byte order; definitions in blob order, then byte order.
    """

    digests: NDArray[np.uint8]  # (b, 32)
    languages: Sequence[str]  # b
    encodings: Sequence[str]  # b, Python codec names
    sizes: NDArray[np.int64]  # (b,) bytes
    contents: Sequence[bytes]  # b, zstd frames of the original bytes
    chunk_counts: NDArray[np.int32]  # (b,)
    definition_counts: NDArray[np.int32]  # (b,)
    byte_start: NDArray[np.uint32]  # (c,)
    byte_end: NDArray[np.uint32]  # (c,)
    start_line: NDArray[np.uint32]  # (c,)
    end_line: NDArray[np.uint32]  # (c,)
    kinds: NDArray[np.uint8]  # (c,) position in KINDS
    names: Sequence[str]  # c
    lengths: NDArray[np.uint32]  # (c,) terms, repeats counted
    vocabulary: Sequence[str]  # distinct terms of the batch, any order
    pair_counts: NDArray[np.uint32]  # (c,) distinct terms of the chunk
    pair_terms: NDArray[np.uint32]  # (p,) position in `vocabulary`
    pair_frequencies: NDArray[np.uint8]  # (p,) occurrences, at most 255
    vectors: NDArray[np.float32]  # (c, dim) unit rows, or zero rows for chunks without known words
    definitions: DefinitionColumns


@dataclass(frozen=True, slots=True)
class DefinitionColumns:
    """Definitions as columns; `chunks` says in which chunk the name of each lies (batch or snapshot ordinal)."""

    names: Sequence[str]
    qualified_names: Sequence[str]
    signatures: Sequence[str]
    kinds: NDArray[np.uint8]
    chunks: NDArray[np.int64]
    lines: NDArray[np.uint32]
    start_line: NDArray[np.uint32]
    end_line: NDArray[np.uint32]
    byte_start: NDArray[np.uint32]
    byte_end: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as a store has it, for an embedder that has not seen it."""

    name: str  # qualified, "" for none
    data: bytes  # of the original file
    language: str
    encoding: str


@dataclass(frozen=True, slots=True)
class ChunkColumns:
    """Chunks as columns, in the order they were asked for."""

    byte_start: NDArray[np.uint32]
    byte_end: NDArray[np.uint32]
    start_line: NDArray[np.uint32]
    end_line: NDArray[np.uint32]
    kinds: NDArray[np.uint8]
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class ViewKey:
    """Names one list of files: a branch (or detached commit, or "" without git) as one checkout has it."""

    root: str  # absolute path of the checkout's root
    branch: str = ""


@dataclass(frozen=True, slots=True)
class ViewInfo:
    """What the catalog knows of a view. Times are seconds since the epoch."""

    key: ViewKey
    generation: int
    head: str  # commit checked out when it was made, or ""
    indexed_at: float
    used_at: float
    files: int
    chunks: int
    text_bytes: int


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason for a hit's place: what the signal saw, and what it added to the order score."""

    name: str
    value: float
    effect: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer. `score` is the estimated probability that it is relevant; the order of hits is decided apart from it."""

    path: str
    start_line: int
    end_line: int
    byte_start: int
    byte_end: int
    score: float
    kind: str
    name: str
    language: str
    role: str
    text: str
    repository: str = ""
    branch: str = ""
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the answer's generation is behind the files on disk, as far as is known."""

    indexed_at: float  # seconds since the epoch
    age_s: float
    pending_files: int = 0
    note: str = ""
    replica_lag_s: float = 0.0  # how far the replica that was read is behind the database that is written


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits for one query and how they came about."""

    query: str
    hits: tuple[Hit, ...]
    total: int
    exhaustive: bool
    generation: int
    freshness: Freshness
    took_ms: float
    weak: bool = False
    note: str = ""  # why there is nothing, or what was left out


@dataclass(frozen=True, slots=True)
class Usage:
    """One occurrence of a symbol. `kind` is definition, import, call, reference, comment or string; `text` is its whole line."""

    path: str
    line: int
    byte_start: int
    byte_end: int
    kind: str
    text: str
    name: str = ""  # qualified name of the definition it lies in, or ""
    language: str = ""
    role: str = ""
    repository: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class UsagesAnswer:
    """A page of the occurrences of a symbol; `total` and `counts` (by kind) are of all of them."""

    symbol: str
    usages: tuple[Usage, ...]
    total: int
    counts: dict[str, int]
    generation: int
    freshness: Freshness
    took_ms: float
    exhaustive: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines of a file. `kind` and `name` are those of the definition they are, else "block" and ""."""

    start_line: int
    end_line: int
    byte_start: int
    byte_end: int
    text: str
    kind: str = "block"
    name: str = ""


@dataclass(frozen=True, slots=True)
class ContextAnswer:
    """What surrounds a line: the definition it lies in (widened by the radius), the file's imports, and the definitions beside it."""

    path: str
    line: int
    language: str
    enclosing: Excerpt
    imports: Excerpt | None
    before: tuple[Definition, ...]
    after: tuple[Definition, ...]
    generation: int
    freshness: Freshness
    took_ms: float
    repository: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class FileOutline:
    """What one file defines, in byte order."""

    path: str
    language: str
    definitions: tuple[Definition, ...]
    repository: str = ""


@dataclass(frozen=True, slots=True)
class OutlineAnswer:
    """What a file, or every file of a folder, defines; `total` counts definitions."""

    path: str
    files: tuple[FileOutline, ...]
    total: int
    generation: int
    freshness: Freshness
    took_ms: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a refresh is: files whose place in the list is settled, of those that have to be read."""

    files_done: int
    files_total: int
    chunks: int


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a refresh did. Durations in seconds, sizes in bytes."""

    generation: int
    files: int
    chunks: int
    text_bytes: int
    read: int = 0
    analysed_blobs: int = 0
    embedded_chunks: int = 0
    removed: int = 0
    skips: tuple[Skip, ...] = ()
    pending: int = 0
    took_s: float = 0.0
    note: str = ""
    removed_indexes: tuple[str, ...] = ()  # roots whose index went because all together were larger than the cache may be
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[Skip, ...]:
        """Files that should have been read and could not be."""
        return tuple(skip for skip in self.skips if skip.reason.is_failure)
