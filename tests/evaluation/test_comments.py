import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.evaluation.comments import comment_questions

CASES = {
    "python": (
        [
            "import os",
            "",
            "",
            "def reap(pool):",
            '    """Close every connection that waited for too long.',
            "",
            "    More of it.",
            '    """',
            "    return os.getpid()",
        ],
        "Close every connection that waited for too long",
        "def reap",
    ),
    "go": (
        [
            "package pool",
            "",
            "// Reap closes every connection that waited for too long. More.",
            "// And more.",
            "func Reap() {",
            "}",
        ],
        "closes every connection that waited for too long",
        "func Reap",
    ),
    "rust": (
        [
            "use std::io;",
            "",
            "/// Closes every connection that waited for too long.",
            "///",
            "/// More of it.",
            "#[inline]",
            "pub fn reap() {",
            "}",
        ],
        "Closes every connection that waited for too long",
        "fn reap",
    ),
    "java": (
        [
            "class Pool {",
            "  /**",
            "   * Closes every {@link Line} that waited for too long.",
            "   * @return how many",
            "   */",
            "  int reap() {",
            "    return 0;",
            "  }",
            "}",
        ],
        "Closes every Line that waited for too long",
        "int reap",
    ),
    "csharp": (
        [
            "class Pool",
            "{",
            "    /// <summary>",
            '    /// Closes every <see cref="Line"/> that waited for too long.',
            "    /// </summary>",
            "    int Reap()",
            "    {",
            "        return 0;",
            "    }",
            "}",
        ],
        "Closes every Line that waited for too long",
        "int Reap",
    ),
    "ruby": (
        [
            "class Pool",
            "  # Closes every connection that waited for too long.",
            "  def reap",
            "    1",
            "  end",
            "end",
        ],
        "Closes every connection that waited for too long",
        "def reap",
    ),
    "elixir": (
        [
            "defmodule Pool do",
            '  @doc """',
            "  Closes every connection that waited for too long.",
            "",
            "  More.",
            '  """',
            "  @spec reap(any) :: any",
            "  def reap(pool) do",
            "    pool",
            "  end",
            "end",
        ],
        "Closes every connection that waited for too long",
        "def reap",
    ),
    "lua": (
        [
            "local pool = {}",
            "",
            "--- Closes every connection that waited for too long.",
            "-- @param all of them",
            "function pool.reap(all)",
            "  return all",
            "end",
        ],
        "Closes every connection that waited for too long",
        "function pool.reap",
    ),
    "c": (
        [
            "#include <pool.h>",
            "",
            "/*",
            " * Closes every connection that waited for too long.",
            " */",
            "int reap(void)",
            "{",
            "  return 0;",
            "}",
        ],
        "Closes every connection that waited for too long",
        "int reap",
    ),
}


@pytest.mark.parametrize("language", CASES)
def test_a_description_asks_for_its_definition_and_is_cut_out(language):
    lines, query, opening = CASES[language]
    found = comment_questions("\n".join(lines).encode(), language, "src/pool")
    assert [question.query for question in found.questions] == [query]
    text = found.stripped.decode()
    assert "waited for too long" not in text
    (span,) = found.questions[0].spans
    answer = "\n".join(text.split("\n")[span.start_line - 1 : span.end_line])
    assert opening in answer
    assert span.path == "src/pool"
    assert found.questions[0].source == "comment"


@pytest.mark.parametrize(
    "comment",
    [
        "TODO: closes every connection of the pool",
        "Copyright of the people who made this pool",
        "The pool.",
        "How reap is done in general here",
        "See https://example.com for what this does",
        "shellcheck disable=SC1083,SC2016 everywhere in here",
    ],
)
def test_what_describes_nothing_or_gives_the_name_away_is_cut_out_but_not_asked(comment):
    source = f"package pool\n\n// {comment}\nfunc reap() {{\n}}\n"
    found = comment_questions(source.encode(), "go", "pool.go")
    assert found.questions == ()
    assert found.stripped == b"package pool\n\nfunc reap() {\n}\n"


@pytest.mark.parametrize(
    "comment",
    [
        "We put a short frame before each of them",
        "This is used for connections of all kinds",
        "If the flag is set another round is due",
        "Whether old lines are dropped at once (default: no)",
        "See the manual for how pools are drained",
    ],
)
def test_remarks_and_halves_of_sentences_are_cut_out_but_not_asked(comment):
    found = comment_questions(f"// {comment}\nfunc reap() {{\n}}\n".encode(), "go", "pool.go")
    assert found.questions == ()
    assert found.stripped == b"func reap() {\n}\n"


def test_markup_is_read_where_comments_are_markup_and_left_elsewhere():
    java = b"class Pool {\n  /** Copies <b>every</b> line of the {@code source} pool. */\n  void copy() {\n  }\n}\n"
    assert comment_questions(java, "java", "Pool.java").questions[0].query == "Copies every line of the source pool"
    go = b"// Reap copies every line of <source> into another pool.\nfunc Reap() {\n}\n"
    assert comment_questions(go, "go", "pool.go").questions[0].query == "copies every line of <source> into another pool"
    python = b'def reap(pool):\n    """Return the waiting :class:`~net.Line` objects of a pool."""\n    return pool.lines\n'
    assert comment_questions(python, "python", "pool.py").questions[0].query == "Return the waiting net.Line objects of a pool"


def test_comments_that_belong_to_no_definition_stay():
    source = b"package pool\n\n// A word about this whole file and its purpose.\n\nvar size = 1\n\nfunc reap() {\n\t// Inside of it.\n}\n"
    found = comment_questions(source, "go", "pool.go")
    assert found.questions == ()
    assert found.stripped == source


@given(st.sampled_from(sorted(CASES)), st.lists(st.integers(0, 400), max_size=6), st.binary(max_size=12))
def test_any_bytes_lose_whole_lines_only_and_spans_lie_in_what_is_left(language, cuts, noise):
    source = "\n".join(CASES[language][0]).encode()
    for cut in cuts:
        source = source[: cut % (len(source) + 1)] + noise + source[cut % (len(source) + 1) :]
    found = comment_questions(source, language, "file")
    left, before = found.stripped.split(b"\n"), source.split(b"\n")
    remaining = iter(before)
    assert all(line in remaining for line in left if found.stripped)
    for question in found.questions:
        for span in question.spans:
            assert 1 <= span.start_line <= span.end_line <= len(left)
