"""Several answers as one."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from codetriever.search.fuse import fuse
from codetriever.types import Answer, Freshness, Hit

SPANS = st.tuples(
    st.sampled_from(["a.py", "b.py", "c.py"]), st.integers(0, 5).map(lambda cell: cell * 20), st.integers(1, 20), st.floats(0.01, 1.0)
)


def hit(path, start, length, score):
    return Hit(path, start + 1, start + length, start * 10, (start + length) * 10, score, "function", f"f{start}", "python", "code", "text")


def answer(hits, **changes):
    made = Answer("q", tuple(hits), len(hits), exhaustive=False, generation=3, freshness=Freshness(0.0, 0.0), took_ms=1.0)
    return replace(made, **changes)


lists = st.lists(st.lists(SPANS, unique_by=lambda one: one[:2], max_size=12), min_size=1, max_size=4)


@given(lists)
def test_every_hit_is_there_once(found):
    fused = fuse([answer([hit(*one) for one in one_list]) for one_list in found])
    places = [(one.path, one.byte_start, one.byte_end) for one in fused.hits]
    assert len(set(places)) == len(places)
    wanted = {one[0] for one_list in found for one in one_list}
    assert {one.path for one in fused.hits} == wanted


@given(lists)
def test_the_order_of_the_queries_does_not_matter(found):
    answers = [answer([hit(*one) for one in one_list]) for one_list in found]

    def places(given):
        return sorted((one.path, one.start_line) for one in fuse(given).hits)

    assert places(answers) == places(answers[::-1])


def test_what_two_queries_find_comes_before_what_one_finds():
    shared, first, second = hit("shared.py", 0, 10, 0.5), hit("first.py", 0, 10, 0.5), hit("second.py", 0, 10, 0.5)
    fused = fuse([answer([first, shared]), answer([second, shared])])
    assert [one.path for one in fused.hits] == ["shared.py", "first.py", "second.py"]


def test_a_query_that_finds_nothing_for_sure_counts_little():
    fused = fuse([answer([hit("weak.py", 0, 10, 0.02)], weak=True), answer([hit("x.py", 0, 9, 0.9), hit("y.py", 0, 9, 0.8)])])
    assert [one.path for one in fused.hits] == ["x.py", "y.py", "weak.py"]
    assert not fused.weak


def test_overlapping_hits_are_one_with_the_better_score():
    fused = fuse([answer([hit("a.py", 0, 10, 0.3)]), answer([hit("a.py", 2, 10, 0.6)])])
    assert [(one.start_line, one.score) for one in fused.hits] == [(1, 0.6)]
    assert fused.total == 1


def test_counts_are_lower_bounds_when_answers_were_cut():
    assert fuse([answer([hit("a.py", 0, 10, 0.3)], total=500), answer([])]).total == 500
