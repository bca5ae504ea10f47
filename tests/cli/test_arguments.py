"""What was typed?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.cli.arguments import parse
from codetriever.cli.command import OPTIONS, SETTING_NAMES, VERBS, Command
from codetriever.errors import CodetrieverError, InvalidArguments


def test_a_line_without_a_verb_is_a_search():
    command = parse(["where are sessions refreshed", "src", "lib"])
    assert (command.verb, command.words) == ("search", ("where are sessions refreshed", "src", "lib"))
    assert not command.is_verb_typed


@pytest.mark.parametrize("verb", VERBS)
def test_a_first_word_that_is_a_verb_is_the_verb(verb):
    words = [*VERBS[verb].actions, "word"][: VERBS[verb].least]
    command = parse([verb, *words])
    assert (command.verb, command.words, command.is_verb_typed) == (verb, tuple(words), True)


def test_a_verb_that_lists_does_so_alone():
    for verb in ("jobs", "keys", "model", "repositories", "tenants"):
        assert parse([verb]).words == ("list",)
        assert parse([verb, VERBS[verb].actions[-1]]).words == (VERBS[verb].actions[-1],)


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS.values() if verb.actions])
def test_an_action_that_the_verb_does_not_have_is_refused_by_name(verb):
    with pytest.raises(InvalidArguments, match=f"`{verb}` does not know 'frobnicate'") as error:
        parse([verb, "frobnicate"])
    assert all(action in error.value.hint for action in VERBS[verb].actions)


def test_after_two_dashes_a_verb_is_a_word():
    assert parse(["--", "status"]).verb == "search"
    assert parse(["--", "status"]).words == ("status",)
    assert parse(["-k", "3", "--", "status"]).words == ("status",)


def test_after_two_dashes_nothing_is_an_option():
    assert parse(["--json", "--", "--help", "-x"]).words == ("--help", "-x")


def test_options_may_stand_before_the_verb():
    command = parse(["--store", "status", "-k", "3", "list"])
    assert (command.verb, command.settings) == ("list", {"store": "status", "limit": "3"})


def test_options_may_stand_between_and_behind_words():
    command = parse(["query", "--limit", "5", "src", "--json", "lib", "-C2"])
    assert command.words == ("query", "src", "lib")
    assert (command.settings, command.output, command.context) == ({"limit": "5"}, "json", 2)


def test_lists_repeat_and_languages_may_be_joined_by_commas():
    command = parse(["q", "--path", "a,b", "--path", "!c", "--lang", "go,rust", "--lang", "c", "--role", "test"])
    assert command.paths == ("a,b", "!c")
    assert command.languages == ("go", "rust", "c")
    assert command.roles == ("test",)


def test_the_last_form_of_output_wins():
    assert parse(["q", "--json", "--jsonl"]).output == "jsonl"
    assert parse(["q", "--jsonl", "--format", "vimgrep"]).output == "vimgrep"


def test_every_setting_is_an_option_of_every_verb_that_reads_settings():
    for name in SETTING_NAMES:
        option = OPTIONS[name.replace("_", "-")]
        value = [option.flags[-1]] + (["1"] if option.metavar else [])
        assert parse(["status", *value]).settings == {name: "1" if option.metavar else "true"}


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--json"],
        ["usages"],
        ["context"],
        ["context", "a:1", "b:2"],
        ["list", "something"],
        ["q", "--no-such-option"],
        ["q", "--limi", "3"],
        ["q", "--offset"],
        ["q", "--offset", "x"],
        ["q", "--offset", "-1"],
        ["q", "--offset", "99999999999"],
        ["q", "--format", "yaml"],
        ["status", "--exact"],
    ],
)
def test_what_cannot_be_meant_is_an_error_with_a_hint(argv):
    with pytest.raises(InvalidArguments) as error:
        parse(argv)
    assert error.value.message
    assert error.value.hint
    assert error.value.exit_code == 2


@given(
    st.sampled_from([("-k", "--limit"), ("-C", "--context")]),
    st.integers(0, 99),
    st.sampled_from(["{short} {value}", "{short}{value}", "{short}={value}", "-q{short}{value}", "{long} {value}", "{long}={value}"]),
)
def test_an_option_may_be_spelt_in_every_usual_way(flags, value, spelling):
    line = spelling.format(short=flags[0], long=flags[1], value=value).replace("-q-", "-q")
    command = parse(["q", *line.split()])
    assert command.words == ("q",)
    assert command.context == (value if flags[0] == "-C" else None)
    assert command.settings == ({"limit": str(value)} if flags[0] == "-k" else {})
    assert command.quiet == line.startswith("-q")


def test_words_that_only_begin_with_a_dash_are_no_options():
    assert parse(["-", "-1", "-.5", "-x marks the spot"]).words == ("-", "-1", "-.5", "-x marks the spot")


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["q", "-qh"], ["--version"], ["status", "--help"], ["usages", "-h"]])
def test_help_and_version_end_the_program_whatever_is_missing(argv, capsys):
    with pytest.raises(SystemExit) as end:
        parse(argv)
    assert end.value.code == 0
    assert "codetriever" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "near"), [(["q", "--lmit", "3"], "--limit"), (["list", "--jsn"], "--json"), (["q", "--colour=red"], "--color")]
)
def test_an_option_that_was_nearly_typed_is_named(argv, near):
    with pytest.raises(InvalidArguments) as error:
        parse(argv)
    assert error.value.hint.startswith(f"Did you mean {near}? ")


def test_every_option_is_offered_by_some_verb():
    offered = {name for verb in VERBS.values() for name in verb.options}
    assert offered == set(OPTIONS)


def test_a_command_is_a_value():
    assert parse(["q", "p"]) == Command(is_verb_typed=False, words=("q", "p"))


SOME_WORDS = st.sampled_from([*VERBS, "--", "-", "-k", "--json", "-q", "--path", "--offset"])


@given(st.lists(st.one_of(SOME_WORDS, st.text(max_size=6)), max_size=8))
def test_any_line_is_a_command_or_an_error(argv):
    try:
        command = parse(argv)
    except (CodetrieverError, SystemExit):
        return
    assert command.verb in VERBS
    assert set(command.words) <= {*argv, "list"}


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_words_after_two_dashes_arrive_as_they_are(words):
    assert parse(["--", *words]).words == tuple(words)
