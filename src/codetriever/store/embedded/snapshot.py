"""What does a search see? One generation of one view, for as long as it is open."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import merge
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from codetriever.errors import StoreDamaged
from codetriever.store.embedded.catalog import translated
from codetriever.store.embedded.contents import Contents
from codetriever.store.embedded.nearest import VectorSpace
from codetriever.store.embedded.ordinals import OrdinalSpace, VisibleChunks
from codetriever.store.embedded.sections import REBUILD, encoded
from codetriever.store.embedded.segment import CHUNK_COLUMNS, DEFINITION_COLUMNS, DEFINITION_TEXTS
from codetriever.store.likeness import Question
from codetriever.types import ChunkColumns, DefinitionColumns

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.store.embedded.sections import Sections, StringTable
    from codetriever.store.embedded.segment import Segment
    from codetriever.store.embedded.vectors import VectorFile
    from codetriever.store.embedded.views import ViewFile
    from codetriever.types import ViewInfo


class Generation:
    """What the snapshots of one generation share: the mapped files and the arrays made of them."""

    def __init__(
        self,
        view: ViewFile,
        segments: Sequence[Segment],
        vectors: Sequence[VectorFile | None],
        *,
        info: ViewInfo,
        total_length: int,
        dimensions: int,
    ) -> None:
        self.view = view
        self.info = info
        self.total_length = total_length
        self.kept: dict[str, Any] = {}
        self.contents = Contents()
        self.space = OrdinalSpace(segments)
        slots = self.space.slots(view.files.blobs)
        if np.any((slots < 0) & (view.files.blobs >= 0)):
            raise StoreDamaged(f"The index of {info.key.root} lists files whose chunks are missing.", hint=REBUILD)
        self.visible = VisibleChunks(self.space, view.files.blobs, slots, info.chunks)
        self.vectors = VectorSpace(self.space, vectors, dimensions)
        self._files: list[ViewFile | Sections | VectorFile] = [view, *(segment.sections for segment in segments)]
        self._files += [file for file in vectors if file is not None]

    def verify(self) -> None:
        """Read every file and compare checksums; raises `StoreDamaged`."""
        for file in self._files:
            file.verify()


class Names(Sequence[str]):
    """Names of chunks, read when they are asked for: most who ask for chunks want their places alone."""

    def __init__(self, count: int) -> None:
        self._tables: list[StringTable] = []
        self._table = np.zeros(count, np.int32)
        self._number = np.zeros(count, np.int64)

    def put(self, positions: NDArray[np.intp], table: StringTable, numbers: NDArray[Any]) -> None:
        """Say where some of the names are."""
        self._table[positions] = len(self._tables)
        self._number[positions] = numbers
        self._tables.append(table)

    def __len__(self) -> int:
        return len(self._number)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            if len(self._tables) == 1:
                return self._tables[0].texts(self._number[index])
            return [self[position] for position in range(*index.indices(len(self)))]
        table = self._tables[int(self._table[index])]
        return table.text(int(self._number[index]))


class EmbeddedSnapshot:
    """Implements `Snapshot`; holds a read transaction, so that contents are those of its generation."""

    def __init__(self, generation: Generation, connection: sqlite3.Connection, *, folder: Path, model: str) -> None:
        self._generation = generation
        self._space = generation.space
        self._visible = generation.visible
        self._connection = connection
        self._folder = folder
        self.model = model
        self.info = generation.info
        self.files = generation.view.files
        self.ordinals = self._space.ordinals
        self.chunk_count = generation.info.chunks
        self.total_length = generation.total_length
        self.kept = generation.kept
        self.file_first = self._visible.file_first
        self.file_chunks = self._visible.file_chunks
        self._last_read = (-1, b"", "utf-8")
        self._last_question: Question | None = None

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """Terms of each chunk, `(ordinals,)`."""
        return self._space.lengths

    @property
    def keys(self) -> NDArray[np.uint64]:
        """Tie-breaks that survive any history, `(ordinals,)`."""
        return self._space.keys

    @property
    def listing(self) -> bytes:
        """What the writer of the list kept beside it."""
        return self._generation.view.listing

    def chunk_files(self, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int32]:
        """For each ordinal the first file (by path) that has the chunk and is allowed, else -1."""
        return self._visible.first_files if allowed is None else self._visible.files_of(allowed)

    def same_blob(self, file: int) -> Sequence[int]:
        """Return every file of the view with the same blob, itself included, by path."""
        slot = self._visible.file_slots[file]
        return [file] if slot < 0 else np.flatnonzero(self._visible.file_slots == slot).tolist()

    def postings(self, term: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the chunks of the view that hold the term, ascending ordinals, and how often each does."""
        key = encoded(term)
        found = [
            (base, held) for segment, base in zip(self._space.segments, self._space.bases, strict=False) if (held := segment.postings(key))
        ]
        if len(found) == 1:
            ((base, (local, counts)),) = found
            ordinals = np.add(local, base, dtype=np.int64)
        else:
            ordinals = np.concatenate([_NO_ORDINALS, *(np.add(local, base, dtype=np.int64) for base, (local, _) in found)])
            counts = np.concatenate([_NO_COUNTS, *(counts for _, (_, counts) in found)])
        if self._visible.all or not len(ordinals):
            return ordinals, counts
        seen = self._visible.mask[ordinals]
        return ordinals[seen], counts[seen]

    def terms_containing(self, part: str, limit: int) -> Sequence[str]:
        """Return terms of the stored vocabulary that hold `part` anywhere, in order."""
        key = encoded(part)
        return _first_distinct((segment.terms.containing(key) for segment in self._space.segments), limit)

    def path_postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the files whose path holds the term, ascending, and how often."""
        return self._generation.view.postings(term)

    def nearest(
        self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the chunks of allowed files nearest to the unit vector, best first, with cosines."""
        ordinals = None if allowed is None else self._visible.of_files(allowed)
        mask = None if self._visible.all or ordinals is not None else self._visible.mask
        count = self.chunk_count if ordinals is None else len(ordinals)
        return self._generation.vectors.nearest(self._question(query), limit, count=count, ordinals=ordinals, mask=mask)

    def cosines(self, query: NDArray[np.float32], ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the cosine of each of these chunks to the unit vector."""
        return self._generation.vectors.cosines(self._question(query), ordinals)

    def _question(self, query: NDArray[np.float32]) -> Question:
        """Make a query's vector ready, once for all that is asked with it."""
        if self._last_question is None or self._last_question.query is not query:
            self._last_question = Question(query)
        return self._last_question

    def vectors(self, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the stored vectors, `(n, dim)`."""
        return self._generation.vectors.vectors(ordinals)

    def defined(self, name: str) -> DefinitionColumns:
        """Return the view's definitions of that simple name, case folded, by path and place."""
        folded = name.casefold()
        found = [(number, segment.defined(folded)) for number, segment in enumerate(self._space.segments)]
        if not any(len(positions) for _, positions in found):
            return _NO_DEFINITIONS
        columns = self._definition_columns(found)
        kept = self._visible.first_files[columns.chunks]
        order = np.lexsort((columns.byte_start, kept))
        return take_definitions(columns, order[kept[order] >= 0])

    def definitions(self, file: int) -> DefinitionColumns:
        """Return a file's definitions in byte order."""
        slot = int(self._visible.file_slots[file])
        if slot < 0:
            return self._definition_columns([])
        number = int(np.searchsorted(np.array(self._space.slot_bases[1:]), slot, side="right"))
        first = self._space.segments[number].definition_first
        start, end = first[slot - self._space.slot_bases[number] :][:2].tolist()
        return self._definition_columns([(number, np.arange(start, end))])

    def _definition_columns(self, found: Sequence[tuple[int, NDArray[np.int64]]]) -> DefinitionColumns:
        texts: dict[str, Any] = {name: [] for name in DEFINITION_TEXTS}
        numbers: dict[str, list[NDArray[Any]]] = {name: [np.empty(0, dtype)] for name, dtype in DEFINITION_COLUMNS}
        chunks = [np.empty(0, np.int64)]
        for number, positions in found:
            segment = self._space.segments[number]
            for name, found_texts in segment.definition_texts(positions).items():
                texts[name] += found_texts
            for name, _ in DEFINITION_COLUMNS:
                numbers[name].append(segment.column("definition." + name)[positions])
            chunks.append(segment.column("definition.chunks")[positions].astype(np.int64) + self._space.bases[number])
        columns: dict[str, Any] = {name: np.concatenate(parts) for name, parts in numbers.items()}
        return DefinitionColumns(**texts, **columns, chunks=np.concatenate(chunks))

    def chunks(self, ordinals: NDArray[np.int64]) -> ChunkColumns:
        """Return these chunks' columns, in the order asked."""
        ordinals = np.asarray(ordinals, np.int64)
        names = Names(len(ordinals))
        columns: dict[str, NDArray[Any]] = {name: np.empty(len(ordinals), dtype) for name, dtype in _PLACE_COLUMNS}
        for number, positions, local in self._space.parts(ordinals):
            segment = self._space.segments[number]
            for name, column in columns.items():
                values = segment.column("chunk." + name)[local]
                if len(values) == len(ordinals):
                    columns[name] = values
                else:
                    column[positions] = values
            names.put(positions, segment.strings, segment.column("chunk.names")[local])
        return ChunkColumns(**columns, names=names)

    def content(self, file: int) -> bytes:
        """Return the file's original bytes as this generation has them; none for a skipped file."""
        return self._read(file)[1]

    def encoding(self, file: int) -> str:
        """Return the codec that decodes the file's bytes."""
        return self._read(file)[2]

    def _read(self, file: int) -> tuple[int, bytes, str]:
        """Load content and encoding of a file; whoever wants one wants the other."""
        if self._last_read[0] != file:
            blob = self.files.blobs.item(file)
            found = self._generation.contents.get(blob) or (self._load(file, blob) if blob >= 0 else (b"", "utf-8"))
            self._last_read = (file, *found)
        return self._last_read

    def _load(self, file: int, blob: int) -> tuple[bytes, str]:
        from codetriever.compression import ZstdError, decompressed

        with translated(self._folder):
            row = self._connection.execute("SELECT content, encoding FROM blobs WHERE blob = ?", (blob,)).fetchone()
        if row is None:
            raise StoreDamaged(f"The index in {self._folder} has lost the content of a file.", hint=REBUILD)
        try:
            content = decompressed(row[0])
        except ZstdError as error:
            raise StoreDamaged(f"The stored content of {self.files.paths[file]} is damaged: {error}.", hint=REBUILD) from error
        self._generation.contents.put(blob, content, row[1])
        return content, row[1]


_PLACE_COLUMNS = tuple((name, dtype) for name, dtype in CHUNK_COLUMNS if name != "lengths")
_NO_ORDINALS, _NO_COUNTS = np.empty(0, np.int64), np.empty(0, np.uint8)
_NO_TEXTS: dict[str, Any] = dict.fromkeys(DEFINITION_TEXTS, ())
_NO_NUMBERS: dict[str, Any] = {name: np.empty(0, dtype) for name, dtype in DEFINITION_COLUMNS}
_NO_DEFINITIONS = DefinitionColumns(**_NO_TEXTS, **_NO_NUMBERS, chunks=np.empty(0, np.int64))


def _first_distinct(sorted_terms: Iterable[Iterator[bytes]], limit: int) -> list[str]:
    distinct = (term for term, _ in groupby(merge(*sorted_terms)))
    return [term.decode("utf-8", "surrogatepass") for term in islice(distinct, limit)]


def take_definitions(columns: DefinitionColumns, positions: NDArray[np.intp]) -> DefinitionColumns:
    """Return some rows of definitions in the order asked."""
    texts: dict[str, Any] = {name: [getattr(columns, name)[position] for position in positions.tolist()] for name in DEFINITION_TEXTS}
    numbers: dict[str, Any] = {name: getattr(columns, name)[positions] for name, _ in DEFINITION_COLUMNS}
    return DefinitionColumns(**texts, **numbers, chunks=columns.chunks[positions])
