"""JSON as people keep it, with comments and trailing commas: add or remove one member, and leave every other character as it is."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from codetriever.values import dataclass

_BLANK: Final = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"' + r"|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
_BARE: Final = re.compile(r"[A-Za-z_$][\w$]*")
_LITERAL: Final = re.compile(r"[^\s,\]}/:]+")
_DEEPEST: Final = 200


class Unreadable(ValueError):
    """The text is not JSON, even with comments and trailing commas."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object: its name, and where its name and value begin and end; `comma` is that of the comma behind it, or -1."""

    name: str
    start: int
    value_start: int
    value_end: int
    comma: int


@dataclass(frozen=True, slots=True)
class _Object:
    start: int
    end: int  # of the closing brace
    members: tuple[Member, ...]


def parse(text: str) -> Any:
    """Return the value of a text; raises `Unreadable`."""
    value, end = _value(text, _skip(text, 0), 0)
    if _skip(text, end) != len(text):
        raise Unreadable(f"something follows the value at character {end}")
    return value


def with_member(text: str, path: tuple[str, ...], name: str, value: Any) -> str:
    """Return the text with `name: value` in the object at `path`, which is made where it is missing. Raises `Unreadable`."""
    if _skip(text, 0) == len(text):
        whole: Any = {name: value}
        for part in reversed(path):
            whole = {part: whole}
        return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    parse(text)
    found = _object(text, _skip(text, 0), 0)
    for depth, part in enumerate(path):
        member = next((one for one in found.members if one.name == part), None)
        if member is None:
            for missing in reversed(path[depth + 1 :]):
                value, name = {name: value}, missing
            return _inserted(text, found, part, {name: value})
        found = _object(text, member.value_start, 0)
    known = next((one for one in found.members if one.name == name), None)
    if known is None:
        return _inserted(text, found, name, value)
    if _value(text, known.value_start, 0)[0] == value:
        return text
    return text[: known.value_start] + _dumped(text, known.start, value) + text[known.value_end :]


def without_member(text: str, path: tuple[str, ...], name: str) -> str:
    """Return the text without that member, and without the objects of the path that hold nothing else. Raises `Unreadable`."""
    if _skip(text, 0) == len(text):
        return text
    objects = [_object(text, _skip(text, 0), 0)]
    for part in path:
        member = next((one for one in objects[-1].members if one.name == part), None)
        if member is None:
            return text
        objects.append(_object(text, member.value_start, 0))
    names = (*path, name)
    if not any(one.name == name for one in objects[-1].members):
        return text
    depth = len(objects) - 1
    while depth > 0 and len(objects[depth].members) == 1:
        depth -= 1
    return _removed(text, objects[depth], names[depth])


def _inserted(text: str, found: _Object, name: str, value: Any) -> str:
    is_flat = "\n" not in text[found.start : found.end]
    last = found.members[-1] if found.members else None
    if is_flat and last is not None:
        new = f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        at = last.value_end if last.comma < 0 else last.comma + 1
        return text[:at] + (", " if last.comma < 0 else " ") + new + ("" if last.comma < 0 else ",") + text[at:]
    indent = _indent(text, last.start) if last is not None else _indent(text, found.start) + _step(text)
    body = json.dumps(value, indent=_step(text), ensure_ascii=False).replace("\n", f"\n{indent}")
    new = f"\n{indent}{json.dumps(name)}: {body}"
    if last is None:
        return (
            text[: found.start + 1] + new + f"\n{_indent(text, found.start)}" + text[found.end :]
            if is_flat
            else (text[: found.start + 1] + new + text[found.start + 1 :])
        )
    at = last.value_end if last.comma < 0 else last.comma + 1
    return text[:at] + ("," if last.comma < 0 else "") + new + ("" if last.comma < 0 else ",") + text[at:]


def _removed(text: str, found: _Object, name: str) -> str:
    number = next(number for number, one in enumerate(found.members) if one.name == name)
    member = found.members[number]
    if number == 0 and len(found.members) == 1:
        inside = text[found.start + 1 : member.start] + text[(member.comma if member.comma >= 0 else member.value_end - 1) + 1 : found.end]
        return text[: found.start + 1] + (inside if inside.strip() else "") + text[found.end :]
    if number == len(found.members) - 1:
        before = found.members[number - 1]
        start = before.value_end if member.comma < 0 else before.comma + 1
        return text[:start] + text[(member.value_end if member.comma < 0 else member.comma + 1) :]
    return text[: member.start] + text[found.members[number + 1].start :]


def _dumped(text: str, at: int, value: Any) -> str:
    return json.dumps(value, indent=_step(text), ensure_ascii=False).replace("\n", f"\n{_indent(text, at)}")


def _indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _step(text: str) -> str:
    """Return what one level is indented by: as the first indented line."""
    found = re.search(r"\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _object(text: str, at: int, depth: int) -> _Object:
    if text[at : at + 1] != "{":
        raise Unreadable(f"there is no object at character {at}")
    members: list[Member] = []
    position = _skip(text, at + 1)
    while text[position : position + 1] != "}":
        name, end = _name(text, position)
        colon = _skip(text, end)
        if text[colon : colon + 1] != ":":
            raise Unreadable(f"a colon is missing at character {colon}")
        value_start = _skip(text, colon + 1)
        _, value_end = _value(text, value_start, depth + 1)
        after = _skip(text, value_end)
        comma = after if text[after : after + 1] == "," else -1
        members.append(Member(name, position, value_start, value_end, comma))
        if comma < 0 and text[after : after + 1] != "}":
            raise Unreadable(f"a comma or brace is missing at character {after}")
        position = _skip(text, after + 1) if comma >= 0 else after
    return _Object(at, position, tuple(members))


def _name(text: str, at: int) -> tuple[str, int]:
    if found := _STRING.match(text, at):
        return _unquoted(found[0]), found.end()
    if found := _BARE.match(text, at):
        return found[0], found.end()
    raise Unreadable(f"a name is missing at character {at}")


def _unquoted(text: str) -> str:
    if text[0] == "'":
        text = '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    try:
        value: str = json.loads(text, strict=False)
    except ValueError as error:
        raise Unreadable(str(error)) from None
    return value


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > _DEEPEST:
        raise Unreadable("it is nested too deeply")
    first = text[at : at + 1]
    if first == "{":
        found = _object(text, at, depth)
        return {one.name: _value(text, one.value_start, depth + 1)[0] for one in found.members}, found.end + 1
    if first == "[":
        return _array(text, at, depth)
    if found_string := _STRING.match(text, at):
        return _unquoted(found_string[0]), found_string.end()
    literal = _LITERAL.match(text, at)
    try:
        if literal:
            return json.loads(literal[0]), literal.end()
    except ValueError:
        pass
    raise Unreadable(f"a value is missing at character {at}")


def _array(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    values = []
    position = _skip(text, at + 1)
    while text[position : position + 1] != "]":
        value, end = _value(text, position, depth + 1)
        values.append(value)
        position = _skip(text, end)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        elif text[position : position + 1] != "]":
            raise Unreadable(f"a comma or bracket is missing at character {position}")
    return values, position + 1
