"""Which tools does an agent get, and what may it ask of each?

`ARGUMENTS` and `TOOLS` are the tables that input schemas, the reading of arguments and docs/mcp.md are made from. Schemas are flat and
have no unions, which some models' function calling cannot express: an optional argument is left out, or null, which is accepted everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, get_args, get_origin, get_type_hints

from codetriever.types import Answer, ContextAnswer, OutlineAnswer, UsagesAnswer
from codetriever.wire import OPTIONAL_FIELDS

DEFAULT_MAX_TOKENS: Final = 4000
# Of a search: the best hits with the lines that matter, the others with one. `bench/tokens.py` measures what that saves its reader.
SEARCH_MAX_TOKENS: Final = 1200
HITS: Final = 30
LEAST_TOKENS: Final = 100
ROLES: Final = ("code", "test", "docs", "config", "generated")


@dataclass(frozen=True, slots=True)
class Argument:
    """One row of the table of arguments. `kind` is string, strings (an array of them), integer or boolean."""

    name: str
    kind: str
    help: str
    minimum: int = 0
    maximum: int = 1_000_000
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """One row of the table of tools. `answers` is the type of its structured content, or that content's fields by their JSON types."""

    name: str
    title: str
    help: str
    arguments: tuple[str, ...]
    answers: type | Mapping[str, str]
    required: tuple[str, ...] = ()
    read_only: bool = True
    destructive: bool = False
    admin: bool = False


ARGUMENTS: Final[Mapping[str, Argument]] = {
    one.name: one
    for one in (
        Argument("query", "string", "a question in plain words, a symbol, or text in double quotes that has to occur literally"),
        Argument("queries", "strings", "instead of query: several phrasings or aspects, whose answers become one list (at most 8)"),
        Argument("path", "string", "the repository or folder, or an https address if fetching is allowed; by default what is open"),
        Argument("file_path", "string", "a file, as results name it or absolute"),
        Argument("start_line", "integer", "a line of that file, counted from 1", 1, 100_000_000),
        Argument("symbol", "string", "the name of a function, class, variable..., qualified (Config.load) or not"),
        Argument("limit", "integer", "results at most", 1, 100),
        Argument("offset", "integer", "leave out the first results: the next page"),
        Argument(
            "max_tokens", "integer",
            f"fit the answer into this many tokens: more of them show more of each result; {SEARCH_MAX_TOKENS} for search and "
            f"find_similar by default, {DEFAULT_MAX_TOKENS} otherwise",
            LEAST_TOKENS,
        ),
        Argument("path_globs", "strings", "only files whose path fits one of these globs, such as src/**; a leading ! excludes"),
        Argument("languages", "strings", "only files in these languages, such as python"),
        Argument("roles", "strings", "only files with these roles", choices=ROLES),
        Argument("unused_days", "integer", "what nobody searched for so many days goes; 30 by default", 0, 36_500),
        Argument("dry_run", "boolean", "say what would be deleted, and delete nothing"),
    )
}  # fmt: skip

_FILTERS: Final = ("path_globs", "languages", "roles")
_PAGE: Final = ("limit", "offset", "max_tokens")

