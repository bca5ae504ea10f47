"""Vectors in eight bits and in one, and the search for the nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.blobs import DIMENSIONS, analyse

from codetriever.store.embedded.buffer import SegmentBuffer
from codetriever.store.embedded.nearest import VectorSpace
from codetriever.store.embedded.ordinals import OrdinalSpace
from codetriever.store.embedded.segment import Segment
from codetriever.store.embedded.vectors import MISSING, VectorFile, VectorWriter
from codetriever.store.likeness import ABSENT, Question, pool_size, sign_bits
from codetriever.store.quantise import quantise

if TYPE_CHECKING:
    from pathlib import Path


def unit_rows(count: int, dimensions: int = DIMENSIONS, *, seed: int = 0, centres: int = 20) -> np.ndarray:
    """Rows that lie in clusters, as those of code do."""
    random = np.random.default_rng(seed)
    middle = random.standard_normal((centres, dimensions))
    rows = middle[random.integers(0, centres, count)] + random.standard_normal((count, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def write_vectors(path: Path, vectors: np.ndarray) -> VectorFile:
    writer = VectorWriter(path, vectors.shape[1])
    for start in range(0, len(vectors), 700):
        writer.append(*quantise(vectors[start : start + 700]))
    writer.finish()
    return VectorFile(path, len(vectors))


@given(dimensions=st.sampled_from([1, 3, 64, 100, 256, 384, 1024]), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_quantised_rows_are_unit_vectors_near_the_originals(dimensions: int, seed: int) -> None:
    vectors = unit_rows(8, dimensions, seed=seed)
    vectors[3] = 0
    rows, scales = quantise(vectors)
    restored = rows * scales[:, None]
    norms = np.linalg.norm(restored, axis=1)
    assert norms[3] == 0
    assert scales[3] == 0
    assert np.delete(norms, 3) == pytest.approx(1, abs=1e-5)
    assert np.einsum("ij,ij->i", np.delete(restored, 3, 0), np.delete(vectors, 3, 0)) == pytest.approx(1, abs=1e-3)


@given(dimensions=st.sampled_from([1, 100, 256, 384, 1024]), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_cosines_are_near_and_do_not_depend_on_company(dimensions: int, seed: int) -> None:
    vectors = unit_rows(50, dimensions, seed=seed)
    rows, scales = quantise(vectors)
    question = Question(unit_rows(1, dimensions, seed=seed + 1)[0])
    together = question.cosines(rows, scales)
    assert together == pytest.approx(vectors @ unit_rows(1, dimensions, seed=seed + 1)[0], abs=0.01)
    for position in range(50):
        assert question.cosines(rows[position : position + 1], scales[position : position + 1])[0] == together[position]
    assert np.array_equal(question.cosines(rows[::-1], scales[::-1])[::-1], together)


def test_a_zero_question_is_as_near_to_everything() -> None:
    rows, scales = quantise(unit_rows(5))
    assert Question(np.zeros(DIMENSIONS, np.float32)).cosines(rows, scales).tolist() == [0] * 5


@pytest.mark.parametrize("dimensions", [1, 63, 64, 65, 256, 300])
def test_distances_count_differing_signs(tmp_path: Path, dimensions: int) -> None:
    vectors = unit_rows(100, dimensions)
    file = write_vectors(tmp_path / "vectors", vectors)
    query = unit_rows(1, dimensions, seed=5)[0]
    distances = np.empty(100, np.uint16)
    question = Question(query)
    file.distances(question, distances)
    differing = file.signs ^ question.signs[:, None]
    expected = np.bitwise_count(differing).sum(axis=0) + 2 * np.bitwise_count(differing & question.large[:, None]).sum(axis=0)
    assert distances.tolist() == expected.tolist()


def test_missing_rows_have_no_cosine(tmp_path: Path) -> None:
    writer = VectorWriter(tmp_path / "vectors", DIMENSIONS)
    writer.append(*quantise(unit_rows(2)))
    writer.append_missing(2)
    assert writer.missing == 2
    writer.finish()
    file = VectorFile(tmp_path / "vectors", 4)
    cosines = file.cosines(Question(unit_rows(1)[0]), np.arange(4))
    assert cosines[2:].tolist() == [ABSENT, ABSENT]
    assert file.scales[2] == MISSING
    assert np.array_equal(file.vectors(np.array([2])), np.zeros((1, DIMENSIONS), np.float32))


@pytest.mark.parametrize(("dimensions", "words"), [(1, 1), (64, 1), (65, 2), (256, 4), (257, 8), (384, 8), (1024, 16)])
def test_sign_bits_tell_half_spaces_apart(dimensions: int, words: int) -> None:
    rows, _ = quantise(unit_rows(40, dimensions))
    rows[7] = 127
    bits = sign_bits(rows)
    assert bits.shape == (words, 40)
    assert np.array_equal(bits, np.concatenate([sign_bits(rows[:1]), sign_bits(rows[1:])], axis=1)), "each row depends on itself alone"
    opposite = np.bitwise_count(bits ^ sign_bits(-rows)).sum(axis=0)
    assert opposite.mean() > 0.9 * 64 * words


def test_strong_and_weak_dimensions_tell_as_much() -> None:
    strength = np.linspace(3, 0.1, DIMENSIONS) ** 2
    vectors = unit_rows(3000) * strength
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    signs = sign_bits(quantise(vectors)[0])
    recall = []
    for query in vectors[::300]:
        question = Question(query)
        differing = signs ^ question.signs[:, None]
        distance = np.bitwise_count(differing).sum(axis=0) + 2 * np.bitwise_count(differing & question.large[:, None]).sum(axis=0)
        recall.append(len(set(np.argsort(distance)[:200].tolist()) & set(np.argsort(-(vectors @ query))[:20].tolist())) / 20)
    assert np.mean(recall) > 0.95


@pytest.fixture
def space(tmp_path: Path) -> OrdinalSpace:
    """9,000 chunks in three segments."""
    segments = []
    for number in range(3):
        buffer = SegmentBuffer()
        contents = [b"\n".join(b"chunk %d %d" % (number, line) for line in range(start, start + 100)) for start in range(0, 3000, 100)]
        buffer.add(analyse(contents, model=None), np.arange(number * 100, number * 100 + 30))
        buffer.write(tmp_path / f"{number}.seg")
        segments.append(Segment(tmp_path / f"{number}.seg"))
    return OrdinalSpace(segments)


@pytest.fixture
def vectors() -> np.ndarray:
    return unit_rows(9000)


@pytest.fixture
def indexed(space: OrdinalSpace, vectors: np.ndarray, tmp_path: Path) -> VectorSpace:
    files = [write_vectors(tmp_path / f"{number}.vec", vectors[number * 3000 : (number + 1) * 3000]) for number in range(3)]
    return VectorSpace(space, files, DIMENSIONS)


def test_the_pool_finds_nearly_all_true_neighbours(indexed: VectorSpace, vectors: np.ndarray) -> None:
    recall = []
    for near, noise in zip(vectors[::500], unit_rows(18, seed=9), strict=True):
        query = (near + noise) / np.linalg.norm(near + noise)
        ordinals, cosines = indexed.nearest(Question(query), 50, count=9000, ordinals=None, mask=None)
        exact = np.argsort(-(vectors @ query))[:50]
        recall.append(len(set(exact.tolist()) & set(ordinals.tolist())) / 50)
        assert np.all(np.diff(cosines) <= 0)
        assert np.array_equal(indexed.cosines(Question(query), ordinals), cosines)
    assert np.mean(recall) > 0.98


def test_the_pool_depends_on_what_is_asked_about_alone() -> None:
    assert [pool_size(count, 50) for count in (10, 9_000, 1_000_000)] == [4096, 4096, 15_625]
    assert pool_size(100_000, 2000) == 8000


def test_few_chunks_are_compared_exactly(indexed: VectorSpace) -> None:
    query = unit_rows(1, seed=3)[0]
    some = np.arange(0, 9000, 5)
    ordinals, _ = indexed.nearest(Question(query), 10, count=len(some), ordinals=some, mask=None)
    cosines = indexed.cosines(Question(query), some)
    assert ordinals.tolist() == some[np.lexsort((indexed.vectors(some)[:, 0] * 0, -cosines))][:10].tolist()


def test_a_small_space_answers_as_a_large_one(space: OrdinalSpace, vectors: np.ndarray, indexed: VectorSpace, tmp_path: Path) -> None:
    small = VectorSpace(OrdinalSpace(space.segments[:2]), [write_vectors(tmp_path / "a.vec", vectors[:3000]), None], DIMENSIONS)
    some = np.arange(0, 3000, 7)
    for seed in (6, 7):
        question = Question(unit_rows(1, seed=seed)[0])
        assert np.array_equal(small.cosines(question, some), indexed.cosines(question, some))
        assert small.cosines(question, np.array([3000])).tolist() == [0]
        by_list = indexed.nearest(question, 20, count=len(some), ordinals=some, mask=None)
        by_mask = small.nearest(question, 20, count=len(some), ordinals=None, mask=np.isin(np.arange(6000), some))
        assert [part.tolist() for part in by_mask] == [part.tolist() for part in by_list]


def test_only_what_is_allowed_is_found(indexed: VectorSpace) -> None:
    query = unit_rows(1, seed=4)[0]
    mask = np.arange(9000) % 3 == 0
    by_mask, _ = indexed.nearest(Question(query), 100, count=3000, ordinals=None, mask=mask)
    by_list, _ = indexed.nearest(Question(query), 100, count=3000, ordinals=np.flatnonzero(mask), mask=None)
    assert by_mask.tolist() == by_list.tolist()
    assert np.all(by_mask % 3 == 0)


def test_equals_are_ordered_by_key_wherever_they_lie(space: OrdinalSpace, tmp_path: Path) -> None:
    same = np.repeat(unit_rows(1), 3000, axis=0)
    space_of_equals = VectorSpace(space, [write_vectors(tmp_path / f"{number}.vec", same) for number in range(3)], DIMENSIONS)
    ordinals, _ = space_of_equals.nearest(Question(unit_rows(1)[0]), 10, count=9000, ordinals=None, mask=None)
    assert ordinals.tolist() == np.argsort(space.keys)[:10].tolist()
    ordinals, _ = space_of_equals.nearest(Question(unit_rows(1)[0]), 2000, count=9000, ordinals=None, mask=None)
    assert ordinals.tolist() == np.argsort(space.keys)[:2000].tolist()


def test_segments_without_vectors_are_left_out(space: OrdinalSpace, vectors: np.ndarray, tmp_path: Path) -> None:
    partial = VectorSpace(space, [None, write_vectors(tmp_path / "1.vec", vectors[3000:6000]), None], DIMENSIONS)
    ordinals, _ = partial.nearest(Question(unit_rows(1)[0]), 9000, count=9000, ordinals=None, mask=None)
    assert sorted(ordinals.tolist()) == list(range(3000, 6000))
    assert partial.cosines(Question(unit_rows(1)[0]), np.array([0])).tolist() == [0]
    assert not partial.vectors(np.array([0, 8999])).any()
