"""What does a large repository look like to a store? Analysed blobs with terms as frequent as in code, made from a seed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from codetriever.compression import compressed
from codetriever.types import AnalysedBlobs, DefinitionColumns, FileTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIMENSIONS = 256
VOCABULARY = 60_000
CHUNKS_PER_BLOB = 10
BLOBS_PER_BATCH = 10
TERMS_PER_CHUNK = 60
DEFINITIONS_PER_BLOB = 5
CHUNK_BYTES = 800


def term(number: int) -> str:
    """The term of a rank; 0 is the most frequent one."""
    return f"term{number}"


def batches(chunks: int, *, seed: int = 1) -> Iterator[AnalysedBlobs]:
    """Yield about so many chunks in the batches that the indexer makes. The k-th term is about as frequent as 1 / k (Zipf)."""
    random = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, VOCABULARY + 1)
    bounds = np.cumsum(shares / shares.sum())
    topics = random.standard_normal((200, DIMENSIONS)).astype(np.float32)
    for number in range(max(1, chunks // (CHUNKS_PER_BLOB * BLOBS_PER_BATCH))):
        yield _batch(random, bounds, topics, f"{seed} {number}")


def _batch(random: np.random.Generator, bounds: np.ndarray, topics: np.ndarray, name: str) -> AnalysedBlobs:
    blobs, chunks = BLOBS_PER_BATCH, BLOBS_PER_BATCH * CHUNKS_PER_BLOB
    drawn = np.searchsorted(bounds, random.random((chunks, TERMS_PER_CHUNK)))
    pairs = [np.unique(row, return_counts=True) for row in drawn]
    ranks, pair_terms = np.unique(np.concatenate([terms for terms, _ in pairs]), return_inverse=True)
    vectors = topics[random.integers(len(topics), size=chunks)] + random.standard_normal((chunks, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    positions = np.tile(np.arange(CHUNKS_PER_BLOB, dtype=np.uint32), blobs)
    digests = [hashlib.sha256(f"{name} {blob}".encode()).digest() for blob in range(blobs)]
    return AnalysedBlobs(
        digests=np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32),
        languages=["python"] * blobs,
        encodings=["utf-8"] * blobs,
        sizes=np.full(blobs, CHUNKS_PER_BLOB * CHUNK_BYTES),
        contents=compressed(random.bytes(CHUNKS_PER_BLOB * CHUNK_BYTES // 3) for _ in range(blobs)),
        chunk_counts=np.full(blobs, CHUNKS_PER_BLOB, np.int32),
        definition_counts=np.full(blobs, DEFINITIONS_PER_BLOB, np.int32),
        byte_start=positions * CHUNK_BYTES,
        byte_end=(positions + 1) * CHUNK_BYTES,
        start_line=positions * 25 + 1,
        end_line=positions * 25 + 25,
        kinds=np.ones(chunks, np.uint8),
        names=[f"Module{name}.function_{position}" for position in positions.tolist()],
        lengths=np.full(chunks, TERMS_PER_CHUNK, np.uint32),
        vocabulary=[term(rank) for rank in ranks.tolist()],
        pair_counts=np.array([len(terms) for terms, _ in pairs], np.uint32),
        pair_terms=pair_terms.astype(np.uint32),
        pair_frequencies=np.concatenate([counts for _, counts in pairs]).astype(np.uint8),
        vectors=vectors,
        definitions=_definitions(name, blobs),
    )


def _definitions(name: str, blobs: int) -> DefinitionColumns:
    count = blobs * DEFINITIONS_PER_BLOB
    numbers = np.tile(np.arange(DEFINITIONS_PER_BLOB, dtype=np.uint32), blobs)
    names = [f"function_{name}_{number}" for number in range(count)]
    return DefinitionColumns(
        names=names,
        qualified_names=[f"Module.{one}" for one in names],
        signatures=[f"def {one}(self, first, second)" for one in names],
        kinds=np.ones(count, np.uint8),
        chunks=np.repeat(np.arange(blobs), DEFINITIONS_PER_BLOB) * CHUNKS_PER_BLOB + numbers,
        lines=numbers * 25 + 1,
        start_line=numbers * 25 + 1,
        end_line=numbers * 25 + 20,
        byte_start=numbers * CHUNK_BYTES,
        byte_end=(numbers + 1) * CHUNK_BYTES,
    )


def listed(numbers: Mapping[bytes, int]) -> FileTable:
    """The list of files that has each of these blobs, by digest, under a path of its own."""
    count = len(numbers)
    return FileTable(
        paths=[f"src/package{row // 100:05}/module{row:07}.py" for row in range(count)],
        blobs=np.fromiter(numbers.values(), np.int64, count),
        digests=np.frombuffer(b"".join(numbers), np.uint8).reshape(-1, 32),
        languages=np.zeros(count, np.uint16),
        roles=np.zeros(count, np.uint8),
        skips=np.zeros(count, np.uint8),
        stats=np.ones((count, 4), np.int64),
        language_names=("python",),
    )
