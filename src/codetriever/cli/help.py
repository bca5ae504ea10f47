"""What does `--help` say? Written by argparse from the tables of verbs and options."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from codetriever.cli.arguments import HELP, PROGRAM, VERSION
from codetriever.cli.command import OPTIONS, VERBS

if TYPE_CHECKING:
    from codetriever.cli.command import Option, Verb


def help_text(verb: Verb | None) -> str:
    """Return the help of a verb, or of the program."""
    return (_top_parser() if verb is None else _verb_parser(verb)).format_help()


def _top_parser() -> argparse.ArgumentParser:
    """Return the parser of a line without a verb."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb.name:{width}}  {verb.help}" for verb in VERBS.values())
    parser = _bare_parser(
        PROGRAM,
        usage=f'{PROGRAM} "QUERY" [PATH...] [options]\n       {PROGRAM} VERB [words] [options]',
        description="Find code by meaning. Without a PATH the working directory is searched; the first time, its repository is indexed."
        f"\n\nverbs:\n{verbs}",
        epilog=f"`{PROGRAM} VERB --help` shows the options of a verb; `{PROGRAM} -- VERB` looks for the word itself.",
    )
    _add_options(parser, [*(OPTIONS[name] for name in VERBS["search"].options), HELP, VERSION])
    return parser


def _verb_parser(verb: Verb) -> argparse.ArgumentParser:
    examples = "\n".join(f"  {line}" for line in verb.examples)
    parser = _bare_parser(
        f"{PROGRAM} {verb.name}",
        usage=" ".join(filter(None, (PROGRAM, verb.name, verb.words, "[options]"))),
        description=verb.help[0].upper() + verb.help[1:] + ".",
        epilog=f"examples:\n{examples}" if examples else "",
    )
    _add_options(parser, [*(OPTIONS[name] for name in verb.options), HELP])
    return parser


def _bare_parser(program: str, *, usage: str, description: str, epilog: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=program,
        usage=usage,
        description=description,
        epilog=epilog,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28),
        add_help=False,
    )


def _add_options(parser: argparse.ArgumentParser, options: list[Option]) -> None:
    group = parser.add_argument_group("options")
    for option in options:
        add_option(group, option)


def add_option(target: argparse._ActionsContainer, option: Option) -> argparse.Action:
    """Add one row of the table to a parser that is there to be described; `arguments.py` is what reads a line."""
    facts: dict[str, Any] = {"dest": option.field, "help": option.help}
    if not option.metavar:
        return target.add_argument(*option.flags, action="store_true", **facts)
    if option.repeat:
        facts["action"] = "extend"
    return target.add_argument(*option.flags, metavar=option.metavar, choices=option.choices or None, **facts)
