"""What does each tool answer? The value for programs and the text for the model, from the same answer of the engine."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever.errors import InvalidArguments, PathNotFound, SymbolNotFound
from codetriever.focus import is_cut
from codetriever.mcp import markdown
from codetriever.mcp.roots import labels
from codetriever.mcp.tools import DEFAULT_MAX_TOKENS, HITS, SEARCH_MAX_TOKENS
from codetriever.tokens import count_tokens
from codetriever.wire import as_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetriever.api import Index
    from codetriever.mcp.arguments import Request
    from codetriever.mcp.opened import Opened
    from codetriever.mcp.roots import Roots
    from codetriever.mcp.shown import Shown
    from codetriever.types import Answer, ContextAnswer, Definition, FileOutline, Hit, Usage, UsagesAnswer

_USAGES: Final = 60
_DEFINITIONS: Final = 100
_OVERLOADS: Final = 6
_OTHERS: Final = 8
_HEADING_TOKENS: Final = 40  # what an answer says before and after its list


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: `value` is the structured content, `text` what the model reads."""

    value: dict[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool needs to answer. `note` is said of an index that is being made; `shown` is None where sessions are unknown."""

    request: Request
    opened: Opened
    roots: Roots
    shown: Shown | None = None
    note: str = ""

    @property
    def index(self) -> Index:
        """The index that is asked."""
        return self.opened.index

    @property
    def max_tokens(self) -> int:
        """The budget of the answer."""
        return self.request.max_tokens or DEFAULT_MAX_TOKENS

    def place(self, thing: Hit | Usage | FileOutline | ContextAnswer) -> str:
        """Return a path as the text shows it: relative to the root when there is one, else beginning with the root's label."""
        roots = self.index.roots
        if thing.repository not in roots:  # of a database
            return f"{thing.repository}:{thing.path}" if thing.repository else thing.path
        return thing.path if len(roots) == 1 else f"{labels(roots.values())[roots[thing.repository]]}/{thing.path}"

    @property
    def where(self) -> str:
        """What was searched, for the heading."""
        return self.opened.where()


def search(call: Call) -> Reply:
    """Answer `search`: one query, or several whose answers become one list."""
    request = call.request
    queries = tuple(filter(str.strip, (request.query, *request.queries)))
    if not queries:
        raise InvalidArguments("There is no query.", hint="Set query to what you look for, in plain words or as a symbol.")
    filters = _filters(request) | _page(request)
    found = call.index.search(queries[0], **filters) if len(queries) == 1 else call.index.search_several(queries, **filters)
    return _hits(call, found)


def find_similar(call: Call) -> Reply:
    """Answer `find_similar`: code like a snippet, a place or a symbol."""
    request = call.request
    place = f"{_stored(call, request.file_path)}:{request.start_line or 1}" if request.file_path else ""
    what = place or request.symbol or request.query
    if not what.strip():
        raise InvalidArguments("There is nothing to compare with.", hint="Set query to a snippet, or symbol, or file_path and start_line.")
    filters = _filters(request) | _page(request)
    return _hits(call, call.index.similar(what, **filters))


def _page(request: Request) -> dict[str, Any]:
    room = (request.max_tokens or SEARCH_MAX_TOKENS) - _HEADING_TOKENS
    return {"limit": request.limit or HITS, "offset": request.offset, "max_tokens": room}


def _hits(call: Call, answer: Answer) -> Reply:
    answer = _noted(answer, call.note)
    first = call.request.offset
    repeated = _repeated(call, answer)
    body = markdown.hits(answer, call.place, repeated.__contains__, offset=first)
    kept = "" if not answer.hits else _left_out(answer, first)
    again = (
        "get_context(file_path, start_line) shows a hit again, or whole."
        if repeated or any(is_cut(hit.text, hit.start_line, hit.end_line) for hit in answer.hits)
        else ""
    )
    left_out = " ".join(filter(None, (kept, again)))
    value = _value(call, replace(answer, note="" if answer.hits else answer.note), left_out)
    for row, hit in zip(value["hits"], answer.hits, strict=True):
        if hit in repeated:
            row |= {"text": "", "repeated": True}
    text = _joined(_hits_heading(call, answer), body, left_out, markdown.freshness(answer.freshness))
    return Reply(value, text)


def _hits_heading(call: Call, answer: Answer) -> str:
    if not answer.hits and answer.total:
        return f"No more hits: there are {answer.total} in {call.where}."
    if not answer.hits:
        return f"Nothing found in {call.where}. {answer.note}".strip()
    shown = len(answer.hits)
    count = f"{shown} hit{'s' if shown != 1 else ''}" if shown == answer.total else f"{shown} of {answer.total} hits"
    complete = ", every place that has it" if answer.exhaustive and shown == answer.total else ""
    heading = f"{count}{complete} in {call.where}. {markdown.DATA}"
    return f"Weak match: nothing here is clearly what was asked for; these are the nearest. {heading}" if answer.weak else heading


def _left_out(answer: Answer, offset: int) -> str:
    following = offset + len(answer.hits)
    return f"{answer.total - following} more: offset={following} goes on." if following < answer.total else ""


def _repeated(call: Call, answer: Answer) -> frozenset[Hit]:
    """Return the hits whose shown code the session has, unless the same was asked before."""
    if call.shown is None:
        return frozenset()
    is_new = call.shown.begin(call.request)
    known = frozenset(hit for hit in answer.hits if call.shown.is_repeated(f"{call.place(hit)}:{hit.start_line}", hit.text))
    return known if is_new else frozenset()


def cold(call: Call, tool: str) -> Reply:
    """Answer from a repository that is not indexed yet: what its files say by themselves, or that one has to wait."""
    request = call.request
    query = request.query or " ".join(request.queries) or request.symbol
    if tool not in ("search", "find_usages") or not query.strip():
        text = f"Not indexed yet. {call.note} search and find_usages answer from the files meanwhile; the other tools once it is done."
        return Reply({"root": ", ".join(map(str, call.opened.folders)), "note": call.note}, text)
    from codetriever.glance import glance

    page = {name: value for name, value in _page(request).items() if name != "offset"}
    found = glance(call.opened.folders[0], query, call.opened.settings, **page, **_filters(request))
    note = f"{found.freshness.note} {call.note} Ask again for the whole answer."
    body = markdown.hits(found, call.place, lambda _: False)
    value = {"hits": as_value(found.hits), "root": call.where, "note": note}
    return Reply(value, _joined(f"{note}\n{len(found.hits)} places in {call.where}. {markdown.DATA}", body))


def find_usages(call: Call) -> Reply:
    """Answer `find_usages`: as many occurrences as fit."""
    request = call.request
    answer = call.index.usages(request.symbol, limit=request.limit or _USAGES, offset=request.offset, **_filters(request))
    answer = _noted(answer, call.note)
    left, kept = call.max_tokens - _HEADING_TOKENS, list(answer.usages)
    for number, usage in enumerate(answer.usages):
        left -= count_tokens(markdown.usages(answer, (usage,), call.place)) + 1
        if left < 0 and number:
            kept = kept[:number]
            break
    following = request.offset + len(kept)
    left_out = f"{answer.total - following} more: offset={following} goes on." if following < answer.total else ""
    text = _joined(_usages_heading(call, answer), markdown.usages(answer, kept, call.place), left_out, markdown.freshness(answer.freshness))
    return Reply(_value(call, replace(answer, usages=tuple(kept)), left_out), text)


def _usages_heading(call: Call, answer: UsagesAnswer) -> str:
    if answer.usages:
        return f"{markdown.counts(answer)} in {call.where}. {markdown.DATA}"
    if answer.total:
        return f"No more occurrences of {answer.symbol}: there are {answer.total} in {call.where}."
    return f"No occurrence of {answer.symbol} in {call.where}. {answer.note}".strip()


def get_context(call: Call) -> Reply:
    """Answer `get_context`: what surrounds a line, or the definition of a symbol."""
    request = call.request
    others: tuple[str, ...] = ()
    if request.file_path:
        answer = call.index.context(f"{_stored(call, request.file_path)}:{request.start_line or 1}")
    elif request.symbol:
        answer, others = _defined(call, request.symbol)
    else:
        raise InvalidArguments("There is no place to show.", hint="Set file_path and start_line, or symbol.")
    shown, left_out = markdown.context(answer, call.place(answer), max(call.max_tokens - _HEADING_TOKENS, 1))
    also = f"Also defined: {', '.join(map(markdown.line, others))}." if others else ""
    heading = f"In {call.where}. {markdown.DATA}"
    text = _joined(heading, shown, also, left_out, markdown.freshness(answer.freshness, call.note))
    return Reply(_value(call, answer, " ".join(filter(None, (also, left_out)))), text)


def _defined(call: Call, symbol: str) -> tuple[ContextAnswer, tuple[str, ...]]:
    """Return the definition of a symbol, and the places of others so called. Of several in one file, overloads for example, the longest."""
    found = [usage for usage in call.index.usages(symbol, limit=_USAGES).usages if usage.kind == "definition"]
    if not found:
        raise SymbolNotFound(f"Nothing called {symbol!r} is defined in {call.where}.", hint="search finds it by what it does.")
    first = [usage for usage in found if (usage.path, usage.name, usage.repository) == (found[0].path, found[0].name, found[0].repository)]
    answers = [call.index.context(f"{usage.path}:{usage.line}") for usage in first[:_OVERLOADS]]
    best = max(answers, key=lambda answer: answer.enclosing.end_line - answer.enclosing.start_line)
    rest = (f"{call.place(usage)}:{usage.line}" for usage in found if usage not in first)
    return best, tuple(rest)[:_OTHERS]


def outline(call: Call) -> Reply:
    """Answer `outline`: definitions of a file or folder, a page of them."""
    request = call.request
    first, limit = request.offset, request.limit or (_DEFINITIONS if request.max_tokens is None else request.max_tokens)
    path = _stored(call, request.file_path) if request.file_path else _folder(call)
    answer = _noted(call.index.outline(path, most=first + limit + 1, code_first=True), call.note)
    rows = [(file, one) for file in answer.files for one in file.definitions][first : first + limit]
    kept = _fitting(call, rows, call.max_tokens - _HEADING_TOKENS)
    files: list[tuple[FileOutline, list[Definition]]] = []
    for file, one in kept:
        if not files or files[-1][0] is not file:
            files.append((file, []))
        files[-1][1].append(one)
    following = first + len(kept)
    left_out = f"More follow: offset={following} goes on, file_path narrows it. {answer.note}".strip() if following < answer.total else ""
    of = f" of {answer.total}" if len(kept) < answer.total and not answer.note else ""
    none = answer.note or f"No more definitions: there are {answer.total}."
    heading = f"{len(kept)}{of} definitions in {call.where}. {markdown.DATA}" if kept else f"{none} ({call.where})"
    text = _joined(
        heading, markdown.outline((call.place(file), ones) for file, ones in files), left_out, markdown.freshness(answer.freshness)
    )
    shown = replace(answer, files=tuple(replace(file, definitions=tuple(ones)) for file, ones in files))
    return Reply(_value(call, shown, left_out), text)


def _fitting(call: Call, rows: list[tuple[FileOutline, Definition]], max_tokens: int) -> list[tuple[FileOutline, Definition]]:
    left, last = max_tokens, None
    for number, (file, one) in enumerate(rows):
        left -= count_tokens(markdown.outline([("", [one])])) + (count_tokens(call.place(file)) if file is not last else 0)
        last = file
        if left < 0 and number:
            return rows[:number]
    return rows


def get_status(call: Call) -> Reply:
    """Answer `get_status`."""
    found = call.index.status()
    value = {
        "allowed": [str(folder) for folder in call.roots.all],
        "repositories": as_value(found["repositories"]),
        "model": found["model"],
    }
    rows = [f"Allowed folders: {', '.join(value['allowed'])}"] if call.opened.folders else []
    for repository in found["repositories"]:
        views = [
            f"branch {view['branch'] or '-'}: generation {view['generation']}, {view['files']:,} files, {view['chunks']:,} chunks"
            for view in repository["views"]
        ]
        name, branch = repository["root"] or repository["repository"], repository["branch"] or "-"
        rows.append(f"{name} (branch {branch}): {'; '.join(views) or 'not indexed yet'}")
    note = call.opened.note()
    return Reply(value | ({"note": note} if note else {}), markdown.line("\n".join(filter(None, (*rows, note)))).replace("\ufffd", "\n"))


def _filters(request: Request) -> dict[str, Any]:
    return {"paths": request.path_globs, "languages": request.languages, "roles": request.roles}


def _stored(call: Call, file_path: str) -> str:
    """Return a file's path as the index has it: relative to the root it lies in; raises `PathNotFound`.

    A relative path starts from a root, as answers write it, or from the folder that `path` names.
    """
    roots = tuple(call.index.roots.values())
    if not roots:
        return file_path.removeprefix("./")
    bases = (*roots, *(folder for folder in call.opened.folders if folder.is_dir()))
    candidates = [Path(file_path)] if Path(file_path).is_absolute() else [base / file_path for base in bases]
    refused = None
    for candidate in candidates:
        try:
            real = call.roots.inside(os.fspath(candidate))
        except PathNotFound as error:
            refused = refused or error
            continue
        for root in roots:
            if real.is_relative_to(root):
                return "" if real == root else real.relative_to(root).as_posix()
    raise refused or PathNotFound(f"{file_path} lies outside {call.where}.", hint="Set path to the repository that it lies in.")


def _folder(call: Call) -> str:
    """Return the folder that the call is about, "" for a whole repository."""
    if not call.opened.folders:
        return ""
    folder, roots = call.opened.folders[0], tuple(call.index.roots.values())
    if len(roots) > 1 or folder in roots or not folder.is_relative_to(roots[0]):
        return ""
    return folder.relative_to(roots[0]).as_posix()


def _noted(answer: Any, note: str) -> Any:
    """Add a note about indexing to what the answer says about its freshness."""
    if not note:
        return answer
    told = " ".join(filter(None, (answer.freshness.note, note)))
    return replace(answer, freshness=replace(answer.freshness, note=told))


def _value(call: Call, answer: Any, left_out: str) -> dict[str, Any]:
    value: dict[str, Any] = {name: one for name, one in as_value(answer).items() if one is not None}
    return value | {"root": call.where} | ({"left_out": left_out} if left_out else {})


def _joined(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))


CALLS: Final[Mapping[str, Callable[[Call], Reply]]] = {
    "search": search,
    "find_similar": find_similar,
    "find_usages": find_usages,
    "get_context": get_context,
    "outline": outline,
    "get_status": get_status,
}
