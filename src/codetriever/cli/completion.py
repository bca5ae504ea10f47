"""`completion`: the script that lets a shell complete verbs, options and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.arguments import PROGRAM, Parser, add_option
from codetriever.cli.command import OPTIONS, ROLES, SHELLS, VERBS
from codetriever.cli.fish import fish_script
from codetriever.config import BY_NAME
from codetriever.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetriever.cli.command import Command, Verb
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "roles": ROLES,
    "color": BY_NAME["color"].choices,
}
_INSTALL: Final[Mapping[str, str]] = {
    "bash": f"{PROGRAM} completion bash > ~/.local/share/bash-completion/completions/{PROGRAM}",
    "fish": f"{PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish",
    "zsh": f"{PROGRAM} completion zsh > a folder of $fpath, as _{PROGRAM}",
    "tcsh": f"{PROGRAM} completion tcsh > ~/.{PROGRAM}.tcsh, and source it in ~/.tcshrc",
}


def completion(command: Command, settings: Settings, screen: Screen) -> int:
    """Run `completion SHELL`."""
    shell = command.words[0]
    if shell not in SHELLS:
        raise InvalidArguments(f"There is no completion for {shell!r}.", hint=f"Shells are {', '.join(SHELLS)}.")
    screen.line(script(shell))
    if screen.is_terminal:
        screen.note(f"to install: {_INSTALL[shell]}")
    return 0


def script(shell: str) -> str:
    """Return the script for one of `SHELLS`."""
    if shell == "fish":
        return fish_script(_VALUES)
    import shtab

    parser = Parser(prog=PROGRAM, add_help=False)
    _describe(parser, VERBS["search"], shtab.FILE)
    verbs = parser.add_subparsers(dest="verb", parser_class=Parser)
    for verb in VERBS.values():
        _describe(verbs.add_parser(verb.name, help=verb.help, add_help=False), verb, shtab.FILE)
    return str(shtab.complete(parser, shell=shell))


def _describe(parser: Parser, verb: Verb, files: Any) -> None:
    """Tell shtab a verb's options, the values they take, and that its words are files."""
    for name in verb.options:
        action = add_option(parser, OPTIONS[name])
        if action.dest in _VALUES and not action.choices:
            action.choices = _VALUES[action.dest]
        if OPTIONS[name].metavar == "FOLDER":
            action.complete = files  # type: ignore[attr-defined]
    parser.add_argument("-h", "--help", action="help", help="show this and exit")
    if verb.name == "completion":
        parser.add_argument("words", choices=SHELLS)
    elif verb.words and parser.prog != PROGRAM:
        parser.add_argument("words", nargs="*").complete = files  # type: ignore[attr-defined]
