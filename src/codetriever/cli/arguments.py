"""What was typed? From the words of a command line to a `Command`, without looking at anything else.

Help and completion are made of the same tables by argparse (`help.py`), which takes longer to read one line than a search has to spare.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from codetriever.cli.command import OPTIONS, SETTING_NAMES, VERBS, Command, Option
from codetriever.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codetriever.cli.command import Verb

PROGRAM: Final = "codetriever"
HELP: Final = Option(("-h", "--help"), "help", "show this and exit")
VERSION: Final = Option(("--version",), "version", "show the version and exit")
_LARGEST_NUMBER: Final = 1_000_000
_NEGATIVE_NUMBER: Final = r"-\d+|-\d*\.\d+"
_WHOLE_VALUES: Final = ("paths", "allow", "repositories")  # other lists may be joined by commas


class _Mistake(Exception):
    """What is wrong with a line."""


def parse(argv: Sequence[str]) -> Command:
    """Read a command line (without the program's name); raises `InvalidArguments`, and `SystemExit` for help and version."""
    argv = list(argv)
    position = _first_word(argv)
    is_verb_typed = position is not None and argv[position] in VERBS
    verb = VERBS[argv.pop(position)] if is_verb_typed and position is not None else VERBS["search"]
    try:
        values, words = _read(argv, _known_flags(verb, is_verb_typed=is_verb_typed))
        _answer_about_itself(values, verb if is_verb_typed else None)
        words = words or (("list",) if verb.lists else ())
        _check_words(verb, words)
    except _Mistake as mistake:
        program = f"{PROGRAM} {verb.name}" if is_verb_typed else PROGRAM
        raise InvalidArguments(f"{mistake}.", hint=f"`{program} --help` shows what there is.") from None
    settings = {name: values.pop(name) for name in tuple(values) if name in SETTING_NAMES}
    return Command(verb=verb.name, is_verb_typed=is_verb_typed, words=words, settings=settings, **values)


def _first_word(argv: Sequence[str]) -> int | None:
    """Return the position of the first word that is neither an option nor an option's value; None when `--` comes before it."""
    takes_value = {flag for option in OPTIONS.values() if option.metavar for flag in option.flags}
    position = 0
    while position < len(argv) and argv[position].startswith("-") and argv[position] not in ("-", "--"):
        position += 2 if argv[position] in takes_value else 1
    return position if position < len(argv) and argv[position] != "--" else None


def _known_flags(verb: Verb, *, is_verb_typed: bool) -> dict[str, Option]:
    """Return the options that a line may have by their flags: the verb's own, and every setting, which its help need not mention."""
    options = [option for option in OPTIONS.values() if option.name in verb.options or option.field in SETTING_NAMES]
    options += [HELP] if is_verb_typed else [HELP, VERSION]
    return {flag: option for option in options for flag in option.flags}


def _read(argv: Sequence[str], known: Mapping[str, Option]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Part a line into the values of options, by the fields they fill, and words. What follows `--` is no option."""
    values: dict[str, Any] = {}
    words: list[str] = []
    rest = deque(argv)
    while rest and (word := rest.popleft()) != "--":
        if not _is_option(word, known):
            words.append(word)
            continue
        flag, value = _parted(word)
        if flag not in known:
            raise _Mistake(f"There is no option {word}")
        option = known[flag]
        if option is HELP or option is VERSION:
            return {option.field: True}, ()
        if option.metavar:
            _set_value(values, option, flag, _value_of(flag, value, rest, known))
        elif value is None:
            # The value of a boolean setting is a text here, as from everywhere else; config.py reads it.
            values[option.field] = "true" if option.field in SETTING_NAMES else option.constant or True
        elif flag.startswith("--"):
            raise _Mistake(f"{flag} takes no value")
        else:  # the first of several letters: `-qv`
            rest.extendleft((f"-{value}", flag))
    return values, (*words, *rest)


def _is_option(word: str, known: Mapping[str, Option]) -> bool:
    """Say whether a word is meant as an option; numbers below zero and words with spaces are not, unless they begin with a known one."""
    if len(word) < 2 or word[0] != "-":
        return False
    return _parted(word)[0] in known or (" " not in word and re.fullmatch(_NEGATIVE_NUMBER, word) is None)


def _parted(word: str) -> tuple[str, str | None]:
    """Part `--flag=value` and `-fvalue`; the value is None when there is none."""
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        return flag, value if equals else None
    return word[:2], word[2:] or None


def _value_of(flag: str, attached: str | None, rest: deque[str], known: Mapping[str, Option]) -> str:
    """Return the value of an option: what is attached to its flag, else the next word, which is taken from the rest."""
    if attached is not None:
        return attached if flag.startswith("--") else attached.removeprefix("=")
    if not rest or rest[0] == "--" or _is_option(rest[0], known):
        raise _Mistake(f"{flag} needs a value, {known[flag].metavar}")
    return rest.popleft()


def _set_value(values: dict[str, Any], option: Option, flag: str, text: str) -> None:
    if option.choices and text not in option.choices:
        raise _Mistake(f"{flag} can be {', '.join(option.choices)}, and not {text!r}")
    if option.repeat:
        more = (text,) if option.field in _WHOLE_VALUES else tuple(text.split(","))
        values[option.field] = (*values.get(option.field, ()), *more)
    else:
        values[option.field] = _number(flag, text) if option.number else text


def _number(flag: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise _Mistake(f"{flag} takes a whole number, and {text!r} is none") from None
    if not 0 <= number <= _LARGEST_NUMBER:
        raise _Mistake(f"{flag} can be 0 to {_LARGEST_NUMBER}, and not {text}")
    return number


def _answer_about_itself(values: Mapping[str, Any], verb: Verb | None) -> None:
    """Print the help, of a verb or of the program, or the version, and end, if they were asked for."""
    if HELP.field in values:
        from codetriever.cli.help import help_text

        sys.stdout.write(help_text(verb))
        raise SystemExit(0)
    if VERSION.field in values:
        from codetriever import __version__

        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        raise SystemExit(0)


def _check_words(verb: Verb, words: Sequence[str]) -> None:
    if len(words) < verb.least:
        raise _Mistake("No query was given" if verb.name == "search" else f"`{verb.name}` needs {verb.words}")
    if verb.most is not None and len(words) > verb.most:
        raise _Mistake(f"`{verb.name}` takes {verb.words or 'no words'}, and {words[verb.most]!r} is one too many")
