"""What does a search see? One generation of one view, through a transaction that sees nothing newer."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from codetriever.errors import StoreDamaged
from codetriever.store.likeness import ABSENT, Question, best, pool_size
from codetriever.store.postgres import arrays, graph, products
from codetriever.store.postgres.queries import query
from codetriever.types import ChunkColumns, DefinitionColumns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from psycopg import Connection

    from codetriever.store.postgres.generation import Generation
    from codetriever.types import FileTable, ViewInfo

    KnownPostings = Mapping[str, Sequence[tuple[int, bytes, bytes]]]
    KnownCosines = tuple[Question, NDArray[np.int64], NDArray[np.float32]]  # the question, chunks' numbers, cosines

# Vectors that the server looks up one by one, for each that is wanted: some 4 microseconds each. With all of the pool of 4,096 the answers
# to 401 questions were those of the files, with 3,000 all but one, with 2,000 all but three.
_LOOKED_AT = 6
_NUMBERS = ("lines", "start_line", "end_line", "byte_start", "byte_end")


@dataclass(frozen=True, slots=True)
class _Blob:
    encoding: str
    content: bytes
    names: Sequence[str]


_NO_BLOB = _Blob("utf-8", b"", ())
_REBUILD = "Remove the repository from the database and index it again."


class PostgresSnapshot:
    """Implements `Snapshot`; used by one thread at a time, as long as its transaction lasts."""

    def __init__(
        self,
        generation: Generation,
        connection: Connection[Any],
        *,
        model: str,
        dimensions: int,
        postings: KnownPostings | None = None,
        cosines: KnownCosines | None = None,
    ) -> None:
        """`postings` are rows that were read already, by term, and `cosines` those of all stored chunks to one question."""
        self._generation = generation
        self._known_postings = postings or {}
        self._connection = connection
        self._dimensions = dimensions
        self._scope = generation.scope | {"model": model}
        self.model = model
        self.info: ViewInfo = generation.info
        self.chunk_count = generation.info.chunks
        self.total_length = generation.total_length
        self._last_blob = (-1, _NO_BLOB)
        self._question: Question | None = None
        self._known = (np.empty(0, np.int64), np.empty(0, np.float32))  # ordinals and their cosines to the question
        self._is_all_known = cosines is not None
        if cosines is not None:
            self._know(*cosines)

    @property
    def files(self) -> FileTable:
        """The view's list of files."""
        return self._generation.files(self._connection)

    @property
    def listing(self) -> bytes:
        """What the writer of the list kept beside it."""
        row = self._connection.execute(query("load_listing"), self._scope, binary=True).fetchone()
        return b"" if row is None else bytes(row[0])

    @property
    def kept(self) -> dict[str, Any]:
        """Room for what is derived from this generation; its snapshots share it."""
        return self._generation.kept

    @property
    def ordinals(self) -> int:
        """Size of the ordinal space: every ordinal is a chunk of the view."""
        return len(self.keys)

    @property
    def keys(self) -> NDArray[np.uint64]:
        """Tie-breaks that survive any history, `(ordinals,)`."""
        return self._generation.blobs(self._connection).keys

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """Terms of each chunk, `(ordinals,)`."""
        return self._generation.chunks(self._connection).lengths

    @property
    def file_first(self) -> NDArray[np.int64]:
        """First ordinal of each file's chunks, -1 for a skipped file."""
        slots = self._generation.file_slots(self._connection)
        return np.where(slots >= 0, self._generation.blobs(self._connection).firsts[slots], -1)

    @property
    def file_chunks(self) -> NDArray[np.int32]:
        """How many chunks each file has."""
        slots = self._generation.file_slots(self._connection)
        counts = np.append(np.diff(self._generation.blobs(self._connection).firsts), 0)
        return counts[slots].astype(np.int32)

    def chunk_files(self, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int32]:
        """For each ordinal the first file (by path) that has the chunk and is allowed, else -1."""
        return self._generation.first_files(self._connection, allowed)

    def same_blob(self, file: int) -> Sequence[int]:
        """Return every file of the view with the same blob, itself included, by path."""
        slots = self._generation.file_slots(self._connection)
        return [file] if slots[file] < 0 else np.flatnonzero(slots == slots[file]).tolist()

    def postings(self, term: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the chunks of the view that hold the term, ascending ordinals, and how often each does."""
        rows = self._known_postings.get(term)
        if rows is None:
            rows = self._rows("postings", term=encoded(term))
        numbers = [posting_chunks(chunks, frequencies) + segment for segment, chunks, frequencies in rows]
        ordinals = self._ordinals(np.concatenate([np.empty(0, np.int64), *numbers]))
        counts = np.frombuffer(b"".join(frequencies for _, _, frequencies in rows), np.uint8)
        order = np.argsort(ordinals, kind="stable")
        order = order[np.searchsorted(ordinals[order], 0) :]
        return ordinals[order], counts[order]

    def _ordinals(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._generation.blobs(self._connection).ordinals(numbers)

    def terms_containing(self, part: str, limit: int) -> Sequence[str]:
        """Return terms of the stored vocabulary that hold `part` anywhere, in order."""
        rows = self._rows("terms_containing", part=encoded(part), limit=limit)
        return [term.decode("utf-8", "surrogatepass") for (term,) in rows]

    def path_postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the files whose path holds the term, ascending, and how often."""
        return self._generation.path_postings(self._connection, term)

    def nearest(
        self, vector: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the chunks of allowed files nearest to the unit vector, best first, with cosines."""
        question = self._asked(vector)
        is_allowed = None if allowed is None else self.chunk_files(allowed) >= 0
        if self._is_all_known:
            ordinals, cosines = self._known
            if is_allowed is not None:
                ordinals, cosines = ordinals[is_allowed[ordinals]], cosines[is_allowed[ordinals]]
        else:
            ordinals = self._pool(question, limit, allowed, is_allowed)
            cosines = self._cosines(question, ordinals)
            self._known = (ordinals, cosines)
        return best(ordinals, cosines, self.keys, limit)

    def _asked(self, vector: NDArray[np.float32]) -> Question:
        """Make a vector ready, once for all that is asked with it."""
        if self._question is None or not np.array_equal(self._question.query, vector):
            self._question = Question(vector)
            self._known = (np.empty(0, np.int64), np.empty(0, np.float32))
            self._is_all_known = False
        return self._question

    def _know(self, question: Question, numbers: NDArray[np.int64], cosines: NDArray[np.float32]) -> None:
        """Keep the cosines of all visible chunks."""
        ordinals = self._ordinals(numbers)
        order = np.argsort(ordinals)
        order = order[np.searchsorted(ordinals[order], 0) :]
        self._question, self._known = question, (ordinals[order], cosines[order])

    def _pool(
        self, question: Question, limit: int, allowed: NDArray[np.bool_] | None, is_allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """Return the allowed ordinals that are worth comparing exactly, ascending: all when they are few."""
        count = self.ordinals if is_allowed is None else int(np.count_nonzero(is_allowed))
        size = pool_size(count, limit)
        if count <= size:
            return np.arange(count) if is_allowed is None else np.flatnonzero(is_allowed)
        if count > graph.SCANNED_CHUNKS and graph.has_graph(self._connection, self._scope):
            return self._pool_by_graph(question, limit, allowed)
        signs = self._generation.signs(self._connection, self.model, self._dimensions)
        return signs.pool(question, size, _LOOKED_AT * limit, self.keys, is_allowed, dimensions=self._dimensions)

    def _pool_by_graph(self, question: Question, limit: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        numbers = None
        if allowed is not None:
            slots = self._generation.file_slots(self._connection)
            listed = np.unique(slots[allowed & (slots >= 0)])
            numbers = arrays.bigints(self._generation.blobs(self._connection).numbers[listed])
        graph.walk_graph(self._connection, limit)
        asked = {"vector": arrays.halfvec(question.query), "blobs": numbers, "limit": limit}
        sql = graph.by_graph("nearest", self._dimensions)
        (found,) = self._connection.execute(sql, self._scope | asked, binary=True).fetchall()
        ordinals = np.empty(0, np.int64) if found[0] is None else np.sort(self._ordinals(found[0] + found[1]))
        return ordinals[np.searchsorted(ordinals, 0) :]

    def _cosines(self, question: Question, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the cosine of each chunk, `ABSENT` where it has no vector; chunks that are all of their blobs are cheaper to ask for."""
        result = np.full(len(ordinals), ABSENT)
        if not len(ordinals):
            return result
        blobs = self._generation.blobs(self._connection)
        slots = np.unique(np.searchsorted(blobs.firsts, ordinals, side="right") - 1)
        if int((blobs.firsts[slots + 1] - blobs.firsts[slots]).sum()) == len(ordinals):
            name, which = "products_of_blobs", {"blobs": arrays.bigints(blobs.numbers[slots])}
        else:
            name, which = "products", self._chunks(ordinals)
        (found,) = self._rows(name, **products.asked(question), **which)
        if found[0] is not None:
            *places, sums, squares = found
            rows = places[0] - 1 if name == "products" else np.searchsorted(ordinals, self._ordinals(places[0] + places[1]))
            result[rows] = products.cosines(question, sums, squares)
        return result

    def cosines(self, vector: NDArray[np.float32], ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the cosine of each of these chunks to the unit vector; 0 where it has no vector."""
        question = self._asked(vector)
        known, cosines = self._known
        result = np.full(len(ordinals), ABSENT)
        missing = np.ones(len(ordinals), np.bool_)
        if len(known):  # those of the nearest were told with them
            places = np.minimum(np.searchsorted(known, ordinals), len(known) - 1)
            missing = known[places] != ordinals
            result[~missing] = cosines[places[~missing]]
        wanted, places = np.unique(ordinals[missing], return_inverse=True)
        result[missing] = self._cosines(question, wanted)[places]
        result[result == ABSENT] = 0
        return result

    def vectors(self, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the stored vectors, `(n, dim)`; zero where there is none."""
        result = np.zeros((len(ordinals), self._dimensions), np.float32)
        if rows := self._rows("vectors", **self._chunks(ordinals)):
            positions, dense = zip(*rows, strict=True)
            result[np.array(positions) - 1] = products.unit_vectors(dense)
        return result

    def _chunks(self, ordinals: NDArray[np.int64]) -> dict[str, arrays.Binary]:
        blobs, indexes = self._generation.blobs(self._connection).chunks(np.asarray(ordinals, np.int64))
        return {"blobs": arrays.bigints(blobs), "indexes": arrays.ints(indexes)}

    def defined(self, name: str) -> DefinitionColumns:
        """Return the view's definitions of that simple name, case folded, by path and place."""
        folded = name.casefold()
        rows = self._rows("symbols_named", hash=symbol_hash(folded))
        columns = self._definitions([row for row in rows if row[2].casefold() == arrays.storable(folded)])
        seen = np.flatnonzero(columns.chunks >= 0)
        files = self.chunk_files()[columns.chunks[seen]]
        return _take(columns, seen[np.lexsort((columns.byte_start[seen], files))])

    def definitions(self, file: int) -> DefinitionColumns:
        """Return a file's definitions in byte order."""
        blob = int(self.files.blobs[file])
        return self._definitions([] if blob < 0 else self._rows("symbols_of_blob", blob=blob))

    def _definitions(self, rows: Sequence[tuple[Any, ...]]) -> DefinitionColumns:
        blobs, indexes, names, qualified, signatures, kinds, *numbers = zip(*rows, strict=True) if rows else ((),) * 11
        return DefinitionColumns(
            names=list(names),
            qualified_names=list(qualified),
            signatures=list(signatures),
            kinds=np.array(kinds, np.uint8),
            chunks=self._ordinals(np.array(blobs, np.int64) + np.array(indexes, np.int64)),
            **{name: np.array(column, np.uint32) for name, column in zip(_NUMBERS, numbers, strict=True)},
        )

    def chunks(self, ordinals: NDArray[np.int64]) -> ChunkColumns:
        """Return these chunks' columns, in the order asked; their names are read when one is looked at."""
        ordinals = np.asarray(ordinals, np.int64)
        table = self._generation.chunks(self._connection)
        return ChunkColumns(
            byte_start=table.byte_start[ordinals],
            byte_end=table.byte_end[ordinals],
            start_line=table.start_line[ordinals],
            end_line=table.end_line[ordinals],
            kinds=table.kinds[ordinals],
            names=_Names(self, ordinals),
        )

    def chunk_names(self, ordinals: NDArray[np.int64]) -> list[str]:
        """Return the names of these chunks; those of a single blob come with its content, which is shown beside them."""
        blobs, indexes = self._generation.blobs(self._connection).chunks(ordinals)
        if len(blobs) and np.all(blobs == blobs[0]):
            of_blob = self._blob(int(blobs[0])).names
            return [of_blob[index] for index in indexes.tolist()]
        names = [""] * len(ordinals)
        for position, name in self._rows("chunk_names", **self._chunks(ordinals)):
            names[position - 1] = name
        return names

    def content(self, file: int) -> bytes:
        """Return the file's original bytes as this generation has them; none for a skipped file."""
        return self._blob(int(self.files.blobs[file])).content

    def encoding(self, file: int) -> str:
        """Return the codec that decodes the file's bytes."""
        return self._blob(int(self.files.blobs[file])).encoding

    def _blob(self, blob: int) -> _Blob:
        """Return a blob by its number; the last one is kept, because what shows a hit asks for its parts one by one."""
        if blob < 0:
            return _NO_BLOB
        if self._last_blob[0] != blob:
            self._last_blob = (blob, self._load_blob(blob))
        return self._last_blob[1]

    def _load_blob(self, blob: int) -> _Blob:
        from codetriever.compression import ZstdError, decompressed

        rows = self._rows("blob_content", blob=blob)
        if not rows:
            raise StoreDamaged(f"The database has lost the content of {self._path_of(blob)}.", hint=_REBUILD)
        encoding, content, names = rows[0]
        try:
            return _Blob(encoding, decompressed(content), names)
        except ZstdError as error:
            raise StoreDamaged(f"The stored content of {self._path_of(blob)} is damaged: {error}.", hint=_REBUILD) from error

    def _path_of(self, blob: int) -> str:
        return self.files.paths[int(np.flatnonzero(self.files.blobs == blob)[0])]

    def _rows(self, name: str, **more: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query(name), self._scope | more, binary=True).fetchall()


class _Names(Sequence[str]):
    """Names of chunks, read at once when the first is looked at: ranking looks at many chunks and at no name."""

    __slots__ = ("_names", "_ordinals", "_snapshot")

    def __init__(self, snapshot: PostgresSnapshot, ordinals: NDArray[np.int64]) -> None:
        self._snapshot, self._ordinals = snapshot, ordinals
        self._names: list[str] | None = None

    def __len__(self) -> int:
        return len(self._ordinals)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if self._names is None:
            self._names = self._snapshot.chunk_names(self._ordinals)
        return self._names[index]


def encoded(term: str) -> bytes:
    """Return the bytes under which a term is kept."""
    return term.encode("utf-8", "surrogatepass")


def symbol_hash(folded: str) -> int:
    """Return the number by which a name, its case folded, is looked up."""
    return zlib.crc32(encoded(folded)) & 0x7FFFFFFF


def posting_chunks(chunks: bytes, frequencies: bytes) -> NDArray[np.int64]:
    """Return the chunks of a posting list, counted from its segment's number."""
    return np.frombuffer(chunks, "<u2" if len(chunks) == 2 * len(frequencies) else "<u4").astype(np.int64)


def _take(columns: DefinitionColumns, rows: NDArray[np.intp]) -> DefinitionColumns:
    texts: dict[str, Any] = {
        name: [getattr(columns, name)[row] for row in rows.tolist()] for name in ("names", "qualified_names", "signatures")
    }
    numbers: dict[str, Any] = {name: getattr(columns, name)[rows] for name in ("kinds", "chunks", *_NUMBERS)}
    return DefinitionColumns(**texts, **numbers)
