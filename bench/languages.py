"""What is extracted from each language, and which share of Universal Ctags' definitions is found?

    python bench/languages.py --write docs/languages.md owner/name=CHECKOUT ...

Every file of the checkouts is classified as the indexer does it. For each language that ctags knows, its functions, methods and
types are compared with ours by name and line. What is left out of the comparison, and why, is in `NOT_DEFINITIONS`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from codetriever.chunking import cut
from codetriever.chunking.components import TEMPLATES
from codetriever.chunking.grammars import GRAMMARS
from codetriever.chunking.parse import query_text
from codetriever.corpus.classify import classify
from codetriever.types import KINDS

# Our name of a language, the name ctags has for it, and ctags' kinds of functions, methods and types.
CTAGS = {
    "bash": ("Sh", "function"),
    "c": ("C", "enum function struct typedef union"),
    "cpp": ("C++", "class enum function struct typedef union"),
    "csharp": ("C#", "class enum interface method struct typedef"),
    "elixir": ("Elixir", "delegate exception function guard macro module protocol implementation"),
    "go": ("Go", "func interface methodSpec struct talias type"),
    "haskell": ("Haskell", "function type"),
    "java": ("Java", "annotation class enum interface method"),
    "javascript": ("JavaScript", "class function generator getter method setter"),
    "kotlin": ("Kotlin", "class interface method object typealias"),
    "lua": ("Lua", "function"),
    "perl": ("Perl", "package subroutine"),
    "php": ("PHP", "class function interface trait"),
    "powershell": ("PowerShell", "function"),
    "python": ("Python", "class function member"),
    "ruby": ("Ruby", "class method module singletonMethod"),
    "rust": ("Rust", "enum function implementation interface method struct typedef"),
    "sql": ("SQL", "function procedure table trigger view"),
    "tsx": ("TypeScript", "alias class enum function generator interface method"),
    "typescript": ("TypeScript", "alias class enum function generator interface method"),
}

# Lines on which ctags reports what is no definition: the name is a sign for something else.
NOT_DEFINITIONS = {
    ("javascript", "class"): re.compile(rb"^(?!.*\b(class|function)\b)"),  # a variable that holds an object
    ("typescript", "alias"): re.compile(rb"^(?!.*\btype\s+\w+\s*[<=]|.*\btype\s+\w+\s*$)"),  # a type that is imported or exported
    ("tsx", "alias"): re.compile(rb"^(?!.*\btype\s+\w+\s*[<=]|.*\btype\s+\w+\s*$)"),
    ("kotlin", "method"): re.compile(rb"^(?!.*\b(fun|constructor|init|get|set)\b)"),  # a call with a lambda
    ("csharp", "typedef"): re.compile(rb"^\s*(global\s+)?using\b"),  # a using directive
}
# A definition of these is one from its signature to its last equation; ctags reports the first equation.
SPANNING = frozenset({"haskell"})
UNNAMED = re.compile(r"^(__anon|Anonymous(Function|Class)|anonymous|<lambda>|instance$)|=$")


@dataclass
class Measured:
    """One language over all checkouts; sizes in bytes, seconds of processor time of `cut`."""

    files: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    chunks: int = 0
    expected: int = 0
    found: int = 0
    missed: list[str] = field(default_factory=list)


def find_sources(checkouts: dict[str, Path]) -> dict[str, list[tuple[str, Path]]]:
    sources = defaultdict(list)
    for name, root in checkouts.items():
        listing = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, check=True).stdout
        for path in listing.decode("utf-8", "surrogateescape").split("\0"):
            file = root / path
            if not path or not file.is_file() or file.is_symlink() or file.stat().st_size > 2_000_000:
                continue
            data = file.read_bytes()
            language = classify(path, data).language
            if language in GRAMMARS and b"\0" not in data:
                sources[language].append((f"{name}/{path}", file))
    return sources


def ask_ctags(language: str, files: list[Path]) -> dict[str, list[tuple[str, int, str]]]:
    """Return (name, line, kind) of every function, method and type that ctags finds, by file."""
    their_name, kinds = CTAGS[language]
    command = ["ctags", "--output-format=json", "--fields=+nK", f"--language-force={their_name}", "-f", "-", "-L", "-"]
    answer = subprocess.run(command, input="\n".join(map(str, files)).encode(), capture_output=True, check=True).stdout
    tags = defaultdict(list)
    for line in answer.decode("utf-8", "replace").splitlines():
        try:
            tag = json.loads(line)
        except ValueError:  # a line of source that ctags does not escape
            continue
        if tag.get("kind") in kinds.split() and not UNNAMED.search(tag["name"]):
            tags[tag["path"]].append((tag["name"], tag["line"], tag["kind"]))
    return tags


def _last_part(name: str) -> str:
    """Make `owner.name`, `owner:name` and `Owner::name` into `name`: tools differ in how much of the owner they put in a name."""
    return re.split(r"[.:]+", name.replace(" ", ""))[-1]


def measure(language: str, sources: list[tuple[str, Path]]) -> Measured:
    result = Measured(files=len(sources))
    tags = ask_ctags(language, [file for _, file in sources]) if language in CTAGS else {}
    for name, file in sources:
        data = file.read_bytes()
        start = time.process_time()
        pieces = cut(data, language)
        result.seconds += time.process_time() - start
        result.size_bytes += len(data)
        result.chunks += len(pieces.chunks)
        ours = {(_last_part(one.name), one.line) for one in pieces.definitions}
        if language in SPANNING:
            ours = {(_last_part(one.name), line) for one in pieces.definitions for line in range(one.start_line, one.end_line + 1)}
        lines = data.split(b"\n")
        if not pieces.parser:  # minified
            continue
        for their_name, line, kind in tags.get(str(file), ()):
            exception = NOT_DEFINITIONS.get((language, kind))
            if exception is not None and exception.search(lines[line - 1]):
                continue
            result.expected += 1
            if (_last_part(their_name), line) in ours:
                result.found += 1
            else:
                result.missed.append(f"{name}:{line} {kind} {their_name}")
    return result


def kinds_of(language: str) -> list[str]:
    captured = set(re.findall(r"@definition\.(\w+)", query_text(language, "definitions")))
    if "function" in captured and captured & {"class", "struct", "impl", "trait", "interface"}:
        captured.add("method")
    return [kind for kind in KINDS if kind in captured]


def as_rows(measured: dict[str, Measured]) -> list[str]:
    rows = []
    for language in sorted(name for name in GRAMMARS if kinds_of(name)):
        one = measured.get(language, Measured())
        share = (
            f"{100 * one.found / one.expected:.1f} % of {one.expected:,}"
            if one.expected
            else "not known to ctags" * (language not in CTAGS)
        )
        speed = f"{one.size_bytes / one.seconds / 1e6:.1f}" if one.seconds and one.size_bytes > 200_000 else ""
        references = "yes" if query_text(language, "references").strip() else ""
        rows.append(f"| {language} | {', '.join(kinds_of(language))} | {references} | {share or 'not measured'} | {speed} |")
    return rows


def commit_of(root: Path) -> str:
    command = ["git", "-C", root, "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode().strip()


PAGE = """\
# Languages

