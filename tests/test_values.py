"""Values made here and by the standard library are the same to everybody who uses them."""

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field
from itertools import permutations

import pytest

from codetriever.values import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """Two needed, two with defaults, one of them not compared, one made anew."""

    x: int
    y: int
    label: str = "here"
    seen: list[int] = field(default_factory=list)
    note: str = field(default="", compare=False)

    def __bool__(self) -> bool:
        return bool(self.x or self.y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Keywords alone."""

    name: str = "nobody"
    size: int


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing."""


Standard = dataclasses.make_dataclass(
    "Point",
    [
        ("x", int),
        ("y", int),
        ("label", str, "here"),
        ("seen", list, field(default_factory=list)),
        ("note", str, field(default="", compare=False)),
    ],
    frozen=True,
    slots=True,
)


@pytest.mark.parametrize(
    "given", [((1, 2), {}), ((1,), {"y": 2}), ((1, 2, "there"), {"seen": [3]}), ((1, 2, "a", [0], "n"), {}), ((), {"y": 0, "x": 0})]
)
def test_a_value_has_what_the_standard_one_has(given):
    values, named = given
    ours, theirs = Point(*values, **named), Standard(*values, **named)
    assert repr(ours) == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert Point.__match_args__ == Standard.__match_args__
    assert [one.name for one in dataclasses.fields(ours)] == [one.name for one in dataclasses.fields(theirs)]
    assert dataclasses.replace(ours, x=9) == Point(9, *dataclasses.astuple(ours)[1:])


@pytest.mark.parametrize("wrong", [((), {}), ((1,), {}), ((1, 2, 3, 4, 5, 6), {}), ((1, 2), {"x": 1}), ((1, 2), {"z": 1})])
def test_wrong_arguments_are_refused(wrong):
    values, named = wrong
    for made in (Point, Standard):
        with pytest.raises(TypeError):
            made(*values, **named)


def test_keywords_alone():
    assert Named(size=3) == Named(name="nobody", size=3)
    with pytest.raises(TypeError):
        Named("a", 3)


def test_equal_values_are_one_in_a_set():
    assert len({Empty(), Empty()}) == 1
    assert {Named(size=1), Named(size=1), Named(size=2)} == {Named(size=1), Named(size=2)}
    assert Point(1, 2, note="a") == Point(1, 2, note="b")
    assert all(a != b for a, b in permutations((Point(1, 2), Point(2, 1), Standard(1, 2), (1, 2)), 2))


def test_defaults_are_made_anew():
    first, second = Point(1, 2), Point(1, 2)
    first.seen.append(1)
    assert second.seen == []


def test_values_cannot_be_changed():
    point = Point(1, 2)
    with pytest.raises(FrozenInstanceError):
        point.x = 3
    with pytest.raises(FrozenInstanceError):
        point.other = 3
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert not hasattr(point, "__dict__")
    assert bool(point)


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_values_travel(travel):
    for value in (Point(1, 2, seen=[4]), Named(size=3), Empty()):
        assert travel(value) == value


def test_other_kinds_are_refused():
    with pytest.raises(TypeError, match="frozen"):
        dataclass(frozen=False, slots=True)
