"""What did the agent ask? From the arguments of a call to a `Request`, forgiving where the meaning is plain."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from codetriever.errors import InvalidArguments
from codetriever.mcp.tools import ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetriever.mcp.tools import Argument, Tool

MAX_QUERIES: Final = 8
_MAX_STRINGS: Final = 100
_SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The arguments of one call; what was absent or null is empty, and the numbers are None."""

    query: str = ""
    queries: tuple[str, ...] = ()
    path: str = ""
    file_path: str = ""
    start_line: int | None = None
    symbol: str = ""
    limit: int | None = None
    offset: int = 0
    max_tokens: int | None = None
    path_globs: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    unused_days: int | None = None
    dry_run: bool = False


def read_arguments(tool: Tool, raw: Mapping[str, Any] | None) -> Request:
    """Read a call's arguments; raises `InvalidArguments` naming the argument."""
    values = {name: value for name, value in (raw or {}).items() if value is not None}
    for name in values:
        if name not in tool.arguments:
            raise _unknown(tool, name)
    for name in tool.required:
        if values.get(name) in (None, ""):
            raise InvalidArguments(f"{tool.name} needs {name}.", hint=f"{name}: {ARGUMENTS[name].help}.")
    read: dict[str, Any] = {name: _READERS[ARGUMENTS[name].kind](ARGUMENTS[name], value) for name, value in values.items()}
    return Request(**read)


def _unknown(tool: Tool, name: str) -> InvalidArguments:
    near = difflib.get_close_matches(name, tool.arguments, n=1)
    known = ", ".join(tool.arguments) or "no arguments"
    hint = f"Did you mean {near[0]}?" if near else f"It takes {known}."
    return InvalidArguments(f"{tool.name} has no argument {_shown(name)}.", hint=hint)


def _string(argument: Argument, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise _wrong(argument, value, "a string without NUL" if isinstance(value, str) else "a string")
    return value


def _integer(argument: Argument, value: Any) -> int:
    number = value
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        number = int(value) if len(value) < len(str(argument.maximum)) + 2 else argument.maximum + 1
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise _wrong(argument, value, "a whole number")
    if not argument.minimum <= number <= argument.maximum:
        raise _wrong(argument, value, f"between {argument.minimum} and {argument.maximum}")
    return number


def _boolean(argument: Argument, value: Any) -> bool:
    known = {"true": True, "false": False}
    if isinstance(value, str) and value.strip().lower() in known:
        return known[value.strip().lower()]
    if not isinstance(value, bool):
        raise _wrong(argument, value, "true or false")
    return value


def _strings(argument: Argument, value: Any) -> tuple[str, ...]:
    """Read an array of strings; one string alone, and an array written as a string, are what models send by mistake."""
    if isinstance(value, str):
        value = _listed(value)
    if not isinstance(value, list) or not all(isinstance(one, str) and "\0" not in one for one in value):
        raise _wrong(argument, value, "an array of strings")
    most = MAX_QUERIES if argument.name == "queries" else _MAX_STRINGS
    if len(value) > most:
        raise InvalidArguments(f"{argument.name} has {len(value)} values.", hint=f"At most {most} go into one call.")
    return tuple(value)


def _listed(text: str) -> Any:
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return [text] if text else []


_READERS: Final[Mapping[str, Callable[[Argument, Any], Any]]] = {
    "string": _string,
    "integer": _integer,
    "strings": _strings,
    "boolean": _boolean,
}


def _wrong(argument: Argument, value: Any, wanted: str) -> InvalidArguments:
    return InvalidArguments(f"{argument.name} is {_shown(value)}; it has to be {wanted}.", hint=f"{argument.name}: {argument.help}.")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
