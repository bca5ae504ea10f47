"""Which source files does a checkout hold that are its own work?"""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE_BYTES = 200_000
MIN_COPY_CHARS = 400  # shorter files are alike by chance

LANGUAGES = {
    ".bash": "bash",
    ".c": "c",
    ".cc": "cpp",
    ".clj": "clojure",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".dart": "dart",
    ".erl": "erlang",
    ".ex": "elixir",
    ".exs": "elixir",
    ".fs": "fsharp",
    ".go": "go",
    ".groovy": "groovy",
    ".h": "c",
    ".hpp": "cpp",
    ".hs": "haskell",
    ".java": "java",
    ".jl": "julia",
    ".js": "javascript",
    ".jsx": "javascript",
    ".kt": "kotlin",
    ".lua": "lua",
    ".mjs": "javascript",
    ".ml": "ocaml",
    ".php": "php",
    ".pl": "perl",
    ".pm": "perl",
    ".ps1": "powershell",
    ".psm1": "powershell",
    ".py": "python",
    ".r": "r",
    ".rb": "ruby",
    ".rs": "rust",
    ".scala": "scala",
    ".sh": "bash",
    ".sql": "sql",
    ".swift": "swift",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".zig": "zig",
    ".zsh": "bash",
}
PROSE = frozenset({".md", ".rst", ".adoc", ".txt"})

# Folders of other people's code (other licences, and perhaps the very projects that quality is measured on) and of built files.
_FOREIGN = re.compile(
    r"""(?:^|/)(?:
    _?vendor(?:ed)? | (?:third|3rd)[_-]?part(?:y|ies) | externals? | extern | deps | node_modules | bundled
    | google(?:test|mock)(?:-[\d.]+)? | gtest | gmock | facil\.io | dist | generated
    )/ | ^dependencies/""",
    re.VERBOSE,
)
_GENERATED = (".min.js", ".pb.go", "_pb2.py", ".pb.cc", ".pb.h", ".g.dart", ".d.ts", ".generated.cs")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a checkout. `language` is "" for prose."""

    checkout: str
    path: str
    language: str
    text: str


def iter_files(checkout: Path, *, prose: bool = False) -> Iterator[SourceFile]:
    """Yield the checkout's source files (and prose) by path: text of its own, small enough to be written by people."""
    for file in sorted(checkout.rglob("*")):
        path = file.relative_to(checkout).as_posix()
        if not is_own(path) or file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_FILE_BYTES:
            continue
        suffix = file.suffix.lower()
        if suffix in LANGUAGES or (prose and suffix in PROSE):
            text = file.read_bytes().decode("utf-8", errors="replace")
            if "\0" not in text:
                yield SourceFile(checkout.name, path, LANGUAGES.get(suffix, ""), text)


def digest(text: str) -> bytes:
    """Return what tells a file's text from others, white space apart."""
    return hashlib.blake2b("".join(text.split()).encode(errors="replace"), digest_size=16).digest()


def is_own(path: str) -> bool:
    """True for a path that neither holds others' code nor a program's output."""
    lower = path.lower()
    return not _FOREIGN.search(lower) and not lower.endswith(_GENERATED) and ".git" not in lower.split("/")


def head_commit(checkout: Path) -> str:
    """Return the commit of a checkout, or what the file beside it named `<checkout>.commit` says."""
    noted = checkout.with_name(checkout.name + ".commit")
    if noted.exists():
        return noted.read_text().strip()
    return subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
