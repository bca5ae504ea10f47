"""How do several segments become one, without the chunks that nobody lists, in bounded memory?

Kept in memory are columns, one at a time, and some 16 bytes for every chunk, definition and string.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.buffer import definition_order, firsts
from codetriever.store.embedded.merge_plan import differences
from codetriever.store.embedded.merge_tables import merge_strings, merge_terms
from codetriever.store.embedded.sections import SectionWriter
from codetriever.store.embedded.segment import CHUNK_COLUMNS, DEFINITION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.store.embedded.merge_plan import Plan
    from codetriever.store.embedded.segment import Segment
    from codetriever.store.embedded.vectors import VectorFile, VectorWriter

_ROWS_AT_ONCE = 4096


def write_merged(plan: Plan, path: Path) -> None:
    """Write the merged segment and make it durable."""
    writer = SectionWriter(path)
    try:
        _write_counts(writer, plan)
        for name in ("blobs", "sizes", "blob_lengths"):
            writer.put(name, _moved(plan.segments, name, plan.blobs, plan.blob_count))
        for name in ("keys", *(name for name, _ in CHUNK_COLUMNS)):
            writer.put("chunk." + name, _moved(plan.segments, "chunk." + name, plan.chunks, plan.chunk_count))
        for name, _ in DEFINITION_COLUMNS:
            writer.put("definition." + name, _moved(plan.segments, "definition." + name, plan.definitions, plan.definition_count))
        _write_definition_chunks(writer, plan)
        hashes = _moved(plan.segments, "definition.hashes", plan.definitions, plan.definition_count)
        writer.put("definition.hashes", hashes)
        writer.put("definition_order", definition_order(hashes))
        merge_strings(writer, plan)
        merge_terms(writer, plan)
        writer.finish(chunks=plan.chunk_count, definitions=plan.definition_count)
    except BaseException:
        writer.abandon()
        raise


def _write_counts(writer: SectionWriter, plan: Plan) -> None:
    for name in ("chunk_first", "definition_first"):
        counts = np.zeros(plan.blob_count, np.int64)
        for segment, places in zip(plan.segments, plan.blobs, strict=True):
            counts[places[places >= 0]] = differences(segment.column(name))[places >= 0]
        writer.put(name, firsts(counts))


def _moved(segments: Sequence[Segment], name: str, targets: Sequence[NDArray[Any]], total: int) -> NDArray[Any]:
    result = np.empty(total, segments[0].column(name).dtype)
    for segment, target in zip(segments, targets, strict=True):
        kept = target >= 0
        result[target[kept]] = segment.column(name)[kept]
        segment.sections.release()
    return result


def _write_definition_chunks(writer: SectionWriter, plan: Plan) -> None:
    result = np.empty(plan.definition_count, np.uint32)
    for segment, target, chunks in zip(plan.segments, plan.definitions, plan.chunks, strict=True):
        kept = target >= 0
        result[target[kept]] = chunks[segment.column("definition.chunks")[kept]]
    writer.put("definition.chunks", result)


def write_merged_vectors(plan: Plan, inputs: Sequence[VectorFile | None], writer: VectorWriter) -> None:
    """Write the vectors of one model for the merged chunks; chunks of an input without a file are missing."""
    owners = np.empty(plan.chunk_count, np.uint32)
    sources = np.empty(plan.chunk_count, np.uint32)
    for number, target in enumerate(plan.chunks):
        kept = np.flatnonzero(target >= 0)
        owners[target[kept]] = number
        sources[target[kept]] = kept
    for start in range(0, plan.chunk_count, _ROWS_AT_ONCE):
        owner, source = owners[start : start + _ROWS_AT_ONCE], sources[start : start + _ROWS_AT_ONCE]
        rows = np.zeros((len(owner), writer.dimensions), np.int8)
        scales = np.full(len(owner), -1, np.float32)
        for number in np.flatnonzero(np.bincount(owner)).tolist():  # `np.unique` would load numpy.ma
            if (file := inputs[number]) is not None:
                mine = owner == number
                rows[mine], scales[mine] = file.rows[source[mine]], file.scales[source[mine]]
                file.release()
        writer.append(rows, scales)
