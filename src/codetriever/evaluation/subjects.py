"""What does a commit's subject ask, once what only its author would know is taken off?

Ticket numbers, prefixes and file names would either tell the answer or mean nothing; subjects that describe no code at all
(releases, reverts, bumps) ask nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_TICKETS = re.compile(
    r"""
    [(\[]\s*(?:\w+[ ])?(?:[#]|GH-|PR[ ]?[#]?|issue[ ][#]?)\d+(?:\s*,\s*[#]?\d+)*\s*[)\]]   # (#12)  [Fix #12]
    | \b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|see|issue|pr)\b:?\s+(?:[\w./-]+)?[#]\d+  # fixes #12  issue owner/name#12
    | [\w./-]*[#]\d+\b                                                                     # #12
    | \b(?:GH|PR)-?[ ]?\d+\b
    | [(\[]?\b[A-Z][A-Z0-9]+-\d+\b[)\]]?                                                   # LANG-12
    | https?://\S+
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CASED_TICKET = re.compile(r"^[(\[]?[A-Z][A-Z0-9]+-\d+")
_TAGS = re.compile(r"^(?:\s*[\[(][^\])]{1,40}[\])]\s*:?)+\s*")
_PREFIX = re.compile(r"^(?:[\w./*{}<>@+-]+(?:\([^)]*\))?(?:\s*[,&|]\s*[\w./*{}@+-]+)*!?)\s*:(?!:)\s+")
_EMOJI = re.compile(r":[a-z_]+:|[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_DANGLING = re.compile(r"(?:\s+(?:in|for|of|from|to|on|at|with|and|by|into|the|a|see|as))+$", re.IGNORECASE)
_DULL = re.compile(
    r"""^(?:
    bump|release|merge|revert|wip\b|version|v?\d+\.\d+|prepare\s+(?:for|v|release|next)|typos?\b|fix(?:e[sd])?\s+(?:a\s+|some\s+|the\s+|minor\s+)?typos?
    |update[sd]?\s+(?:dependenc|changelog|version|readme|copyright|translation|submodule|license|authors)|upgrade\s+dependenc
    |(?:apply|address|respond\s+to)\s+.*(?:review|suggestion|comment|feedback)|code\s+review|review\s+(?:comment|feedback)
    |(?:run|apply)\s+.*(?:format|lint|black|fmt|prettier|rubocop|autocorrect)|(?:re)?format|lint|clean\s?up|whitespace|minor\b|misc\b|nit\b|oops
    |.*\bcopyright\b|(?:add(?:ed)?|fix(?:ed)?|update[sd]?|more|improved?)\s+(?:a\s+|some\s+|more\s+|missing\s+|unit\s+|broken\s+|failing\s+)*tests?\s*$
    |initial\s+(?:commit|import)|add\s+(?:a\s+)?changelog|fix(?:e[sd])?\s+(?:the\s+)?(?:build|ci|lint|tests?|warnings?|style|formatting|whitespace|indentation)\s*$
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_SHORTEST_WORDS = 4
_LONGEST_CHARACTERS = 200


def path_endings(paths: Iterable[str]) -> frozenset[str]:
    """Every way to name the files by the end of their path: "a/b/c.py", "b/c.py" and "c.py"."""
    return frozenset(path[at:] for path in paths for at in (0, *(found.end() for found in re.finditer("/", path))))


def clean_subject(subject: str, endings: Collection[str] = frozenset()) -> str:
    """The question that a commit subject asks, or "" when it asks none.

    Words that name a file of the repository are taken out; `endings` are the repository's `path_endings`.
    """
    text = _EMOJI.sub(" ", subject.replace("`", ""))
    text = _TICKETS.sub(_drop_ticket, text)
    text = _strip_prefixes(text.strip())
    text = " ".join(word for word in text.split() if not _names_file(word, endings))
    text = re.sub(r"\(\s*\)|\[\s*\]", " ", text)
    text = _DANGLING.sub("", " ".join(text.split()).strip(" .,:;-–"))
    if _DULL.match(text) or len(text) > _LONGEST_CHARACTERS or len(_WORD.findall(text)) < _SHORTEST_WORDS:
        return ""
    return text


def _drop_ticket(found: re.Match[str]) -> str:
    word = found.group()
    tracker = re.match(r"^[(\[]?([A-Za-z][A-Za-z0-9]+)-\d+", word)
    if tracker and not _CASED_TICKET.match(word) and tracker.group(1).upper() not in {"GH", "PR"}:
        return word  # "utf-8", "sha-256": a name with a number, not a ticket
    if tracker and tracker.group(1) in {"UTF", "ISO", "SHA", "RFC", "MD", "CVE", "HTTP", "TLS", "X", "ES", "AES", "BASE", "UCS", "CP"}:
        return word
    return " "


def _strip_prefixes(text: str) -> str:
    for _ in range(3):
        shorter = _PREFIX.sub("", _TAGS.sub("", text), count=1)
        if shorter == text:
            break
        text = shorter
    return text


def _names_file(word: str, endings: Collection[str]) -> bool:
    bare = word.strip("\"'()[]<>,;:!?").rstrip(".").lstrip("./")
    return ("." in bare or "/" in bare) and bare in endings
