"""How do analysed blobs become rows? Batches are kept as they come until they are written together, as one segment."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.postgres import arrays
from codetriever.store.postgres.scan import cut, sign_rows
from codetriever.store.postgres.snapshot import encoded, symbol_hash
from codetriever.store.quantise import quantise
from codetriever.store.ranges import ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from codetriever.types import AnalysedBlobs

_TERM_SHIFT, _CHUNK_SHIFT = np.uint64(40), np.uint64(8)
_CHUNK_MASK, _FREQUENCY_MASK = np.uint64((1 << 32) - 1), np.uint64(255)
_SMALL_SPAN = 1 << 16  # chunk numbers of smaller segments take two bytes
_CHUNK_COLUMNS = ("start_line", "end_line", "byte_start", "byte_end")


class Batch:
    """Blobs that wait to be written. Every number is that of a blob's first chunk."""

    def __init__(self, first: int) -> None:
        """`first` is the number that the next blob gets."""
        self.first = first
        self.next = first
        self.chunks = 0
        self.memory_bytes = 0
        self.numbers: dict[tuple[bytes, str], int] = {}
        self._parts: list[AnalysedBlobs] = []
        self._blobs: list[NDArray[np.int64]] = []

    def add(self, part: AnalysedBlobs) -> NDArray[np.int64]:
        """Take new blobs and return their numbers. A blob without chunks takes a number as well."""
        sizes = np.maximum(part.chunk_counts.astype(np.int64), 1)
        numbers: NDArray[np.int64] = self.next + np.cumsum(sizes) - sizes
        self.next += int(sizes.sum())
        self.chunks += len(part.names)
        self._parts.append(part)
        self._blobs.append(numbers)
        for digest, language, number in zip(part.digests, part.languages, numbers.tolist(), strict=True):
            self.numbers[digest.tobytes(), language] = number
        pairs = 3 * 8 * len(part.pair_terms)  # packed, joined and sorted
        self.memory_bytes += pairs + 2 * part.vectors.nbytes + 2 * sum(map(len, part.contents)) + 400 * len(part.names)
        return numbers

    @property
    def blob_count(self) -> int:
        """How many blobs wait."""
        return sum(map(len, self._blobs))

    def blob_rows(self) -> dict[str, Any]:
        """Return the parameters of `add_blobs`."""
        return {
            "blobs": arrays.bigints(np.concatenate(self._blobs)),
            "digests": arrays.digests(np.concatenate([part.digests for part in self._parts])),
            "languages": arrays.texts(self._joined("languages")),
            "encodings": arrays.texts(self._joined("encodings")),
            "sizes": arrays.bigints(self._column("sizes")),
            "chunk_counts": arrays.ints(self._column("chunk_counts")),
            "term_counts": arrays.bigints(self._term_counts()),
            "contents": arrays.byteas(self._joined("contents")),
        }

    def _term_counts(self) -> NDArray[np.int64]:
        totals = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._column("lengths"), dtype=np.int64)])
        ends = np.cumsum(self._column("chunk_counts"), dtype=np.int64)
        starts = ends - self._column("chunk_counts")
        counts: NDArray[np.int64] = totals[ends] - totals[starts]
        return counts

    def chunk_rows(self, tenant: UUID, repository: int, features: str) -> dict[str, Any]:
        """Return the parameters of `add_chunks`."""
        blobs, indexes = self._chunk_places()
        return {
            "blobs": arrays.bigints(blobs),
            "indexes": arrays.ints(indexes),
            "ids": arrays.uuids(self._chunk_ids(tenant, repository, features)),
            **{name: arrays.ints(self._column(name)) for name in _CHUNK_COLUMNS},
            "kinds": arrays.smallints(self._column("kinds")),
            "lengths": arrays.ints(self._column("lengths")),
            "names": arrays.texts(self._joined("names")),
        }

    def _chunk_places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return each chunk's blob and its position in it."""
        counts = self._column("chunk_counts").astype(np.int64)
        ends = np.cumsum(counts)
        indexes = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
        return np.repeat(np.concatenate(self._blobs), counts), indexes

    def _chunk_ids(self, tenant: UUID, repository: int, features: str) -> NDArray[np.uint8]:
        """Return the public ids: version 5 UUIDs (RFC 9562) over repository, blob, versions and byte range, in the tenant's space."""
        prefix = hashlib.sha1(tenant.bytes + repository.to_bytes(8, "big") + features.encode(), usedforsecurity=False)
        found = bytearray()
        for part in self._parts:
            spans = np.stack([part.byte_start, part.byte_end], axis=1).astype(">u4").tobytes()
            position = 0
            for digest, language, count in zip(part.digests, part.languages, part.chunk_counts.tolist(), strict=True):
                of_blob = prefix.copy()
                of_blob.update(digest.tobytes() + language.encode())
                for _ in range(count):
                    one = of_blob.copy()
                    one.update(spans[position : position + 8])
                    found += one.digest()[:16]
                    position += 8
        ids = np.frombuffer(bytes(found), np.uint8).reshape(-1, 16).copy()
        ids[:, 6] = ids[:, 6] & 0x0F | 0x50
        ids[:, 8] = ids[:, 8] & 0x3F | 0x80
        return ids

    def vector_rows(self, halfvec_type: int) -> dict[str, Any] | None:
        """Return the parameters of `add_vectors` and `add_signs` for the blobs that have vectors, None when there are none."""
        embedded = [(part, numbers) for part, numbers in zip(self._parts, self._blobs, strict=True) if len(part.vectors)]
        if not embedded:
            return None
        blobs = np.concatenate([numbers for _, numbers in embedded])
        counts = np.concatenate([part.chunk_counts for part, _ in embedded]).astype(np.int64)
        rows, _ = quantise(np.concatenate([part.vectors for part, _ in embedded]))
        has_chunks = counts > 0
        return {
            "blobs": arrays.bigints(np.repeat(blobs, counts)),
            "indexes": arrays.ints(ranges(np.zeros_like(counts), counts)),
            "vectors": arrays.halfvecs(rows, halfvec_type),
            "signed": arrays.bigints(blobs[has_chunks]),
            "signs": arrays.byteas(cut(sign_rows(rows), counts[has_chunks].tolist())),
        }

    def symbol_rows(self) -> dict[str, Any]:
        """Return the parameters of `add_symbols`."""
        names = list(chain.from_iterable(part.definitions.names for part in self._parts))
        counts = self._column("definition_counts").astype(np.int64)
        blobs, indexes = self._chunk_places()
        chunks = self._definition_chunks()
        ends = np.cumsum(counts)

        def column(name: str) -> NDArray[Any]:
            return np.concatenate([getattr(part.definitions, name) for part in self._parts])

        def joined(name: str) -> arrays.Binary:
            return arrays.texts(list(chain.from_iterable(getattr(part.definitions, name) for part in self._parts)))

        return {
            "blobs": arrays.bigints(blobs[chunks]),
            "positions": arrays.ints(np.arange(len(names)) - np.repeat(ends - counts, counts)),
            "hashes": arrays.ints(np.fromiter((symbol_hash(name.casefold()) for name in names), np.int64, len(names))),
            "names": arrays.texts(names),
            "qualified_names": joined("qualified_names"),
            "signatures": joined("signatures"),
            "kinds": arrays.smallints(column("kinds")),
            "chunks": arrays.ints(indexes[chunks]),
            **{name: arrays.ints(column(name)) for name in ("lines", "start_line", "end_line", "byte_start", "byte_end")},
        }

    def _definition_chunks(self) -> NDArray[np.int64]:
        """Return in which chunk of the whole batch each definition is."""
        starts = np.cumsum([0, *(len(part.names) for part in self._parts)])
        return np.concatenate([part.definitions.chunks + start for part, start in zip(self._parts, starts.tolist(), strict=False)])

    def posting_rows(self) -> dict[str, Any]:
        """Return the parameters of `add_postings`."""
        numbers: dict[str, int] = {}
        pairs = []
        blobs, indexes = self._chunk_places()
        chunks = (blobs + indexes - self.first).astype(np.uint64)
        start = 0
        for part in self._parts:
            terms = np.fromiter((numbers.setdefault(term, len(numbers)) for term in part.vocabulary), np.uint64, len(part.vocabulary))
            of_part = np.repeat(chunks[start : start + len(part.names)], part.pair_counts)
            pairs.append((terms[part.pair_terms] << _TERM_SHIFT) | (of_part << _CHUNK_SHIFT) | part.pair_frequencies)
            start += len(part.names)
        packed = np.concatenate(pairs)
        packed.sort()
        return posting_rows(map(encoded, numbers), packed, span=self.next - self.first)

    def _column(self, name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in self._parts])

    def _joined(self, name: str) -> list[Any]:
        return list(chain.from_iterable(getattr(part, name) for part in self._parts))


