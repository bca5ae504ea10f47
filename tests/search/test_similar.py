"""Code like a snippet, like a place, like a definition; never the example itself."""

import pytest

from codetriever.errors import InvalidQuery, PathNotFound, SymbolNotFound


def test_a_snippet_finds_its_like(harbour):
    snippet = "def hash_secret(secret, salt):\n    return hashlib.pbkdf2_hmac('sha512', secret.encode(), salt, 1000)\n"
    assert harbour.similar(snippet).hits[0].path == "api/sessions.py"


def test_of_another_language_too(harbour):
    snippet = "double haversine(double lat1, double lon1, double lat2, double lon2) { return 2 * R * asin(sqrt(sin(lat))); }"
    assert harbour.similar(snippet).hits[0].path == "tracker/position.go"


@pytest.mark.parametrize("what", ["api/sessions.py:17", "tracker/limiter.go:29", "scanner/crc32.c:20:5", "api/retry.py:8-20"])
def test_a_place_finds_others_and_not_itself(harbour, what):
    path, line = what.split(":")[0], int(what.split(":")[1].split("-")[0])
    hits = harbour.similar(what, limit=100).hits
    assert hits
    assert not any(hit.path == path and hit.start_line <= line <= hit.end_line for hit in hits)


@pytest.mark.parametrize(
    ("symbol", "path"), [("Session", "api/sessions.py"), ("TokenBucket.Allow", "tracker/limiter.go"), ("crc32_of", "scanner/crc32.c")]
)
def test_a_symbol_stands_for_its_definition(harbour, symbol, path):
    index_of = harbour.outline(path).files[0].definitions
    (line,) = {one.line for one in index_of if one.qualified_name == symbol}
    assert harbour.similar(symbol).hits == harbour.similar(f"{path}:{line}").hits


def test_of_a_qualified_name_the_definition_so_qualified_is_meant(indexed):
    files = {
        "a.py": "class First:\n    def load(self):\n        return parse_yaml(self.stream)\n",
        "b.py": "class Second:\n    def load(self):\n        return socket.connect(self.address)\n",
        "c.py": "def dial(address):\n    return socket.connect(address)\n",
        "d.py": "def yaml(stream):\n    return parse_yaml(stream)\n",
    }
    index = indexed(files)
    assert [index.similar(f"{name}.load", limit=1).hits[0].path for name in ("First", "Second")] == ["d.py", "c.py"]


def test_a_copy_under_another_path_is_the_example_too(indexed):
    text = "def load(path):\n    return read(path)\n"
    index = indexed({"a.py": text, "b.py": text, "c.py": "def load_all(path):\n    return read_all(path)\n"})
    assert [hit.path for hit in index.similar("b.py:1").hits] == ["c.py"]


def test_a_word_with_marks_is_a_snippet(harbour):
    assert harbour.similar("json.dumps(value,separators=x)").hits[0].path == "api/responses.py"


def test_the_names_of_what_is_missing(harbour):
    with pytest.raises(SymbolNotFound, match="'no_such_thing'"):
        harbour.similar("no_such_thing")
    with pytest.raises(PathNotFound, match=r"no/such\.py"):
        harbour.similar("no/such.py:4")
    with pytest.raises(InvalidQuery, match="no line 4,000"):
        harbour.similar("api/errors.py:4000")
    with pytest.raises(InvalidQuery, match="no line 0"):
        harbour.similar("api/errors.py:0")


@pytest.mark.parametrize("what", ["", " ", "\n\t"])
def test_nothing_is_like_nothing(harbour, what):
    with pytest.raises(InvalidQuery, match="nothing to compare"):
        harbour.similar(what)


def test_a_file_without_text_is_like_nothing(indexed):
    with pytest.raises(InvalidQuery, match="no text"):
        indexed({"empty.py": "", "a.py": "x = 1\n"}).similar("empty.py:1")


def test_a_snippet_has_at_most_100_000_bytes(harbour):
    snippet = "def refresh(session): return session.token\n" * 2325
    assert len(snippet) < 100_000
    assert harbour.similar(snippet).hits
    with pytest.raises(InvalidQuery, match="100,001 bytes"):
        harbour.similar("x" * 100_001)
    with pytest.raises(InvalidQuery, match="100,002 bytes"):
        harbour.similar("é" * 50_001)
