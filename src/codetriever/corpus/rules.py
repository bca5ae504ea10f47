"""Does a rule file ignore this path? Git's patterns, by git's own algorithm (`dir.c` and `wildmatch.c`), on bytes.

A rule file gives a verdict on a path or none at all; the first file of a chain, nearest folder first, that has one decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SPECIAL = re.compile(rb"[*?\[\\]")
_STAR = b"*"
_FOLDERS = b"**/"
_SPACE = frozenset(b" \t\n\v\f\r")
_CLASSES: dict[bytes, Callable[[int], bool]] = {
    b"alnum": lambda byte: _in(byte, b"09", b"AZ", b"az"),
    b"alpha": lambda byte: _in(byte, b"AZ", b"az"),
    b"blank": lambda byte: byte in b" \t",
    b"cntrl": lambda byte: byte < 32 or byte == 127,
    b"digit": lambda byte: _in(byte, b"09"),
    b"graph": lambda byte: 33 <= byte < 127,
    b"lower": lambda byte: _in(byte, b"az"),
    b"print": lambda byte: 32 <= byte < 127,
    b"punct": lambda byte: 33 <= byte < 127 and not _in(byte, b"09", b"AZ", b"az"),
    b"space": lambda byte: byte in _SPACE,
    b"upper": lambda byte: _in(byte, b"AZ"),
    b"xdigit": lambda byte: _in(byte, b"09", b"AF", b"af"),
}


def _in(byte: int, *ranges: bytes) -> bool:
    return any(first <= byte <= last for first, last in ranges)


class _NeverMatches(Exception):
    """A pattern that git's matcher gives up on."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of a rule file. `match` sees the basename when `by_name`, else the path below the rule file's folder."""

    text: str
    line: int
    match: Callable[[bytes], object]
    by_name: bool
    negative: bool
    folders_only: bool


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The patterns of one file. `base` is the folder they apply below, as bytes ending in `/`, or empty; `source` names the file.

    With `fold` they are compared with paths in lower case.

    Most paths fit no pattern: `names`, `suffixes`, `paths`, `name_search` and `path_search` say so at once.
    """

    source: str
    base: bytes
    fold: bool
    patterns: tuple[Pattern, ...]
    names: frozenset[bytes]
    suffixes: tuple[bytes, ...]
    paths: frozenset[bytes]
    name_search: Callable[[bytes], object] | None
    path_search: Callable[[bytes], object] | None

    def decide(self, folder: bytes, name: bytes, is_folder: bool) -> Pattern | None:
        """Return the last pattern that fits `folder + name`, or None."""
        below = folder[len(self.base) :] + name
        if self.fold:
            below, name = below.lower(), name.lower()
        if not (
            name in self.names
            or name.endswith(self.suffixes)
            or below in self.paths
            or (self.name_search is not None and self.name_search(name))
            or (self.path_search is not None and self.path_search(below))
        ):
            return None
        for pattern in reversed(self.patterns):
            if (is_folder or not pattern.folders_only) and pattern.match(name if pattern.by_name else below):
                return pattern
        return None


