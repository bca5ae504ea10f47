import hashlib

import numpy as np
import pytest

from codetriever.compression import decompressed
from codetriever.embedding.static import load_static
from codetriever.indexing.analysis import NAME_WORTH, analyse
from codetriever.indexing.messages import Projector, RawBlob
from codetriever.lexical.terms import count_terms
from codetriever.types import KINDS

EMBEDDER = load_static()
PYTHON = '''"""Sessions."""

import os


class Session:
    """A user's session."""

    def refresh_token(self, oldToken):
        return os.urandom(len(oldToken))


def close_all(sessions):
    for session in sessions:
        session.close()
'''


def blob(data, language="python"):
    data = data.encode() if isinstance(data, str) else data
    return RawBlob(hashlib.sha256(data).digest(), language, data)


def terms_of(blobs, chunk):
    """The terms of one chunk and how often each occurs, put together again from the columns."""
    ends = np.cumsum(blobs.pair_counts)
    pairs = slice(int(ends[chunk] - blobs.pair_counts[chunk]), int(ends[chunk]))
    return {blobs.vocabulary[term]: int(count) for term, count in zip(blobs.pair_terms[pairs], blobs.pair_frequencies[pairs], strict=True)}


def test_a_chunk_is_counted_with_the_name_of_its_definition():
    blobs = analyse([blob("x = 1\n"), blob(PYTHON)], EMBEDDER).blobs
    for chunk in range(1, len(blobs.names)):
        text = PYTHON.encode()[blobs.byte_start[chunk] : blobs.byte_end[chunk]].decode()
        expected = count_terms(text)
        for term, count in count_terms(blobs.names[chunk]).items():
            expected[term] = expected.get(term, 0) + count * NAME_WORTH
        assert terms_of(blobs, chunk) == expected
        assert blobs.lengths[chunk] == sum(expected.values())
        np.testing.assert_array_equal(blobs.vectors[chunk], EMBEDDER.project([expected])[0])


def test_the_vector_of_a_chunk_does_not_depend_on_its_batch():
    alone = analyse([blob(PYTHON)], EMBEDDER).blobs
    among = analyse([blob("def other(): pass\n"), blob(PYTHON), blob("more = 1\n")], EMBEDDER).blobs
    first = int(among.chunk_counts[0])
    np.testing.assert_array_equal(alone.vectors, among.vectors[first : first + len(alone.vectors)])


def test_frequencies_stop_at_255_and_lengths_do_not():
    blobs = analyse([blob("word " * 300, "text")], EMBEDDER).blobs
    assert blobs.pair_frequencies.max() == 255
    assert blobs.lengths.sum() == 300


def test_contents_are_kept_whole_and_compressed():
    data = PYTHON.encode() * 5
    blobs = analyse([blob(data)], EMBEDDER).blobs
    assert decompressed(blobs.contents[0]) == data
    assert len(blobs.contents[0]) < len(data) / 3
    assert blobs.sizes.tolist() == [len(data)]


def test_definitions_lie_in_the_chunk_that_holds_their_name():
    source = "\n\n".join(f"def function_{number}(value):\n" + "    value += 1\n" * 40 for number in range(20))
    blobs = analyse([blob("some words\n", "text"), blob(source)], EMBEDDER).blobs
    names = blobs.definitions.names
    assert names == [f"function_{number}" for number in range(20)]
    for name, chunk, line in zip(names, blobs.definitions.chunks, blobs.definitions.lines, strict=True):
        text = source.encode()[blobs.byte_start[chunk] : blobs.byte_end[chunk]].decode()
        assert f"def {name}(" in text
        assert blobs.start_line[chunk] <= line <= blobs.end_line[chunk]
    assert {KINDS[kind] for kind in blobs.definitions.kinds} == {"function"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_offsets_are_of_the_original_bytes_in_every_encoding(encoding):
    source = "# Überschrift: größer als üblich, groß und schön\n" + "\n\n".join(
        f"def größe_{number}(wert):\n    return 'Maß: ' + wert * {number}\n" for number in range(200)
    )
    data = source.encode(encoding)
    blobs = analyse([blob(data)], EMBEDDER).blobs
    parts = [
        data[start:end].decode(blobs.encodings[0]) for start, end in zip(blobs.byte_start.tolist(), blobs.byte_end.tolist(), strict=True)
    ]
    assert len(parts) > 2
    assert "".join("".join(parts).split()) == "".join(source.split())
    for name, start in zip(blobs.definitions.names, blobs.definitions.byte_start.tolist(), strict=True):
        assert data[start:].decode(blobs.encodings[0], "ignore").startswith(f"def {name}(")


def test_a_batch_of_nothing_and_a_file_of_nothing_have_columns():
    for blobs in (analyse([], EMBEDDER).blobs, analyse([blob("")], EMBEDDER).blobs, analyse([blob(" \n\n")], None).blobs):
        assert len(blobs.names) == len(blobs.pair_terms) == len(blobs.definitions.names) == 0
        assert blobs.digests.shape == (len(blobs.languages), 32)


def test_without_a_projector_vectors_have_no_columns():
    blobs = analyse([blob(PYTHON)], None).blobs
    assert blobs.vectors.shape == (len(blobs.names), 0)
    assert isinstance(EMBEDDER, Projector)


def test_the_seconds_of_every_step_are_told():
    assert set(analyse([blob(PYTHON)], EMBEDDER).seconds) == {"parsing", "terms", "embedding", "compression"}
