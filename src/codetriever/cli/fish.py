"""What does fish complete? shtab knows the other shells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetriever.cli.arguments import PROGRAM
from codetriever.cli.command import OPTIONS, VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codetriever.cli.command import Option

FILES = ("FOLDER", "FILE")
"""How the table of options calls what a path completes."""
_NO_VERB = f"not __fish_seen_subcommand_from {' '.join(VERBS)}"


def fish_script(values: Mapping[str, tuple[str, ...]], words: Mapping[str, tuple[str, ...]]) -> str:
    """Return the script; `values` are those that an option takes, by its field, where the table of options does not say.

    `words` are those that a verb takes, by its name, where the table of verbs does not say and they are no files.
    """
    return "\n".join([f"# fish completion of {PROGRAM}", *_lines(values, words), ""])


def _lines(values: Mapping[str, tuple[str, ...]], words: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for verb in VERBS.values():
        yield f"complete -c {PROGRAM} -n __fish_use_subcommand -a {verb.name} -d {_quoted(verb.help)}"
    for name in VERBS["search"].options:
        yield _option_line(OPTIONS[name], _NO_VERB, values)
    for verb in VERBS.values():
        seen = f"__fish_seen_subcommand_from {verb.name}"
        for name in verb.options:
            yield _option_line(OPTIONS[name], seen, values)
        if first := verb.actions or words.get(verb.name):
            yield f"complete -c {PROGRAM} -f -n {_quoted(seen)} -a {_quoted(' '.join(first))}"
    yield f"complete -c {PROGRAM} -s h -l help -d 'show this and exit'"


def _option_line(option: Option, condition: str, values: Mapping[str, tuple[str, ...]]) -> str:
    flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
    line = f"complete -c {PROGRAM} -n {_quoted(condition)} {flags} -d {_quoted(option.help)}"
    choices = option.choices or values.get(option.field, ())
    if choices:
        return f"{line} -x -a {_quoted(' '.join(choices))}"
    if option.metavar:
        return f"{line} -r" + (" -F" if option.metavar in FILES else " -f")
    return line


def _quoted(text: str) -> str:
    """Write a text so that fish reads it as it is."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