def parse_rules(data: bytes, *, source: str = "", base: bytes = b"", ignore_case: bool = False) -> RuleFile:
    """Read a rule file's bytes; a line that git could not use is left out."""
    names: list[bytes] = []
    suffixes: list[bytes] = []
    paths: list[bytes] = []
    name_globs: list[bytes] = []
    path_globs: list[bytes] = []
    patterns: list[Pattern] = []
    for number, line in _numbered_lines(data):
        body = line.removeprefix(b"!")
        folders_only = body.endswith(b"/")
        glob = body[:-1] if folders_only else body
        by_name = b"/" not in glob
        glob = glob.removeprefix(b"/")
        if not glob:
            continue
        special = _SPECIAL.search(glob)
        match: Callable[[bytes], object]
        if special is None:
            glob = glob.lower() if ignore_case else glob
            match = glob.__eq__
            (names if by_name else paths).append(glob)
        elif by_name and glob[:1] == b"*" and not _SPECIAL.search(glob, 1):
            suffix = glob[1:].lower() if ignore_case else glob[1:]
            match = _ends_with(suffix)
            suffixes.append(suffix)
        else:
            try:
                expression = translate(glob, fold=ignore_case)
            except _NeverMatches:
                continue
            match = re.compile(expression, re.DOTALL).fullmatch
            (name_globs if by_name else path_globs).append(expression)
        patterns.append(Pattern(line.decode("utf-8", "replace"), number, match, by_name, line[:1] == b"!", folders_only))
    return RuleFile(
        source=source,
        base=base,
        fold=ignore_case,
        patterns=tuple(patterns),
        names=frozenset(names),
        suffixes=tuple(suffixes),
        paths=frozenset(paths),
        name_search=_any_of(name_globs),
        path_search=_any_of(path_globs),
    )


def is_ignored(chain: Iterable[RuleFile], folder: bytes, name: bytes, is_folder: bool) -> bool:
    """Say whether the rule files, nearest first, ignore `folder + name`; its parents are the caller's to ask about."""
    found = deciding_rule(chain, folder, name, is_folder)
    return found is not None and not found[1].negative


def deciding_rule(chain: Iterable[RuleFile], folder: bytes, name: bytes, is_folder: bool) -> tuple[RuleFile, Pattern] | None:
    """Return the pattern that decides about `folder + name`, and whose it is; None when no rule file has a verdict."""
    for rules in chain:
        pattern = rules.decide(folder, name, is_folder)
        if pattern is not None:
            return rules, pattern
    return None


def _ends_with(suffix: bytes) -> Callable[[bytes], bool]:
    return lambda name: name.endswith(suffix)


def _any_of(expressions: list[bytes]) -> Callable[[bytes], object] | None:
    if not expressions:
        return None
    return re.compile(b"|".join(b"(?:%b)" % one for one in expressions), re.DOTALL).fullmatch


def _numbered_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line[:1] != b"#":
            text = _without_trailing_spaces(line.removesuffix(b"\r").partition(b"\0")[0])
            if text:
                yield number, text


def _without_trailing_spaces(line: bytes) -> bytes:
    """Drop spaces at the end unless a backslash quotes them."""
    end = len(line.rstrip(b" "))
    if end < len(line):
        backslashes = end - len(line[:end].rstrip(b"\\"))
        end += backslashes % 2
    return line[:end]


def translate(glob: bytes, *, fold: bool = False) -> bytes:
    """Turn a git pattern into a regular expression for the whole path, as git's `wildmatch` with WM_PATHNAME reads it.

    With `fold` the expression is one for paths in lower case; an escaped capital then matches nothing, as in git. Of several stars
    only the last backtracks (what precedes another star may as well be found as far left as it can be), so that no pattern takes
    more than quadratic time.
    """
    parts: list[list[bytes]] = [[]]
    for token in _tokens(glob, fold):
        if token == _FOLDERS:
            parts.append([])
        else:
            parts[-1].append(token)
    first, *rest = [_expression_of_folders(part) for part in parts]
    if not rest:
        return first
    return first + b"".join(b"(?>(?:.*?/)??%b)" % part for part in rest[:-1]) + b"(?:.*/)?" + rest[-1]


def _expression_of_folders(tokens: list[bytes]) -> bytes:
    """Join tokens between two `**/`: within one folder's name every star but the last stands for as little as possible."""
    names = []
    for name in _split(tokens, b"/"):
        first, *rest = [b"".join(piece) for piece in _split(name, _STAR)]
        names.append(first + b"".join(b"(?>[^/]*?%b)" % piece for piece in rest[:-1]) + (b"[^/]*" + rest[-1] if rest else b""))
    return b"/".join(names)


