"""What does this text define?

Every language has one file `queries/<language>.scm`. Its definition patterns capture the whole definition as
`@definition.<kind>`, its name as `@name`, and where the owner is not around it (a Go receiver, `Owner::name` in C++) that owner
as `@scope`; `@end` is the last part of a definition that the grammar leaves in pieces. When two patterns find the same name the
larger span stands (a decorated function) and, among equal spans, the pattern written first. A function directly inside a type is
a method; queries need not tell them apart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codetriever.chunking.parse import load_query, run_query
from codetriever.chunking.recovery import add_recovered
from codetriever.types import Definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Node

_TYPES = frozenset({"class", "struct", "union", "enum", "trait", "interface", "impl"})
_FUNCTIONS = frozenset({"function", "method"})
_WITHOUT_MEMBERS = frozenset({"type", "macro", "section"})
"""Kinds that may contain other definitions without owning them: `typedef struct a { ... } b` does not define `b.a`."""

_WRITTEN_IN_CLAUSES = frozenset({"haskell"})

_SCOPED_BY_NAMESPACE = frozenset({"lua", "sql"})
"""Languages whose `@scope` is a schema or a table of functions, so that a function in it is no method."""

_BODY_FIELDS = ("body", "definition", "declaration", "value")
_NAMED_BY_FIELD = frozenset({"qualified_identifier", "template_function", "template_method", "template_type"})
_QUALIFIED = re.compile(r"(.*\w)::(\w.*)")
_TYPE_ARGUMENTS = re.compile(rb"<[^<>]*>")
_SIGNATURE_CHARACTERS = 240
_NAME_BYTES = 400


class _Found:
    """One definition as found: the largest span of those that share its name's place, the smallest kept for the signature."""

    __slots__ = ("end", "inner", "kind", "last", "name", "outer", "pattern", "scope", "start")

    def __init__(self, node: Node, last: Node, name: Node, kind: str, scope: str, pattern: int) -> None:
        self.start, self.end = node.start_byte, last.end_byte
        self.inner = self.outer = node
        self.last = last
        self.name = name
        self.kind = kind
        self.scope = scope
        self.pattern = pattern

    def widen(self, node: Node, last: Node, kind: str, scope: str, pattern: int) -> None:
        """Take in another pattern's view of the same definition."""
        start, end = node.start_byte, last.end_byte
        size = self.end - self.start
        if end - start < size:
            self.inner = node
        elif end - start > size:
            self.start, self.end = start, end
            self.outer, self.last = node, last
        if pattern < self.pattern:
            self.kind, self.scope, self.pattern = kind, scope or self.scope, pattern

    def append(self, clause: _Found) -> None:
        """Take in what follows and defines the same: the next equation, or the first one after the signature."""
        if self.last.type == "signature":
            self.name = clause.name
        self.end, self.last = clause.end, clause.last


def find_definitions(root: Node, source: bytes, language: str) -> list[Definition]:
    """Return what a parsed text defines, in byte order, an owner before what it owns."""
    found = _find(root, source, language)
    ordered = sorted(found.values(), key=lambda one: (one.start, -one.end, one.name.start_byte))
    joined = _join_clauses(ordered, source) if language in _WRITTEN_IN_CLAUSES else ordered
    qualified = list(_qualify(joined, source, scopes_are_types=language not in _SCOPED_BY_NAMESPACE))
    return add_recovered(qualified, root, source, language)


def name_offsets(root: Node, source: bytes, language: str, spans: Sequence[tuple[int, int]] = ()) -> list[int]:
    """Return the bytes at which the names of a text's definitions begin: of all, or at least of those across some stretches."""
    return list(_find(root, source, language, spans))


def _find(root: Node, source: bytes, language: str, spans: Sequence[tuple[int, int]] = ()) -> dict[int, _Found]:
    """Return what is defined, by the byte at which its name begins."""
    query = load_query(language, "definitions")
    if query is None:
        return {}
    found: dict[int, _Found] = {}
    for pattern, captures in run_query(query, root, spans):
        _collect(found, pattern, captures, source)
    return found


def _collect(found: dict[int, _Found], pattern: int, captures: dict[str, list[Node]], source: bytes) -> None:
    name = scope = whole = last = None
    kind = owner = ""
    for key, nodes in captures.items():
        if key == "name":
            name = nodes[0]
        elif key == "scope":
            scope = nodes[0]
        elif key == "end":
            last = nodes[0]
        elif key.startswith("definition."):
            whole, kind = nodes[0], key[11:]
    if name is None or whole is None:
        return
    if scope is not None:
        owner = _owner(source[scope.start_byte : scope.end_byte])
    inner, qualifier = _innermost(name)
    if qualifier is not None:
        owner = _owner(source[qualifier : inner.start_byte])
    if inner.end_byte - inner.start_byte > _NAME_BYTES:
        return
    known = found.get(inner.start_byte)
    if known is None:
        found[inner.start_byte] = _Found(whole, last or whole, inner, kind, owner, pattern)
    else:
        known.widen(whole, last or whole, kind, owner, pattern)


