"""What was typed? From the words of a command line to a `Command`, without looking at anything else."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

from codetriever.cli.command import OPTIONS, SETTING_NAMES, VERBS, Command, Option, Verb
from codetriever.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import SupportsWrite

PROGRAM: Final = "codetriever"
_LARGEST_NUMBER: Final = 1_000_000
_UNKNOWN: Final = "unrecognized arguments: "  # so argparse says


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise `InvalidArguments`."""
        hint = f"`{self.prog} --help` shows what there is."
        if message.startswith(_UNKNOWN):
            import difflib

            flag = message.removeprefix(_UNKNOWN).split()[0].partition("=")[0]
            near = difflib.get_close_matches(flag, self._option_string_actions, n=1)
            hint = f"Did you mean {near[0]}? {hint}" if near else hint
        raise InvalidArguments(message[:1].upper() + message[1:].rstrip(".?") + ".", hint=hint)

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Write the help; unlike in the parent class an error while writing is one."""
        (file or sys.stdout).write(self.format_help())


def parse(argv: Sequence[str]) -> Command:
    """Read a command line (without the program's name); raises `InvalidArguments`, and `SystemExit` for help and version."""
    argv = list(argv)
    position = _first_word(argv)
    is_verb_typed = position is not None and argv[position] in VERBS
    verb = VERBS[argv.pop(position)] if is_verb_typed and position is not None else VERBS["search"]
    parser = verb_parser(verb) if is_verb_typed else top_parser()
    options, words = _split(argv)
    values = vars(parser.parse_intermixed_args(options))
    words = (*values.pop("words"), *words) or (("list",) if verb.lists else ())
    _check_words(verb, words, parser)
    settings = {name: values.pop(name) for name in tuple(values) if name in SETTING_NAMES}
    listed: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Command(verb=verb.name, is_verb_typed=is_verb_typed, words=words, settings=settings, **listed)


def _split(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Part the words at the first `--`: what follows it is never an option."""
    if "--" not in argv:
        return list(argv), ()
    position = argv.index("--")
    return list(argv[:position]), tuple(argv[position + 1 :])


def _first_word(argv: Sequence[str]) -> int | None:
    """Return the position of the first word that is neither an option nor an option's value; None when `--` comes before it."""
    takes_value = {flag for option in OPTIONS.values() if option.metavar for flag in option.flags}
    position = 0
    while position < len(argv) and argv[position].startswith("-") and argv[position] not in ("-", "--"):
        position += 2 if argv[position] in takes_value else 1
    return position if position < len(argv) and argv[position] != "--" else None


def _check_words(verb: Verb, words: Sequence[str], parser: Parser) -> None:
    if len(words) < verb.least:
        parser.error("no query was given" if verb.name == "search" else f"`{verb.name}` needs {verb.words}")
    if verb.most is not None and len(words) > verb.most:
        parser.error(f"`{verb.name}` takes {verb.words or 'no words'}, and {words[verb.most]!r} is one too many")
    if verb.actions and words and words[0] not in verb.actions:
        *others, last = verb.actions
        raise InvalidArguments(f"`{verb.name}` does not know {words[0]!r}.", hint=f"Say {', '.join(others)} or {last}.")


def top_parser() -> Parser:
    """Return the parser of a line without a verb; its help is the program's."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb.name:{width}}  {verb.help}" for verb in VERBS.values())
    parser = _bare_parser(
        PROGRAM,
        usage=f'{PROGRAM} "QUERY" [PATH...] [options]\n       {PROGRAM} VERB [words] [options]',
        description="Find code by meaning. Without a PATH the working directory is searched; the first time, its repository is indexed."
        f"\n\nverbs:\n{verbs}",
        epilog=f"`{PROGRAM} VERB --help` shows the options of a verb; `{PROGRAM} -- VERB` looks for the word itself.",
    )
    group = _add(parser, VERBS["search"])
    from codetriever import __version__

    group.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}", help="show the version and exit")
    return parser


def verb_parser(verb: Verb) -> Parser:
    """Return the parser of one verb."""
    examples = "\n".join(f"  {line}" for line in verb.examples)
    parser = _bare_parser(
        f"{PROGRAM} {verb.name}",
        usage=" ".join(filter(None, (PROGRAM, verb.name, verb.words, "[options]"))),
        description=verb.help[0].upper() + verb.help[1:] + ".",
        epilog=f"examples:\n{examples}" if examples else "",
    )
    _add(parser, verb)
    return parser


def _bare_parser(program: str, *, usage: str, description: str, epilog: str) -> Parser:
    return Parser(
        prog=program,
        usage=usage,
        description=description,
        epilog=epilog,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28),
        allow_abbrev=False,
        add_help=False,
    )


def _add(parser: Parser, verb: Verb) -> argparse._ArgumentGroup:
    """Give a parser the verb's words and options; settings that the verb does not list work as well, unmentioned."""
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    group = parser.add_argument_group("options")
    for name in verb.options:
        add_option(group, OPTIONS[name])
    for option in OPTIONS.values():
        if option.field in SETTING_NAMES and option.name not in verb.options:
            add_option(parser, option, hidden=True)
    group.add_argument("-h", "--help", action="help", help="show this and exit")
    return group


def add_option(target: argparse._ActionsContainer, option: Option, *, hidden: bool = False) -> argparse.Action:
    """Add one row of the table to a parser."""
    facts: dict[str, Any] = {
        "dest": option.field,
        "default": argparse.SUPPRESS,
        "help": argparse.SUPPRESS if hidden else option.help,
    }
    if not option.metavar:
        # The value of a boolean setting is a text here, as from everywhere else; config.py reads it.
        constant = "true" if option.field in SETTING_NAMES else option.constant or True
        return target.add_argument(*option.flags, action="store_const", const=constant, **facts)
    facts["metavar"] = option.metavar
    if option.repeat:
        facts["action"] = "extend"
        facts["type"] = (lambda text: [text]) if option.field in ("paths", "allow", "repositories") else (lambda text: text.split(","))
    if option.number:
        facts["type"] = _number
    if option.choices:
        facts["choices"] = option.choices
    return target.add_argument(*option.flags, **facts)


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not 0 <= number <= _LARGEST_NUMBER:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_LARGEST_NUMBER}")
    return number