def _split(tokens: list[bytes], separator: bytes) -> list[list[bytes]]:
    pieces: list[list[bytes]] = [[]]
    for token in tokens:
        if token == separator:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces


def _tokens(glob: bytes, fold: bool) -> Iterator[bytes]:
    """Yield `_STAR`, `_FOLDERS`, a slash, or an expression of fixed length (but for `.*`, which a `**` at the end is).

    Git compares the literal beginning first and hands over only the rest, so `**` right after it counts as a leading `**`.
    """
    special = _SPECIAL.search(glob)
    start = position = special.start() if special else len(glob)
    yield _literal(glob[:start], fold)
    while position < len(glob):
        character = glob[position : position + 1]
        if character == b"*":
            token, position = _stars(glob, start, position)
        elif character == b"?":
            token, position = b"[^/]", position + 1
        elif character == b"[":
            token, position = _bracket(glob, position + 1, fold)
        elif character == b"\\":
            if position + 1 == len(glob):
                raise _NeverMatches
            token, position = re.escape(glob[position + 1 : position + 2]), position + 2
        else:
            token, position = _literal(character, fold), position + 1
        yield token


def _literal(text: bytes, fold: bool) -> bytes:
    return re.escape(text.lower() if fold else text)


def _stars(glob: bytes, start: int, position: int) -> tuple[bytes, int]:
    end = position
    while glob[end : end + 1] == b"*":
        end += 1
    leads = position == start or glob[position - 1 : position] == b"/"
    if end - position >= 2 and leads:
        if end == len(glob) or glob[end : end + 2] == b"\\/":
            return b".*", end
        if glob[end : end + 1] == b"/":
            return _FOLDERS, end + 1
    return _STAR, end


def _bracket(glob: bytes, position: int, fold: bool) -> tuple[bytes, int]:
    """Read a set from the byte after its `[` and return its expression and where the pattern goes on."""
    negated = glob[position : position + 1] in (b"!", b"^")
    position += negated
    members: set[int] = set()
    previous = 0
    first = True
    while first or glob[position : position + 1] != b"]":
        first = False
        byte = _at(glob, position)
        following = glob[position + 1 : position + 2]
        if byte == 0x5C:
            position += 1
            byte = _at(glob, position)
            members.add(byte)
        elif byte == 0x2D and previous and following and following != b"]":
            position += 1
            byte = _at(glob, position)
            if byte == 0x5C:
                position += 1
                byte = _at(glob, position)
            members.update(_range(previous, byte, fold))
            byte = 0
        elif byte == 0x5B and following == b":":
            position, byte = _named_class(glob, position, members, fold)
        else:
            members.add(byte)
        previous = byte
        position += 1
    members = set(range(256)) - members if negated else members
    members.discard(0x2F)
    if not members:
        raise _NeverMatches
    return b"[%b]" % b"".join(b"\\x%02x" % byte for byte in sorted(members)), position + 1


def _named_class(glob: bytes, position: int, members: set[int], fold: bool) -> tuple[int, int]:
    """Read `[:name:]`, whose `[` is at `position`; what is no named class stands for its bracket."""
    end = glob.find(b"]", position + 2)
    if end < 0:
        raise _NeverMatches
    if end - position < 3 or glob[end - 1 : end] != b":":
        members.add(0x5B)
        return position, 0x5B
    holds = _CLASSES.get(glob[position + 2 : end - 1])
    if holds is None:
        raise _NeverMatches
    members.update(byte for byte in range(256) if holds(byte))
    if fold and glob[position + 2 : end - 1] == b"upper":
        members.update(b"abcdefghijklmnopqrstuvwxyz")
    return end, 0


def _range(first: int, last: int, fold: bool) -> Iterable[int]:
    yield from range(first, last + 1)
    if fold:
        yield from (byte for byte in range(ord("a"), ord("z") + 1) if first <= byte - 32 <= last)


def _at(glob: bytes, position: int) -> int:
    if position >= len(glob):
        raise _NeverMatches
    return glob[position]
