"""Whatever is asked of whatever text: an answer, or an error of ours."""

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import codetriever
from codetriever.errors import CodetrieverError

# Text that has hurt: marks, surrogates, controls, other line ends, halves of escapes, and what the index's own files hold.
PIECES = [
    *"session Session.refresh def größe \u4f60\u597d 🦀 e\u0301 a.py ſ İ i\u0307 ﬁ 0x1F 1 :1 :: -> # .. ? ! $ * [ ( % {} ` \" ' / :".split(
        " "
    ),
    *("\\", "\u200d", "\ufeff", "\ud800", "\udc80", "\0", "\x1b[31m", "\r\n", "\u2028", " ", "\t", "\U0010ffff", "a" * 200, "aB1" * 40),
]
texts = st.one_of(
    st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text(alphabet=st.characters(), max_size=20)
)
FILES = {
    "a.py": "class Session:\n    def refresh(self, größe):\n        return '🦀 \u4f60\u597d' + 'e\u0301'\n\n\nprint(0x1F)\n".encode(),
    "b.txt": "größe naïve Session\r\nİstanbul ſ ﬁ\r\n".encode("utf-16"),
    "c.txt": "Größe und Maße der Session\n".encode("cp1252"),
    "d.txt": b"half \xc3\xa9\xc3 of a character, \xff\xfe session\n" + "é".encode() * 20,
    "\udce9t\udce9.py".encode(errors="surrogateescape").decode("latin-1") + ".md": b"# Session\n",
    "empty.py": b"",
    "mark.txt": b"\xef\xbb\xbf",
    "odd name\n(1) 🦀.py": b"def session_of(x):\n    return x\n",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    for name, data in FILES.items():
        Path(folder, "code").mkdir(exist_ok=True)
        Path(folder, "code", name).write_bytes(data)
    with codetriever.open(folder / "code", store=folder / "store") as opened:
        opened.refresh()
        yield opened


@settings(max_examples=200, deadline=None)
@given(texts, st.booleans(), st.sampled_from([None, 21, 60, 500]))
@example(query="\ufeff", exact=True, max_tokens=None)
@example(query='"\ud800"', exact=False, max_tokens=None)
def test_a_search_answers_or_refuses(index, query, exact, max_tokens):
    with contextlib.suppress(CodetrieverError):
        answer = index.search(query, exact=exact, max_tokens=max_tokens, limit=100, explain=True)
        assert answer.total >= len(answer.hits)
        assert all(0.0 <= hit.score <= 1.0 for hit in answer.hits)
        if exact and max_tokens is None:
            assert answer.exhaustive
            assert {hit.path for hit in answer.hits} == files_with(query.strip())


def files_with(literal):
    """The paths of the files in which the text occurs, found by reading them."""
    codecs = {"b.txt": "utf-16-le", "c.txt": "cp1252"}
    decoded = {name: data.decode(codecs.get(name, "utf-8"), "surrogateescape") for name, data in FILES.items() if name != "mark.txt"}
    return {name for name, text in decoded.items() if literal in text}


@settings(max_examples=150, deadline=None)
@given(texts)
def test_usages_answer_or_refuse(index, symbol):
    with contextlib.suppress(CodetrieverError):
        answer = index.usages(symbol)
        assert sum(answer.counts.values()) == answer.total >= len(answer.usages)


@settings(max_examples=150, deadline=None)
@given(texts)
@example("a.py:1")
@example("mark.txt:1")
@example("a.py:1:1:1")
def test_similar_answers_or_refuses(index, what):
    with contextlib.suppress(CodetrieverError):
        assert index.similar(what).total >= 0


@settings(max_examples=150, deadline=None)
@given(st.one_of(texts, st.sampled_from(list(FILES))), st.integers(-2, 10), st.integers(-5, 1 << 70))
def test_context_answers_or_refuses(index, path, line, radius):
    with contextlib.suppress(CodetrieverError):
        answer = index.context(f"{path}:{line}", radius=radius)
        assert answer.enclosing.start_line <= line <= answer.enclosing.end_line


@settings(max_examples=100, deadline=None)
@given(texts)
def test_outline_answers_or_refuses(index, path):
    with contextlib.suppress(CodetrieverError):
        assert index.outline(path).total >= 0


@settings(max_examples=150, deadline=None)
@given(st.lists(texts, max_size=3), st.lists(texts, max_size=2), st.lists(texts, max_size=1), st.none() | texts)
def test_filters_let_through_or_are_refused(index, globs, languages, roles, branch):
    with contextlib.suppress(CodetrieverError):
        answer = index.search("session", paths=globs, languages=languages, roles=roles, branch=branch)
        assert answer.hits or answer.note


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(texts.map(lambda text: text.encode(errors="surrogatepass")), st.binary(max_size=60)), min_size=1, max_size=4))
def test_whatever_is_indexed_can_be_searched(contents):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "code").mkdir()
        for number, data in enumerate(contents):
            Path(folder, "code", f"file_{number}.py").write_bytes(b"session " + data)
        with codetriever.open(Path(folder, "code"), store=Path(folder, "store")) as index:
            index.refresh()
            answer = index.search("session", limit=100)
            assert answer.hits or answer.note
            for hit in answer.hits:
                index.context(f"{hit.path}:{hit.start_line}")
                index.similar(f"{hit.path}:{hit.end_line}")
            index.usages("session")
            index.search("`session`")
