"""In which language is this file, and what is it for? By extension, file name, first line, then content; some microseconds a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codetriever.corpus.languages import EXTENSIONS, INTERPRETERS, LANGUAGES, NAMES, WRAPPERS
from codetriever.corpus.languages_by_content import AMBIGUOUS, guess_language
from codetriever.corpus.roles import role_of
from codetriever.values import dataclass

if TYPE_CHECKING:
    from codetriever.types import Role

_SHEBANG = re.compile(rb"#!\s*(?:\S*/)?env(?:\s+-\S+|\s+\w+=\S*)*\s+(\S+)|#!\s*(\S+)")
_MODELINE = re.compile(rb"-\*-\s*(?:mode:\s*)?([\w+]+)\s*(?:;.*)?-\*-|\bvim?:.*\b(?:ft|filetype)=(\w+)")
_MODES = {
    "c++": "cpp",
    "js": "javascript",
    "sh": "bash",
    "shell": "bash",
    "makefile": "make",
    "cperl": "perl",
    "js2": "javascript",
    "conf": "ini",
}

_LANGUAGE_NAMES = frozenset(LANGUAGES)


@dataclass(frozen=True, slots=True)
class Classification:
    """A language of `languages.LANGUAGES`, "text" when it is none of them, and a role."""

    language: str
    role: Role


def classify(path: str, data: bytes) -> Classification:
    """Classify a file by its path and its bytes. Never raises; takes time that does not grow with the file."""
    language = _language(path.rpartition("/")[2].lower(), data)
    return Classification(language, role_of(path, language, data))


def _language(name: str, data: bytes) -> str:
    stem, dot, extension = name.rpartition(".")
    script = data[:2] == b"#!" and (not dot or not stem)
    if (found := NAMES.get(name)) is not None and not script:
        return found
    if dot:
        if extension in WRAPPERS and "." in stem and (inner := EXTENSIONS.get(stem.rpartition(".")[2])) is not None:
            extension, found = stem.rpartition(".")[2], inner
        else:
            found = EXTENSIONS.get(extension)
        if found is not None:
            return guess_language(extension, found, data) if extension in AMBIGUOUS else found
        if stem in NAMES:  # Dockerfile.dev, Makefile.linux, LICENSE.MIT
            return NAMES[stem]
    first = name.partition(".")[0] if dot else ""
    return _by_first_line(data) or NAMES.get(first, "") or guess_language("", "text", data)


def _by_first_line(data: bytes) -> str:
    """Read the interpreter after `#!`, or an editor's mode line."""
    head = data[:256]
    if head[:2] == b"#!" and (found := _SHEBANG.match(head)):
        program = (found[1] or found[2]).decode("latin-1").rsplit("/", 1)[-1].lower()
        if language := INTERPRETERS.get(program) or INTERPRETERS.get(program.rstrip("0123456789.-")):
            return language
    if found := _MODELINE.search(head):
        mode = (found[1] or found[2]).decode("latin-1").lower()
        mode = _MODES.get(mode, mode)
        if mode in _LANGUAGE_NAMES:
            return mode
    return ""