TOOLS: Final[Mapping[str, Tool]] = {
    tool.name: tool
    for tool in (
        Tool(
            "search", "Search code",
            "Find the code that does something: ask in plain words (how are sessions refreshed), name a symbol, or quote literal text. "
            "Use it before grep or reading files when you do not know where something is. Answers with places, best first, by file "
            "and lines: the first ones with the code that matters, the others with one line. get_context shows one whole.",
            ("query", "queries", "path", *_FILTERS, *_PAGE), Answer,
        ),
        Tool(
            "find_similar", "Find similar code",
            "Find code like a snippet (query), like the piece at file_path and start_line, or like the definition of a symbol: "
            "duplicates, parallel implementations, examples to follow.",
            ("query", "file_path", "start_line", "symbol", "path", *_FILTERS, *_PAGE), Answer,
        ),
        Tool(
            "find_usages", "Find usages",
            "List every occurrence of a symbol, definitions first, each with its line and kind (definition, import, call, reference, "
            "comment, string). The counts are of all occurrences. Use it before renaming or changing something.",
            ("symbol", "path", *_FILTERS, *_PAGE), UsagesAnswer, required=("symbol",),
        ),
        Tool(
            "get_context", "Show context",
            "Show the whole definition around a line (file_path and start_line) or of a symbol, with the file's imports and the names of "
            "its neighbours. Use it to see a result that was shortened.",
            ("file_path", "start_line", "symbol", "path", "max_tokens"), ContextAnswer,
        ),
        Tool(
            "outline", "Outline",
            "List what a file, a folder or the whole repository defines, with lines and signatures, without bodies.",
            ("file_path", "path", *_PAGE), OutlineAnswer,
        ),
        Tool(
            "index", "Index",
            "Bring the index of a repository up to date now. Rarely needed: every other tool does that by itself.",
            ("path",),
            {"root": "string", "done": "boolean", "files": "integer", "chunks": "integer", "generation": "integer", "pending": "integer",
             "note": "string"},
            read_only=False,
        ),
        Tool(
            "get_status", "Status",
            "Say which folders may be searched, what is indexed, how fresh it is and whether indexing is under way.",
            ("path",), {"allowed": "array", "repositories": "array", "model": "string"},
        ),
        Tool(
            "get_stats", "Statistics",
            "List every index of this machine, or every repository of the database, how much is stored, and the metrics of this server.",
            (), {"stored": "object", "indexes": "array", "metrics": "object"}, admin=True,
        ),
        Tool(
            "clean", "Clean up",
            "Delete indexes that nobody searched for a while, or whose folder or branch is gone. They can be made again from the files.",
            ("unused_days", "dry_run"),
            {"views": "array", "indexes": "array", "skipped": "array", "before_bytes": "integer", "after_bytes": "integer"},
            read_only=False, destructive=True, admin=True,
        ),
        Tool(
            "compact", "Compact",
            "Merge the pieces of every index and give back room that nothing needs any more. This can take minutes.",
            (), {"compacted": "array", "before_bytes": "integer", "after_bytes": "integer"}, read_only=False, admin=True,
        ),
    )
}  # fmt: skip


def input_schema(tool: Tool) -> dict[str, Any]:
    """Return the JSON schema of a tool's arguments."""
    schema: dict[str, Any] = {"type": "object", "properties": {name: _argument_schema(ARGUMENTS[name]) for name in tool.arguments}}
    return schema | ({"required": list(tool.required)} if tool.required else {})


def _argument_schema(argument: Argument) -> dict[str, Any]:
    if argument.kind == "strings":
        items: dict[str, Any] = {"type": "string"} | ({"enum": list(argument.choices)} if argument.choices else {})
        return {"type": "array", "items": items, "description": argument.help}
    if argument.kind == "boolean":
        return {"type": "boolean", "description": argument.help}
    bounds = {"minimum": argument.minimum, "maximum": argument.maximum} if argument.kind == "integer" else {}
    return {"type": argument.kind, "description": argument.help} | bounds


def output_schema(tool: Tool) -> dict[str, Any]:
    """Return the JSON schema of a tool's structured content."""
    if isinstance(tool.answers, Mapping):
        return {"type": "object", "properties": {name: {"type": kind} for name, kind in tool.answers.items()}}
    schema = _schema(tool.answers)
    del schema["required"]  # an answer from a repository that is not indexed yet has fewer fields
    schema["properties"] |= {name: {"type": "string"} for name in ("root", "left_out", "note")}
    return schema


_JSON_TYPES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}


def _schema(kind: Any) -> dict[str, Any]:
    """Return the schema of what `wire.as_value` makes of a type; what may be None is left out of the value then."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        required = [one.name for one in fields(kind) if one.name not in OPTIONAL_FIELDS and type(None) not in get_args(hints[one.name])]
        return {"type": "object", "properties": {one.name: _schema(hints[one.name]) for one in fields(kind)}, "required": required}
    arguments = [one for one in get_args(kind) if one is not type(None)]
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _schema(arguments[0])}
    if get_origin(kind) is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if arguments:
        return _schema(arguments[0])
    return {"type": _JSON_TYPES.get(kind, "string")}
