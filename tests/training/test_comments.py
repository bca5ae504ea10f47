"""What do the comments of a source file describe?"""

import pytest
from training.comments import clean, iter_described, iter_inline

from codetriever.chunking import cut


def described(source, language):
    return [(one.definition.name, one.description) for one in iter_described(source, language, cut(source.encode(), language).definitions)]


@pytest.mark.parametrize(
    ("language", "source", "name", "said"),
    [
        (
            "python",
            'def load(path):\n    """Read the table from disk.\n\n    :param path: where\n    """\n    return 1\n',
            "load",
            "Read the table from disk.",
        ),
        (
            "go",
            "// Load reads the table from disk.\nfunc Load(path string) int {\n\treturn 1\n}\n",
            "Load",
            "Load reads the table from disk.",
        ),
        (
            "java",
            (
                "class A {\n  /**\n   * Reads the <b>table</b> from disk.\n   * @param path\n   */\n"
                "  @Override\n  int load(String path) { return 1; }\n}\n"
            ),
            "load",
            "Reads the table from disk.",
        ),
        (
            "rust",
            "/// Reads the table from disk.\n#[inline]\nfn load(path: &str) -> i32 {\n    1\n}\n",
            "load",
            "Reads the table from disk.",
        ),
        (
            "javascript",
            "/**\n * Reads the table from disk.\n * @returns {number}\n */\nfunction load(path) {\n  return 1;\n}\n",
            "load",
            "Reads the table from disk.",
        ),
    ],
)
def test_the_description_of_a_definition(language, source, name, said):
    assert (name, said) in described(source, language)


def test_a_description_is_cut_out_whole():
    source = '@cache\ndef load(path):\n    """Read the table from disk."""\n    return 1\n'
    (one,) = iter_described(source, "python", cut(source.encode(), "python").definitions)
    start, end = one.removed
    assert "table" not in source[:start] + source[end:]
    assert "return 1" in source[: one.end]


def test_the_docstring_of_an_inner_function_is_not_the_outer_ones():
    source = 'def outer():\n    def inner():\n        """Do what only the inner one does."""\n    return inner\n'
    assert [name for name, _ in described(source, "python")] == ["inner"]


@pytest.mark.parametrize(
    "comment",
    [
        "// TODO: make this faster one day",
        "// Copyright 2020 The Authors. All rights reserved.",
        "// eslint-disable-next-line no-console at all",
        "/* x */",
        "// ------------------",
        "// return foo(bar, baz);",
        "# noqa: E501 is too long here",
    ],
)
def test_comments_that_describe_nothing(comment):
    assert clean(comment) == ""


def test_comments_within_code_lead_to_the_lines_after_them():
    source = "x = 1\n# Retry until the server answers again.\nwhile not ask():\n    pass\n"
    ((said, position),) = iter_inline(source, "python")
    assert said == "Retry until the server answers again."
    assert source[position:].startswith("while")