<!-- Made by bench/languages.py. -->

Of {count} languages the syntax is read. Chunks follow it where it has definitions; any other text is cut at headings, paragraphs and lines.

## With definitions

The share says how many of the functions, methods and types that Universal Ctags finds are found under the same name at the
same line. Speed is that of cutting, in MB per second of one core.

| language | definitions | references told apart | found of ctags' definitions | MB/s |
|---|---|---|---|---|
{rows}

## With syntax alone

Where a name is used, comments and strings are told from the rest.

{plain}.

## In parts

Components ({components}) are read by their parts: markup, scripts and styles each in their own language. Notebooks (jupyter) are
read cell by cell, without outputs. Minified text is cut by lines, and defines nothing.

## How it was measured

`python bench/languages.py --write docs/languages.md NAME=CHECKOUT ...` over these checkouts:

{commits}

Of a name such as `owner.name` the last part is compared. Not compared: what ctags names itself (`__anon...`); JavaScript variables
that hold an object, which ctags calls classes; imported types, which it calls aliases; C# using directives; Kotlin calls with a
lambda, which it calls methods. A Haskell definition is one from its signature to its last equation, and found when the line that
ctags gives lies in it.
"""


def as_page(measured: dict[str, Measured], checkouts: dict[str, Path]) -> str:
    return PAGE.format(
        count=len(GRAMMARS),
        rows="\n".join(as_rows(measured)),
        components=", ".join(sorted(TEMPLATES)),
        plain=", ".join(sorted(name for name in GRAMMARS if not kinds_of(name))),
        commits="\n".join(f"- {name} at {commit_of(root)}" for name, root in sorted(checkouts.items())),
    )


def show(language: str, one: Measured, missed: int) -> None:
    share = f"{one.found / one.expected:.3f} of {one.expected}" if one.expected else "-"
    speed = one.size_bytes / max(one.seconds, 1e-9) / 1e6
    size = one.size_bytes / max(one.chunks, 1)
    print(f"{language:12} {one.files:5} files {one.size_bytes / 1e6:7.2f} MB {speed:6.2f} MB/s {size:6.0f} bytes/chunk  {share}")
    for line in one.missed[:: max(1, len(one.missed) // missed)][:missed] if missed else ():
        print("   ", line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="+", metavar="NAME=CHECKOUT")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page here")
    parser.add_argument("--only", action="append", default=[], metavar="LANGUAGE")
    parser.add_argument("--missed", type=int, default=0, metavar="N", help="print N missed definitions of each language")
    options = parser.parse_args()
    checkouts = {name: Path(root) for name, _, root in (one.partition("=") for one in options.checkouts)}
    measured = {}
    for language, sources in sorted(find_sources(checkouts).items()):
        if options.only and language not in options.only:
            continue
        measured[language] = one = measure(language, sources)
        show(language, one, options.missed)
    if options.write:
        options.write.write_text(as_page(measured, checkouts), encoding="utf-8")


if __name__ == "__main__":
    main()
