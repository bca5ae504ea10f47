"""The table of the long suite counts what there was."""

pytest_plugins = ("pytester",)

SUITE = """
import pytest

@pytest.mark.long("kill -9")
@pytest.mark.parametrize("number", range(3))
def test_kills(number, record_property):
    record_property("done", f"seed {number // 2}")
    assert number != 2

@pytest.mark.long("disk full")
def test_skipped():
    pytest.skip("no disk")

def test_of_every_day():
    pass
"""


def test_rows_say_how_many_ended_how_and_what_they_did(pytester):
    pytester.makeini("[pytest]\nmarkers = long: a row")
    pytester.makepyfile(SUITE)
    shown = pytester.runpytest_inprocess("-p", "tests.long_table", "-p", "no:cacheprovider")
    shown.stdout.fnmatch_lines(
        [
            "| what | tests | seconds | done |",
            "| disk full | 1 skipped | 0 |  |",
            "| kill -9 | 2 passed, 1 failed | 0 | seed 0; seed 1 |",
        ]
    )


def test_without_long_tests_there_is_no_table(pytester):
    pytester.makepyfile("def test_of_every_day(): pass")
    assert "| what |" not in pytester.runpytest_inprocess("-p", "tests.long_table", "-p", "no:cacheprovider").stdout.str()


def test_a_file_that_cannot_be_collected_does_not_hide_the_table(pytester):
    pytester.makeini("[pytest]\nmarkers = long: a row")
    pytester.makepyfile(test_broken="import nothing_of_that_name", test_good=SUITE)
    shown = pytester.runpytest_inprocess("-p", "tests.long_table", "-p", "no:cacheprovider", "--continue-on-collection-errors")
    assert "| kill -9 | 2 passed, 1 failed |" in shown.stdout.str()
