"""Arguments, schemas, roots, texts and what was shown, each by itself."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.errors import InvalidArguments, PathNotFound
from codetriever.mcp import markdown
from codetriever.mcp.arguments import Request, read_arguments
from codetriever.mcp.roots import Roots, folders_of, starting_roots
from codetriever.mcp.shown import Shown
from codetriever.mcp.tools import ARGUMENTS, TOOLS, input_schema, output_schema

NAMES = "query queries path file_path start_line symbol limit offset max_tokens path_globs languages roles unused_days dry_run".split()


def test_arguments_are_called_what_they_are_called_everywhere():
    assert set(ARGUMENTS) == set(NAMES)
    assert {name for tool in TOOLS.values() for name in tool.arguments} == set(NAMES)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_schemas_are_flat_and_without_unions(tool):
    for schema in (input_schema(tool), output_schema(tool)):
        jsonschema.Draft202012Validator.check_schema(schema)
        text = json.dumps(schema)
        assert not [word for word in ("anyOf", "oneOf", "allOf", "$ref", "$defs", '"null"') if word in text]
    for argument in input_schema(tool)["properties"].values():
        assert isinstance(argument["type"], str)
        assert argument["description"]
        assert "properties" not in argument


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@given(st.sampled_from(list(TOOLS)), st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), ANYTHING, max_size=4))
def test_any_arguments_are_read_or_refused(name, arguments):
    request: Request | InvalidArguments
    try:
        request = read_arguments(TOOLS[name], arguments)
    except InvalidArguments as error:
        request = error
    assert isinstance(request, Request) or 0 < len(request.message) < 300
    assert hash(request) is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": "a\0b"}, "it has to be a string without NUL"),
        ({"queries": ["a"] * 9}, "At most 8 go into one call."),
        ({"path_globs": ["a"] * 1000}, "At most 100 go into one call."),
    ],
)
def test_what_is_too_much_or_no_text_is_told(arguments, said):
    with pytest.raises(InvalidArguments) as error:
        read_arguments(TOOLS["search"], arguments)
    assert said in f"{error.value.message} {error.value.hint}"


def test_absent_and_null_are_the_same():
    nothing = dict.fromkeys(TOOLS["outline"].arguments)
    assert read_arguments(TOOLS["outline"], nothing) == read_arguments(TOOLS["outline"], {}) == read_arguments(TOOLS["outline"], None)


def test_plain_meaning_is_understood():
    read = read_arguments(TOOLS["search"], {"query": "x", "limit": "7", "offset": 3.0, "path_globs": "*.py", "roles": '["code", "test"]'})
    assert (read.limit, read.offset, read.path_globs, read.roles) == (7, 3, ("*.py",), ("code", "test"))


# Roots


def test_only_what_lies_inside_is_found(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "loop").symlink_to(inside / "loop")
    roots = Roots((inside,), inside)
    assert roots.inside(".") == inside
    assert roots.inside(str(inside)) == inside
    for path in ("..", "link", "../out", str(outside), "/", "~", "a\0b", "../in-not", "loop", "nothing", "\ud800"):
        with pytest.raises(PathNotFound):
            roots.inside(path)
    with pytest.raises(PathNotFound) as long:
        roots.inside("x" * 5000)
    assert len(long.value.message) < 300
    with pytest.raises(PathNotFound) as hidden:
        roots.inside("../out/secret")
    with pytest.raises(PathNotFound) as there:
        roots.inside("../out")
    assert hidden.value.message.replace("/secret", "") == there.value.message  # says nothing about what exists outside


def test_which_folder_is_meant(tmp_path):
    one, two, here = tmp_path / "one", tmp_path / "two", tmp_path / "here"
    for folder in (one, two, here):
        folder.mkdir()
    assert Roots((one,), here).folders("") == (one,)
    assert Roots((here, one), here).folders("") == (here,)
    assert Roots((here,), here, (one, two)).folders("") == (one, two)
    assert Roots((one, two), here).folders(str(two)) == (two,)
    with pytest.raises(InvalidArguments):
        Roots((one, two), here).folders("")
    with pytest.raises(PathNotFound):
        Roots((), here).folders("")


def test_the_working_directory_counts_when_nothing_else_is_allowed(tmp_path, monkeypatch):
    home, work = tmp_path / "home", tmp_path / "home" / "work"
    work.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    assert starting_roots([]).all == (work,)
    assert starting_roots([str(home)]).all == (home,)
    monkeypatch.chdir(home)
    assert starting_roots([]).all == ()
    monkeypatch.chdir("/")
    assert starting_roots([]).all == ()
    with pytest.raises(PathNotFound):
        starting_roots([str(tmp_path / "nothing")])


def test_folders_of_addresses(tmp_path):
    folder = tmp_path / "with space é"
    folder.mkdir()
    (tmp_path / "file").write_text("")
    wrong = ["https://example.com/x", "file://host/x", (tmp_path / "file").as_uri(), "file:///nowhere", "nonsense", "file:///a%00b"]
    assert folders_of([folder.as_uri(), folder.as_uri(), *wrong]) == (folder,)


# Texts


@given(st.text(alphabet="`~\n ab", max_size=60))
def test_code_cannot_close_its_fence(text):
    lines = markdown.fenced(text, "python").split("\n")
    fence = lines[0].removesuffix("python")
    assert lines[-1] == fence
    assert not [line for line in lines[1:-1] if line.strip().startswith(fence)]


@given(st.text())
def test_a_name_cannot_leave_its_line(text):
    assert len(markdown.line(text).splitlines()) <= 1


def test_breadcrumbs():
    assert markdown.breadcrumb("a.py", 3, 9, "Config.load", "method") == "a.py:3-9 > Config > load"
    assert markdown.breadcrumb("a.rs", 3, 3, "Map::new", "function") == "a.rs:3 > Map > new"
    assert markdown.breadcrumb("a.md", 1, 9, "Version 1.2", "section") == "a.md:1-9 > Version 1.2"
    assert markdown.breadcrumb("a.py", 3, 9, "", "block") == "a.py:3-9"


# What was shown


def test_what_was_shown_is_known_for_some_calls():
    shown = Shown()
    text = "x" * 500
    assert shown.begin("first")
    assert not shown.is_repeated("a.py:1", text)
    assert shown.begin("second")
    assert shown.is_repeated("a.py:1", text)
    assert not shown.is_repeated("b.py:1", text)
    assert not shown.is_repeated("a.py:1", "short")
    assert not shown.begin("first")  # asked again: everything is sent again
    for number in range(20):
        shown.begin(number)
    assert not shown.is_repeated("a.py:1", text)
