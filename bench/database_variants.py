"""Which ways of writing rows and of keeping postings are compared? What ships is among them; the others live only here."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.postgres import arrays
from codetriever.store.postgres.batch import Batch
from codetriever.store.postgres.database import DEFAULT_TENANT
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.snapshot import posting_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from psycopg import Connection

    from codetriever.types import AnalysedBlobs

    Write = Callable[[Connection[Any], Sequence[AnalysedBlobs], int, int, int], None]

MODEL = "bench"
CHUNK_COLUMNS = (
    "tenant_id, repository_id, blob_id, chunk_index, chunk_id, start_line, end_line, byte_start, byte_end, kind, term_count, name"
)
VECTOR_COLUMNS = "tenant_id, repository_id, blob_id, chunk_index, model, dense"
SECURED, UNSECURED = ("chunk_metadata", "vectors"), ("unsecured_chunks", "unsecured_vectors")
INSERT_CHUNK = f"INSERT INTO chunk_metadata ({CHUNK_COLUMNS}) VALUES (" + ", ".join(["%s"] * 12) + ") ON CONFLICT DO NOTHING"
INSERT_VECTOR = f"INSERT INTO vectors ({VECTOR_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s::halfvec) ON CONFLICT DO NOTHING"


def as_batch(parts: Sequence[AnalysedBlobs], first: int) -> Batch:
    batch = Batch(first)
    for part in parts:
        batch.add(part)
    return batch


def as_rows(parts: Sequence[AnalysedBlobs], first: int, repository: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The rows as Python values, as a program that knows nothing of columns would have them."""
    from uuid import UUID

    batch = as_batch(parts, first)
    blobs, indexes = batch._chunk_places()
    ids = [UUID(bytes=one.tobytes()) for one in batch._chunk_ids(DEFAULT_TENANT, repository, "1")]
    chunks, vectors = [], []
    position = 0
    for part in parts:
        for row in range(len(part.names)):
            key = (DEFAULT_TENANT, repository, int(blobs[position]), int(indexes[position]))
            numbers = (part.start_line, part.end_line, part.byte_start, part.byte_end, part.kinds, part.lengths)
            chunks.append((*key, ids[position], *(int(column[row]) for column in numbers), part.names[row]))
            vectors.append((*key, MODEL, arrays.halfvec(part.vectors[row])))
            position += 1
    return chunks, vectors


def row_by_row(connection: Connection[Any], parts: Sequence[AnalysedBlobs], first: int, repository: int, halfvec: int) -> None:
    chunks, vectors = as_rows(parts, first, repository)
    for chunk, vector in zip(chunks, vectors, strict=True):
        connection.execute(INSERT_CHUNK, chunk)
        connection.execute(INSERT_VECTOR, vector)


def executemany(connection: Connection[Any], parts: Sequence[AnalysedBlobs], first: int, repository: int, halfvec: int) -> None:
    chunks, vectors = as_rows(parts, first, repository)
    with connection.cursor() as cursor:
        cursor.executemany(INSERT_CHUNK, chunks)
        cursor.executemany(INSERT_VECTOR, vectors)


def many_values(connection: Connection[Any], parts: Sequence[AnalysedBlobs], first: int, repository: int, halfvec: int) -> None:
    for statement, rows in zip((INSERT_CHUNK, INSERT_VECTOR), as_rows(parts, first, repository), strict=True):
        head, one, tail = (
            statement.partition(" VALUES ")[0],
            statement.split(" VALUES ")[1].split(") ON")[0] + ")",
            " ON CONFLICT DO NOTHING",
        )
        for start in range(0, len(rows), 500):  # a statement takes 65,535 parameters
            some = rows[start : start + 500]
            connection.execute(f"{head} VALUES {', '.join([one] * len(some))}{tail}", [value for row in some for value in row])


def unnest(connection: Connection[Any], parts: Sequence[AnalysedBlobs], first: int, repository: int, halfvec: int) -> None:
    """What ships: one statement per table, binary arrays."""
    batch = as_batch(parts, first)
    scope = {"tenant": DEFAULT_TENANT, "repository": repository, "model": MODEL}
    connection.execute(query("add_chunks"), scope | batch.chunk_rows(DEFAULT_TENANT, repository, "1"), binary=True)
    connection.execute(query("add_vectors"), scope | (batch.vector_rows(halfvec) or {}), binary=True)


def unnest_of_lists(connection: Connection[Any], parts: Sequence[AnalysedBlobs], first: int, repository: int, halfvec: int) -> None:
    """UNNEST as one writes it first: lists of Python values, vectors as text."""
    chunks, _ = as_rows(parts, first, repository)
    columns = [list(column) for column in zip(*chunks, strict=True)][2:]
    texts = ["[" + ",".join(map(str, row.tolist())) + "]" for part in parts for row in part.vectors]
    names = ("blobs", "indexes", "ids", "start_line", "end_line", "byte_start", "byte_end", "kinds", "lengths", "names")
    scope = {"tenant": DEFAULT_TENANT, "repository": repository, "model": MODEL}
    connection.execute(query("add_chunks"), scope | dict(zip(names, columns, strict=True)))
    sql = query("add_vectors").replace("%(vectors)s::halfvec[]", "%(vectors)s::text[]::halfvec[]")
    connection.execute(sql, scope | {"blobs": columns[0], "indexes": columns[1], "vectors": texts})