def posting_rows(terms: Iterable[bytes], packed: NDArray[np.uint64], *, span: int) -> dict[str, Any]:
    """Return the parameters of `add_postings`: the terms that occur, each with its chunks and frequencies.

    `packed` are sorted pairs `term << 40 | chunk << 8 | frequency`, the term a position in `terms`, the chunk below `span`.
    """
    owners = (packed >> _TERM_SHIFT).astype(np.int64)
    listed = list(terms)
    bounds = np.searchsorted(owners, np.arange(len(listed) + 1))
    width = 2 if span <= _SMALL_SPAN else 4
    chunks = ((packed >> _CHUNK_SHIFT) & _CHUNK_MASK).astype(f"<u{width}").tobytes()
    frequencies = (packed & _FREQUENCY_MASK).astype(np.uint8).tobytes()
    used = [(term, start, end) for term, start, end in zip(listed, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True) if end > start]
    return {
        "terms": arrays.byteas([term for term, _, _ in used]),
        "chunks": arrays.byteas([chunks[width * start : width * end] for _, start, end in used]),
        "frequencies": arrays.byteas([frequencies[start:end] for _, start, end in used]),
    }


def packed_pairs(terms: NDArray[np.int64], chunks: NDArray[np.int64], frequencies: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return pairs as `posting_rows` takes them, sorted."""
    pairs = (terms.astype(np.uint64) << _TERM_SHIFT) | (chunks.astype(np.uint64) << _CHUNK_SHIFT) | frequencies
    pairs.sort()
    return pairs


def paths_of(paths: Sequence[str]) -> list[bytes]:
    """Return the bytes of paths."""
    return [path.encode("utf-8", "surrogateescape") for path in paths]
