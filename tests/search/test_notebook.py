"""Of a notebook the source of its cells is shown, and nothing of the JSON and the outputs around it."""

import json

import pytest


def notebook(*sources, indent=1):
    output = {"output_type": "stream", "text": ["printed harbour noise\n"] * 3}
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [output], "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4}, indent=indent)


CELLS = ('import os\n\nname = "a\\tb"', "def moor_ship(ship):\n    return ship.berth", "moor_ship(os.environ)")


@pytest.fixture
def harbour_notebook(indexed):
    return indexed({"harbour.ipynb": notebook(*CELLS)})


def test_a_hit_that_spans_cells_shows_their_source_alone(harbour_notebook):
    [hit] = harbour_notebook.search("moor ship berth environ name").hits
    assert hit.text == "\n\n".join(CELLS)
    assert (hit.path, hit.language) == ("harbour.ipynb", "jupyter")


def test_lines_around_a_hit_are_those_of_cells(harbour_notebook):
    [hit] = harbour_notebook.search("moor_ship").hits
    assert harbour_notebook.lines(hit, radius=1).text.startswith("import os\n")
    assert '"cell_type"' not in harbour_notebook.lines(hit, radius=100).text


def test_the_context_of_a_line_is_its_definition(harbour_notebook):
    definition = next(one for one in harbour_notebook.usages("moor_ship").usages if one.kind == "definition")
    context = harbour_notebook.context(f"harbour.ipynb:{definition.line}")
    assert (context.enclosing.name, context.enclosing.text) == ("moor_ship", CELLS[1])


def test_usages_are_lines_of_cells(harbour_notebook):
    found = harbour_notebook.usages("moor_ship").usages
    assert [(one.kind, one.text) for one in found] == [("definition", "def moor_ship(ship):"), ("call", "moor_ship(os.environ)")]


def test_what_is_like_a_cell_is_asked_by_its_source(indexed):
    index = indexed({"harbour.ipynb": notebook(*CELLS), "ships.py": CELLS[1] + "\n", "json.json": '{"outputs": [], "source": ["n"]}'})
    line = next(one.line for one in index.usages("moor_ship").usages if one.path == "harbour.ipynb")
    assert index.similar(f"harbour.ipynb:{line}").hits[0].path == "ships.py"


def test_a_notebook_in_one_line_is_shown_by_its_cells_too(indexed):
    [hit] = indexed({"flat.ipynb": notebook(*CELLS, indent=None)}).search("moor_ship").hits
    assert "outputs" not in hit.text
    assert "def moor_ship(ship):" in hit.text