def copy(connection: Connection[Any], parts: Sequence[AnalysedBlobs], first: int, repository: int, halfvec: int) -> None:
    """COPY in binary, into temporary tables first: PostgreSQL copies into no table with row-level security."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS new_chunks (LIKE chunk_metadata) ON COMMIT DELETE ROWS")
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS new_vectors (LIKE vectors) ON COMMIT DELETE ROWS")
    copy_into(connection, ("new_chunks", "new_vectors"), parts, first, repository)
    connection.execute(f"INSERT INTO chunk_metadata ({CHUNK_COLUMNS}) SELECT {CHUNK_COLUMNS} FROM new_chunks ON CONFLICT DO NOTHING")
    connection.execute(f"INSERT INTO vectors ({VECTOR_COLUMNS}) SELECT {VECTOR_COLUMNS} FROM new_vectors ON CONFLICT DO NOTHING")


def copy_unsecured(connection: Connection[Any], parts: Sequence[AnalysedBlobs], first: int, repository: int, halfvec: int) -> None:
    """COPY straight into tables of the same shape that keep no tenants apart."""
    copy_into(connection, UNSECURED, parts, first, repository)


def make_unsecured(connection: Connection[Any]) -> None:
    for table, like in zip(UNSECURED, SECURED, strict=True):
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (LIKE {like} INCLUDING INDEXES)")


def copy_into(connection: Connection[Any], tables: Sequence[str], parts: Sequence[AnalysedBlobs], first: int, repository: int) -> None:
    batch = as_batch(parts, first)
    blobs, indexes = batch._chunk_places()
    key = [(np.frombuffer(DEFAULT_TENANT.bytes, np.uint8), "u1"), (repository, ">i8"), (blobs, ">i8"), (indexes, ">i4")]
    numbers = [(batch._column(name), ">i4") for name in ("start_line", "end_line", "byte_start", "byte_end")]
    more = [(batch._column("kinds"), ">i2"), (batch._column("lengths"), ">i4")]
    ids = [(batch._chunk_ids(DEFAULT_TENANT, repository, "1"), "u1")]
    rows = fixed_fields(len(blobs), 12, [*key, *ids, *numbers, *more])
    names = [name.encode() for name in batch._joined("names")]
    size = len(rows) // len(names)
    pieces = [
        piece for row, name in enumerate(names) for piece in (rows[row * size : (row + 1) * size], struct.pack(">i", len(name)), name)
    ]
    send(connection, f"COPY {tables[0]} ({CHUNK_COLUMNS}) FROM STDIN (FORMAT BINARY)", b"".join(pieces))
    halves = np.zeros(len(blobs), [("dimensions", ">i2"), ("unused", ">i2"), ("value", ">f2", (parts[0].vectors.shape[1],))])
    halves["dimensions"], halves["value"] = parts[0].vectors.shape[1], batch._column("vectors")
    octets = halves.view(np.uint8).reshape(len(blobs), -1)
    vectors = fixed_fields(len(blobs), 6, [*key, (np.frombuffer(MODEL.encode(), np.uint8), "u1"), (octets, "u1")])
    send(connection, f"COPY {tables[1]} ({VECTOR_COLUMNS}) FROM STDIN (FORMAT BINARY)", vectors)


def fixed_fields(rows: int, fields: int, columns: Sequence[tuple[Any, str]]) -> bytes:
    """Lay out columns of fixed width as rows of the format that COPY reads, one after the other."""
    kinds: list[tuple[Any, ...]] = [("fields", ">i2")]
    for number, (column, wire) in enumerate(columns):
        values = np.asarray(column)
        kinds += [(f"length{number}", ">i4"), (f"value{number}", wire, values.shape[-1:] if wire == "u1" else ())]
    records = np.empty(rows, np.dtype(kinds))
    records["fields"] = fields
    for number, (column, _) in enumerate(columns):
        records[f"length{number}"] = records.dtype[f"value{number}"].itemsize
        records[f"value{number}"] = column
    return records.tobytes()


def send(connection: Connection[Any], statement: str, rows: bytes) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as into:
        into.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        into.write(rows)
        into.write(b"\xff\xff")


WRITERS: dict[str, Write] = {
    "row by row": row_by_row,
    "executemany": executemany,
    "500 rows of VALUES": many_values,
    "UNNEST of lists, vectors as text": unnest_of_lists,
    "UNNEST": unnest,
    "COPY, then INSERT": copy,
    "COPY into unsecured tables": copy_unsecured,
}


@dataclass(frozen=True, slots=True)
class WordLayout:
    """A way of keeping which chunks hold a term how often; `ask` returns how many chunks it found and decoded."""

    table: str
    build: Callable[[Connection[Any], UUID, int], None]
    ask: Callable[[Connection[Any], UUID, int, Sequence[str]], int]


def nothing(connection: Connection[Any], tenant: UUID, repository: int) -> None:
    """It is there already."""


def ask_arrays(connection: Connection[Any], tenant: UUID, repository: int, words: Sequence[str]) -> int:
    found = []
    for word in words:
        scope = {"tenant": tenant, "repository": repository, "term": word.encode()}
        for segment, chunks, frequencies in connection.execute(query("postings"), scope, binary=True).fetchall():
            found.append(posting_chunks(chunks, frequencies) + segment)
    return len(np.unique(np.concatenate(found))) if found else 0


def build_rows(connection: Connection[Any], tenant: UUID, repository: int) -> None:
    connection.execute("CREATE TABLE posting_rows (tenant_id uuid, repository_id bigint, term bytea, chunk bigint, frequency smallint)")
    connection.execute(
        "INSERT INTO posting_rows SELECT tenant_id, repository_id, term,"
        " segment_id + get_byte(chunks, 2 * n) + 256 * get_byte(chunks, 2 * n + 1), get_byte(frequencies, n)"
        " FROM postings, generate_series(0, octet_length(frequencies) - 1) AS n WHERE octet_length(chunks) = 2 * octet_length(frequencies)"
    )
    connection.execute("CREATE INDEX ON posting_rows (tenant_id, repository_id, term) INCLUDE (chunk, frequency)")


def ask_rows(connection: Connection[Any], tenant: UUID, repository: int, words: Sequence[str]) -> int:
    found = []
    for word in words:
        (row,) = connection.execute(
            "SELECT array_agg(chunk), array_agg(frequency) FROM posting_rows WHERE tenant_id = %s AND repository_id = %s AND term = %s",
            (tenant, repository, word.encode()),
            binary=True,
        ).fetchall()
        found += [row[0]] if row[0] is not None else []
    return len(np.unique(np.concatenate(found))) if found else 0


def build_tsvector(connection: Connection[Any], tenant: UUID, repository: int) -> None:
    build_rows(connection, tenant, repository)
    connection.execute("CREATE TABLE posting_texts (tenant_id uuid, repository_id bigint, chunk bigint, words tsvector)")
    connection.execute(
        "INSERT INTO posting_texts SELECT tenant_id, repository_id, chunk,"
        " string_agg(repeat(convert_from(term, 'UTF8') || ' ', frequency), '')::text::tsvector FROM posting_rows GROUP BY 1, 2, 3"
    )
    connection.execute("DROP TABLE posting_rows")
    connection.execute("CREATE INDEX ON posting_texts USING gin (words)")


def ask_tsvector(connection: Connection[Any], tenant: UUID, repository: int, words: Sequence[str]) -> int:
    (row,) = connection.execute(
        "SELECT array_agg(chunk), array_agg(ts_rank_cd(words, q)) FROM posting_texts, to_tsquery('simple', %s) AS q"
        " WHERE tenant_id = %s AND repository_id = %s AND words @@ q",
        (" | ".join(words), tenant, repository),
        binary=True,
    ).fetchall()
    return 0 if row[0] is None else len(row[0])


def build_sparsevec(connection: Connection[Any], tenant: UUID, repository: int) -> None:
    build_rows(connection, tenant, repository)
    connection.execute("CREATE TABLE posting_vectors (tenant_id uuid, repository_id bigint, chunk bigint, words sparsevec)")
    connection.execute(
        "INSERT INTO posting_vectors SELECT tenant_id, repository_id, chunk,"
        " ('{' || string_agg((substr(convert_from(term, 'UTF8'), 5)::int + 1) || ':' || frequency, ',') || '}/1000000')::sparsevec"
        " FROM posting_rows GROUP BY 1, 2, 3"
    )
    connection.execute("DROP TABLE posting_rows")
    connection.execute("CREATE INDEX ON posting_vectors (tenant_id, repository_id)")


def ask_sparsevec(connection: Connection[Any], tenant: UUID, repository: int, words: Sequence[str]) -> int:
    asked = "{" + ",".join(f"{int(word[4:]) + 1}:1" for word in sorted(set(words), key=lambda word: int(word[4:]))) + "}/1000000"
    (row,) = connection.execute(
        "SELECT array_agg(chunk), array_agg(score) FROM (SELECT chunk, -(words <#> %s::sparsevec) AS score FROM posting_vectors"
        " WHERE tenant_id = %s AND repository_id = %s) scored WHERE score > 0",
        (asked, tenant, repository),
        binary=True,
    ).fetchall()
    return 0 if row[0] is None else len(row[0])


WORD_LAYOUTS = {
    "arrays per term and segment": WordLayout("postings", nothing, ask_arrays),
    "a row per term and chunk": WordLayout("posting_rows", build_rows, ask_rows),
    "tsvector, GIN": WordLayout("posting_texts", build_tsvector, ask_tsvector),
    "sparsevec, scanned": WordLayout("posting_vectors", build_sparsevec, ask_sparsevec),
}
