"""How is a value type made? As `dataclasses.dataclass(frozen=True, slots=True)` makes it, in a fifth of the time.

The standard decorator writes and compiles some six methods for every class, 0.3 ms each time: for the types that one search needs that was
a tenth of a command line's time. Here the methods are shared, and `__init__` is compiled when the first value of a type is made. What is
made passes for a data class (`fields`, `replace`, `is_dataclass`, pattern matching, pickling); type checkers see the standard decorator.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, FrozenInstanceError, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type], type]:
        """Make a frozen, slotted data class, the only kind there is here."""
        if not (frozen and slots):
            raise TypeError("values are frozen and slotted")
        bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)

        def decorate(cls: type) -> type:
            cls.__doc__ = cls.__doc__ or cls.__name__  # without a text the signature is worked out for one, 1.5 ms
            made = bare(cls)
            for name, method in _METHODS.items():
                setattr(made, name, method)
            made.__init__ = _compiled_on_first_use(made)
            return made

        return decorate


__all__ = ["dataclass"]


def _compiled_on_first_use(cls: Any) -> Callable[..., None]:
    def first_init(self: Any, *values: Any, **named: Any) -> None:
        cls.__init__ = _compiled_init(cls)
        cls.__init__(self, *values, **named)

    return first_init


def _compiled_init(cls: Any) -> Callable[..., None]:
    """Compile `__init__(self, a, b=..., *, c=...)` that fills the slots."""
    names: dict[str, Any] = {"MISSING": MISSING}
    parameters: dict[bool, list[str]] = {False: ["self"], True: []}
    body = []
    for one in fields(cls):
        names[f"set_{one.name}"] = getattr(cls, one.name).__set__
        names[f"default_{one.name}"] = MISSING if one.default is MISSING else one.default
        value, optional = one.name, one.default is not MISSING
        if one.default_factory is not MISSING:
            names[f"make_{one.name}"], optional = one.default_factory, True
            value = f"make_{one.name}() if {one.name} is MISSING else {one.name}"
        parameters[bool(one.kw_only)].append(f"{one.name}=default_{one.name}" if optional else one.name)
        body.append(f"    set_{one.name}(self, {value})\n")
    listed = [*parameters[False], *(["*", *parameters[True]] if parameters[True] else [])]
    exec(f"def __init__({', '.join(listed)}):\n{''.join(body) or '    pass'}", names)
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _compared(value: Any) -> tuple[Any, ...]:
    return tuple([getattr(value, one.name) for one in fields(value) if one.compare])


def _repr(self: Any) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: object) -> bool:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _refuse(self: Any, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"{type(self).__qualname__}.{name} cannot be changed")


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:
    for one, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


_METHODS = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