def _innermost(name: Node) -> tuple[Node, int | None]:
    """Return the name within a declarator such as `*Owner::name(int)`, and where its `Owner::` begins."""
    qualifier = None
    while True:
        kind = name.type
        if kind.endswith("_declarator"):
            inner = name.child_by_field_name("declarator") or (name.named_child(0) if name.named_child_count else None)
        elif kind in _NAMED_BY_FIELD:
            inner = name.child_by_field_name("name")
            if kind == "qualified_identifier" and qualifier is None:
                qualifier = name.start_byte
        else:
            break
        if inner is None:
            break
        name = inner
    return name, qualifier


def _owner(text: bytes) -> str:
    """Make `outer::Inner<T>::` into `outer.Inner`."""
    while b"<" in text and (shorter := _TYPE_ARGUMENTS.sub(b"", text)) != text:
        text = shorter
    return _text(text.replace(b"::", b".").strip(b".*& \t\r\n(),"))


def _text(name: bytes) -> str:
    return " ".join(name.decode("utf-8", "replace").split())


def _name(text: bytes, kind: str) -> tuple[str, str]:
    """Make owner and name of a name's text: `a::b::c` is c of `a.b`; quotes, a symbol's colon and parentheses go.

    A section is called what its heading says.
    """
    name = _text(text)
    if kind == "section" or name.isidentifier():
        return "", name
    if len(name) > 2 and name[0] == name[-1] and name[0] in "\"'`":
        name = name[1:-1]
    elif name[:1] == ":" and name[1:2].isidentifier():
        name = name[1:]
    if not name.startswith("operator()"):
        name = name.partition("(")[0].strip()
    qualified = _QUALIFIED.match(name)
    return (qualified[1].replace("::", "."), qualified[2]) if qualified else ("", name)


def _join_clauses(ordered: Iterable[_Found], source: bytes) -> Iterator[_Found]:
    """Make one function of a signature and the equations below it: neighbours of one name. Its line is that of an equation."""
    last: _Found | None = None
    for one in ordered:
        if last is not None and one.kind == last.kind == "function" and one.start >= last.end:
            same = source[one.name.start_byte : one.name.end_byte] == source[last.name.start_byte : last.name.end_byte]
            if same and one.outer.parent == last.outer.parent:
                last.append(one)
                continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _qualify(ordered: Iterable[_Found], source: bytes, *, scopes_are_types: bool) -> Iterator[Definition]:
    owners: list[tuple[int, int, str, str]] = []  # start, end, qualified name, kind
    for one in ordered:
        while owners and (one.start >= owners[-1][1] or one.end > owners[-1][1] or (one.start, one.end) == owners[-1][:2]):
            owners.pop()
        owner, name = _name(source[one.name.start_byte : one.name.end_byte], one.kind)
        if not name:
            continue
        path = [owners[-1][2]] if owners and not (one.kind == "macro" and owners[-1][3] in _FUNCTIONS) else []
        path += [part for part in (one.scope, owner) if part]
        kind = one.kind
        if kind == "namespace" and "." in name:
            outer, _, name = name.rpartition(".")
            path.append(outer)
        if kind == "function" and ((one.scope and scopes_are_types) or (owners and owners[-1][3] in _TYPES)):
            kind = "method"
        qualified = ".".join((*path, name))
        if kind not in _WITHOUT_MEMBERS:
            owners.append((one.start, one.end, qualified, kind))
        yield _definition(one, name, qualified, kind, source)


def _definition(one: _Found, name: str, qualified: str, kind: str, source: bytes) -> Definition:
    end, end_line = one.end, one.last.end_point.row + 1
    while end > one.start and source[end - 1] in b"\r\n":  # a directive's line feed belongs to it in some grammars
        end_line -= source[end - 1] == 0x0A
        end -= 1
    return Definition(
        name=name,
        qualified_name=qualified,
        kind=kind,
        line=one.name.start_point.row + 1,
        byte_start=one.start,
        byte_end=end,
        start_line=one.outer.start_point.row + 1,
        end_line=end_line,
        signature=_signature(one.inner, source),
    )


def _signature(node: Node, source: bytes) -> str:
    """Return the definition up to its body, on one line, or its first line when it has none."""
    start, end = node.start_byte, node.end_byte
    for field in _BODY_FIELDS:
        body = node.child_by_field_name(field)
        if body is not None and body.start_byte > start:
            end = body.start_byte
            break
    else:
        line_end = source.find(b"\n", start, end)
        end = end if line_end < 0 else line_end
    head = source[start : min(end, start + 4 * _SIGNATURE_CHARACTERS)]
    line = _text(head).replace("( ", "(").replace(", )", ")").replace(" )", ")")
    return line[:_SIGNATURE_CHARACTERS].rstrip(" {:=;") or line[:_SIGNATURE_CHARACTERS]
