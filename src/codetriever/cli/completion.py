"""`completion`: the script that lets a shell complete verbs, options and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetriever.agents.clients import CLIENTS
from codetriever.cli.arguments import PROGRAM, Parser, add_option
from codetriever.cli.command import OPTIONS, ROLES, VERBS
from codetriever.cli.fish import FILES, fish_script
from codetriever.config import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetriever.cli.command import Command, Verb
    from codetriever.cli.screen import Screen
    from codetriever.config import Settings

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "roles": ROLES,
    "color": BY_NAME["color"].choices,
}
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "install": tuple(CLIENTS),
    "uninstall": tuple(CLIENTS),
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
    screen.line(script(shell))
    if screen.is_terminal:
        screen.note(f"to install: {_INSTALL[shell]}")
    return 0


def script(shell: str) -> str:
    """Return the script for a shell."""
    if shell == "fish":
        return fish_script(_VALUES, _WORDS)
    import shtab

    parser = Parser(prog=PROGRAM, add_help=False)
    _describe(parser, VERBS["search"], shtab.FILE)
    verbs = parser.add_subparsers(dest="verb", parser_class=Parser)
    for verb in VERBS.values():
        _describe(verbs.add_parser(verb.name, help=verb.help, add_help=False), verb, shtab.FILE)
    return str(shtab.complete(parser, shell=shell))


def _describe(parser: Parser, verb: Verb, files: Any) -> None:
    """Tell shtab a verb's options, the values they take, and its words: what the first can be, and that others are files."""
    for name in verb.options:
        action = add_option(parser, OPTIONS[name])
        if action.dest in _VALUES and not action.choices:
            action.choices = _VALUES[action.dest]
        if OPTIONS[name].metavar in FILES:
            action.complete = files  # type: ignore[attr-defined]
    parser.add_argument("-h", "--help", action="help", help="show this and exit")
    if parser.prog == PROGRAM:
        return
    if verb.actions:
        parser.add_argument("action", choices=verb.actions)
    if verb.name in _WORDS:
        parser.add_argument("words", nargs="*", choices=_WORDS[verb.name])
    elif verb.words and (verb.most != 1 or not verb.actions):
        parser.add_argument("words", nargs="*").complete = files  # type: ignore[attr-defined]
