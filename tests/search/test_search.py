"""What a question, a symbol or a literal text is answered with, in which order and how many at a time."""

import subprocess
import sys
from itertools import pairwise

import pytest

from codetriever.errors import InvalidQuery
from codetriever.search.words import word_evidence


def places(answer):
    return [(hit.path, hit.start_line) for hit in answer.hits]


def paths(answer):
    return [hit.path for hit in answer.hits]


def roles(answer):
    return [hit.role for hit in answer.hits]


# Identifiers


@pytest.mark.parametrize(
    ("symbol", "path"),
    [
        ("handle_exception", "api/errors.py"),
        ("SESSION_LIFETIME_S", "api/sessions.py"),
        ("Session", "api/sessions.py"),
        ("Session.refresh", "api/sessions.py"),
        ("TokenBucket", "tracker/limiter.go"),
        ("PositionStore", "tracker/server.go"),
        ("Distance", "tracker/position.go"),
        ("fetchJson", "web/src/http.ts"),
        ("escapeHtml", "web/src/format.ts"),
        ("RequestOptions", "web/src/http.ts"),
        ("LruCache", "planner/src/cache.rs"),
        ("RoadMap::shortest_path", "planner/src/route.rs"),
        ("TaxRates", "billing/src/main/java/harbour/billing/TaxRates.java"),
        ("addLine", "billing/src/main/java/harbour/billing/Invoice.java"),
        ("crc32_of()", "scanner/crc32.c"),
        ("CRC32_POLYNOMIAL", "scanner/crc32.c"),
        ("ring_buffer", "scanner/ring_buffer.c"),
        ("overdue_parcels", "database/schema.sql"),
        ("wait_until_healthy", "deploy/release.sh"),
    ],
)
def test_an_identifier_finds_its_definition_first(harbour, symbol, path):
    answer = harbour.search(symbol, limit=3)
    assert paths(answer)[0] == path
    assert not answer.exhaustive


def test_an_identifier_among_many_uses_finds_its_definition_first(indexed):
    uses = {f"callers/use_{number}.py": "from core import probe\n\n" + "probe(probe(probe()))\n" * 20 for number in range(8)}
    index = indexed(uses | {"core.py": "def probe(value=None):\n    return value\n", "notes.md": "probe probe probe\n" * 9})
    assert paths(index.search("probe"))[0] == "core.py"


def test_the_spelling_tells_definitions_apart(indexed):
    index = indexed({"a.py": "def request():\n    pass\n", "b.py": "class Request:\n    pass\n", "c.py": "REQUEST = 1\n"})
    assert [paths(index.search(name))[0] for name in ("request", "Request", "REQUEST")] == ["a.py", "b.py", "c.py"]


# Literals


LITERALS = {
    "a.py": 'MASK = 0xDEADBEEF\nurl = "https://example.org/a?b=c&d=%20"\nprint(f"{MASK:#x}")\n',
    "b.py": "mask = 0xdeadbeef\nif not (a := b[-1]):\n    pass\n",
    "c.txt": "The retry_after header; retry after 5 s.\nnaïve café 🦀 \u4f60\u597d\n",
    "d.txt": "nothing of it\n",
}


@pytest.mark.parametrize(
    ("literal", "found"),
    [
        ("0xDEADBEEF", ["a.py"]),
        ("0xdead", ["b.py"]),
        ("xDEADB", ["a.py"]),
        ("a?b=c&d=%20", ["a.py"]),
        (":#x}", ["a.py"]),
        ("(a := b[-1])", ["b.py"]),
        ("etry_af", ["c.txt"]),
        ("retry after 5", ["c.txt"]),
        ("ry af", ["c.txt"]),
        ("aïve caf", ["c.txt"]),
        ("🦀", ["c.txt"]),
        ("\u597d", ["c.txt"]),
        ("ing of", ["d.txt"]),
        ("Nothing", []),
        ("naïve😀", []),
        (");", []),
    ],
)
@pytest.mark.parametrize("form", ["quoted", "exact"])
def test_a_literal_occurs_in_every_hit_and_in_no_other_file(indexed, literal, found, form):
    index = indexed(LITERALS)
    answer = index.search(literal, exact=True) if form == "exact" else index.search(f"`{literal}`")
    assert sorted(paths(answer)) == found
    assert all(literal in hit.text for hit in answer.hits)
    assert answer.exhaustive
    assert answer.total == len(found)
    assert not answer.weak
    assert {hit.score for hit in answer.hits} <= {1.0}
    assert answer.note == ("" if found else f"None of the files searched holds {literal!r}.")


def test_quoted_parts_must_all_occur_in_the_file_of_a_hit(indexed):
    index = indexed({"a.py": "alpha = beta\n", "b.py": "alpha = gamma\n", "c.py": "beta = 1\n"})
    assert paths(index.search('where is "alpha" set to "beta"')) == ["a.py"]


def test_exact_takes_quotes_as_they_are(indexed):
    index = indexed({"a.py": 'say("hi")\n', "b.py": "say(hi)\n"})
    assert paths(index.search('say("hi")', exact=True)) == ["a.py"]


def test_a_literal_is_found_wherever_chunks_are_cut(indexed):
    lines = [f"value_{number} = compute_{number}({number})\n" for number in range(400)]
    text = "".join(lines)
    index = indexed({"long.py": text})
    whole = {hit.start_line for hit in index.search("compute", exact=True, limit=100).hits}
    borders = sorted(whole - {1})
    assert borders
    for line in borders:
        literal = text[text.index(lines[line - 2]) + 3 :][: len(lines[line - 2]) + 4]
        found = index.search(literal, exact=True).hits
        assert [hit.path for hit in found] == ["long.py"], literal
        assert found[0].start_line <= line - 1 <= found[0].end_line


def test_a_literal_in_a_word_that_the_analyser_cuts_is_found(indexed):
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    index = indexed({"a.txt": f"sha256 {digest}\n", "b.txt": "x" * 300 + "needle" + "y" * 300 + "\n"})
    assert paths(index.search(f'"{digest[30:50]}"')) == ["a.txt"]
    assert paths(index.search("needle", exact=True)) == ["b.txt"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "cp1252", "utf-8-sig"])
def test_a_literal_is_found_in_every_encoding(indexed, encoding):
    text = "first line of some text\r\nThe größte Straße = 'naïve'\r\nlast line\r\n" * 2
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    index = indexed({"a.txt": (mark + text).encode(encoding)})
    answer = index.search("größte Straße = 'na", exact=True)
    assert paths(answer) == ["a.txt"]
    assert "größte Straße" in answer.hits[0].text
    assert index.search("größte Strafe", exact=True).total == 0


# Questions


def test_a_question_finds_the_implementation_before_its_tests_and_docs(harbour):
    for question in (
        "refresh a session's token",
        "verify a password against the stored hash",
        "uncaught exception response",
        "token bucket is empty",
    ):
        found = roles(harbour.search(question))
        assert found[0] == "code", question
        assert set(found) & {"test", "docs"}, question


@pytest.mark.parametrize(
    ("question", "role"),
    [
        ("tests of refreshing a session", "test"),
        ("spec for formatting money", "test"),
        ("documentation about sessions", "docs"),
        ("README of running it", "docs"),
    ],
)
def test_unless_it_asks_for_those(harbour, question, role):
    assert roles(harbour.search(question))[0] == role


def test_a_word_counts_once_whatever_its_form(indexed):
    index = indexed({"a.py": "connections = sockets\n", "b.py": "socket\nthread = 1\n", "c.py": "connection\nthread = 2\n"})
    with index._sources(None) as sources:
        evidence = word_evidence(sources[0].snapshot, ("connections", "connection", "thread"))
    rarity = evidence.rarity
    assert 0 < rarity["connections"] < rarity["connection"]
    assert rarity["connection"] < rarity["thread"]  # in as many files, but a part of what one word counts
    assert paths(index.search("connections thread"))[0] == "c.py"


def test_handlers_of_exceptions_are_found_by_other_forms_of_the_words(harbour):
    assert paths(harbour.search("where are uncaught exceptions handled"))[0] == "api/errors.py"


def test_one_file_does_not_crowd_out_the_others(indexed):
    many = "\n\n".join(
        f"def read_config_{n}(path):\n    '''Read the configuration.'''\n    return load_{n}(path)\n" + "#\n" * 700 for n in range(12)
    )
    others = {f"part_{n}.py": f"def load_{n}(path):\n    '''Read the configuration of part {n}.'''\n    return path\n" for n in range(3)}
    index = indexed({"all.py": many} | others)
    first = paths(index.search("read the configuration", limit=8))
    assert {f"part_{n}.py" for n in range(3)} <= set(first)


def body(name, line, lines=34):
    return f"def {name}(line):\n" + f"    {line}\n" * lines


def test_neighbouring_hits_are_one(indexed):
    index = indexed({"a.py": body("parse_header", "parse(header, line)") + "\n\n" + body("write_header", "write(header, line)")})
    answer = index.search("header line")
    assert [(hit.start_line, hit.end_line) for hit in answer.hits] == [(1, 72)]
    assert answer.total == 1


def test_a_hit_between_two_joins_them(indexed):
    between = body("count", "total += 1  # of a header")
    index = indexed({"a.py": "\n\n".join((body("parse", "header = line"), between, body("write", "header = line")))})
    ends = [index.search(f"`{literal}`").hits[0] for literal in ("def parse", "def write")]
    assert ends[0].end_line < ends[1].start_line - 1
    assert [(hit.start_line, hit.end_line) for hit in index.search("header line").hits] == [(1, 109)]


def test_what_is_joined_has_a_limit(indexed):
    index = indexed({"a.py": "\n\n".join(body(f"parse_{n}", "parse(header, line)", 60) for n in range(6))})
    hits = index.search("header line").hits
    assert len(hits) > 1
    assert all(hit.byte_end - hit.byte_start <= 3100 for hit in hits)
    spans = sorted((hit.byte_start, hit.byte_end) for hit in hits)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


# Pages


def test_a_short_list_is_the_beginning_of_a_long_one(harbour):
    for question in ("session", "parcels of a customer", "test", "`return`"):
        longest = harbour.search(question, limit=100)
        for limit in (1, 5, 20):
            answer = harbour.search(question, limit=limit)
            assert answer.hits == longest.hits[:limit]
            assert (answer.total, answer.weak, answer.exhaustive) == (longest.total, longest.weak, longest.exhaustive)


@pytest.mark.parametrize("page", [1, 3, 7])
def test_pages_tile_the_whole_list(indexed, page):
    index = indexed({f"m{n}.py": f"def load(path_{n}):\n    return read(path_{n})\n" + f"# {n}\n" * 600 for n in range(12)})
    whole = index.search("load a path", limit=100)
    tiled = []
    while part := index.search("load a path", limit=page, offset=len(tiled)).hits:
        tiled += part
    assert tuple(tiled) == whole.hits
    assert len({(hit.path, hit.byte_start) for hit in tiled}) == len(tiled) == whole.total


def test_a_page_behind_the_end_is_empty(harbour):
    answer = harbour.search("session", offset=10_000)
    assert answer.hits == ()
    assert answer.total > 0


@pytest.mark.parametrize("limit", [-1, 0, 101, 1.5, "10"])
def test_a_limit_out_of_1_to_100_is_refused(harbour, limit):
    for ask in (harbour.search, harbour.similar, harbour.usages):
        with pytest.raises(InvalidQuery, match="1 to 100"):
            ask("Session", limit=limit)


@pytest.mark.parametrize("offset", [-1, 2.0, None])
def test_an_offset_that_is_none_is_refused(harbour, offset):
    for ask in (harbour.search, harbour.similar, harbour.usages):
        with pytest.raises(InvalidQuery, match="0 or more"):
            ask("Session", offset=offset)


# What is said of an answer


def test_nothing_in_the_index_fits_an_off_topic_question(harbour):
    answer = harbour.search("photosynthesis of tropical orchids")
    assert answer.weak or not answer.hits


def test_words_that_occur_nowhere_give_a_weak_answer_or_none(harbour):
    answer = harbour.search("xyzzyplugh frobnicatorium")
    assert answer.weak or answer.note


def test_the_definition_of_the_symbol_asked_for_is_no_weak_answer(harbour):
    assert not harbour.search("TokenBucket").weak


def test_an_empty_index_says_so(indexed):
    answer = indexed({"empty.py": "", "blank.txt": "\n \n"}).search("anything")
    assert (answer.hits, answer.total) == ((), 0)
    assert "empty" in answer.note


def test_scores_are_probabilities_and_signals_explain_the_order(harbour):
    answer = harbour.search("refresh a session", explain=True)
    assert all(0.0 <= hit.score <= 1.0 for hit in answer.hits)
    assert all(signal.name for hit in answer.hits for signal in hit.signals)
    assert all(hit.signals for hit in answer.hits)
    assert all(not hit.signals for hit in harbour.search("refresh a session").hits)


def test_a_hit_is_the_bytes_and_lines_of_its_file(harbour):
    root = harbour.checkouts[0].root
    for question in ("session", "route", "invoice", "`return`"):
        for hit in harbour.search(question, limit=50).hits:
            data = (root / hit.path).read_bytes()
            assert data[hit.byte_start : hit.byte_end].decode() == hit.text
            assert hit.start_line == 1 + data[: hit.byte_start].count(b"\n")
            assert hit.end_line == 1 + data[: hit.byte_end - 1].count(b"\n")


# Packing


def test_an_answer_fits_its_budget_and_says_what_is_missing(harbour):
    whole = harbour.search("session token", limit=20)
    packed = harbour.search("session token", limit=20, max_tokens=700)
    assert [hit.path for hit in packed.hits] == [hit.path for hit in whole.hits[: len(packed.hits)]]
    assert sum(len(hit.text) for hit in packed.hits) <= 4 * 700
    assert "did not fit" in packed.note
    assert packed.total == whole.total


def test_a_budget_that_holds_nothing_is_refused(harbour):
    with pytest.raises(InvalidQuery, match="hold no hit"):
        harbour.search("session", max_tokens=5)


def test_a_search_does_not_import_what_it_does_not_use(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("def load(path):\n    return path\n")
    program = (
        "import codetriever, sys\n"
        f"index = codetriever.open({str(tmp_path / 'code')!r}, store={str(tmp_path / 'store')!r})\n"
        "if len(sys.argv) > 1: index.refresh(); raise SystemExit\n"
        "assert index.search('load', languages=['python'], roles=['code']).hits\n"
        "assert index.search('`def`').hits and index.usages('load').usages\n"
        "heavy = {'numpy.ma', 'scipy', 'pygments', 'charset_normalizer', 'psutil', 'watchfiles', 'multiprocessing'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    for arguments in (["index"], []):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_words_alone_and_vectors_alone_can_be_asked(indexed):
    index = indexed({"sense.py": "def remove_file(path):\n    delete(path)\n", "other.py": "def paint(colour):\n    brush(colour)\n"})
    assert paths(index.search("erase folder", vector_share=0.0)) == []
    assert paths(index.search("erase folder", vector_share=1.0))[0] == "sense.py"
    assert paths(index.search("erase paint", vector_share=0.0)) == ["other.py"]


def test_a_share_out_of_0_to_1_is_refused(harbour):
    with pytest.raises(InvalidQuery):
        harbour.search("sessions", vector_share=1.5)


def test_no_more_text_is_read_for_a_literal_than_is_allowed_and_the_answer_says_so(indexed, monkeypatch):
    files = {f"{letter}.py": f"value = compute({letter!r})  # {'filler ' * 200}\n" for letter in "abcdefgh"}
    files["z.py"] = "value = compute()\nvalue = compute()\nvalue = compute()\n"
    index = indexed(files)
    whole = index.search("value = compute(", exact=True, limit=20)
    assert (whole.exhaustive, whole.total, whole.note) == (True, 9, "")
    monkeypatch.setattr("codetriever.search.literals.MAX_READ_BYTES", 2000)
    part = index.search("value = compute(", exact=True, limit=20)
    assert not part.exhaustive
    assert 0 < part.total < 9
    assert [hit.path for hit in part.hits[:1]] == [hit.path for hit in whole.hits[:1]] == ["z.py"]
    assert "were read" in part.note
    nothing = index.search("compute() value", exact=True)
    assert (nothing.hits, nothing.exhaustive) == ((), False)
    assert nothing.note.startswith("None of the files searched holds 'compute() value'.")
    assert index.search("compute", limit=20).note == ""


def test_punctuation_alone_is_read_for_in_bounds(indexed, monkeypatch):
    index = indexed({f"{letter}.py": "a = [1, 2]\nif a != (1, 2): ...\n" + letter for letter in "abcdefgh"})
    assert index.search("!= (", exact=True, limit=20).total == 8
    monkeypatch.setattr("codetriever.search.literals.MAX_READ_BYTES", 100)
    part = index.search("!= (", exact=True, limit=20)
    assert (part.exhaustive, part.total) == (False, 4)


def test_a_literal_is_found_under_every_path_of_its_text(indexed):
    index = indexed({"one/a.py": "marker = 17\n", "two/b.py": "marker = 17\n", "c.py": "marker = 18\n"})
    assert {hit.path for hit in index.search("marker = 17", exact=True).hits} == {"one/a.py", "two/b.py"}
    assert {hit.path for hit in index.search("marker = 17", exact=True, paths="two/").hits} == {"two/b.py"}
    assert {hit.path for hit in index.search('"marker =" "= 17"').hits} == {"one/a.py", "two/b.py"}


def test_every_part_of_a_function_of_5000_lines_is_found(indexed):
    lines = [f"    step_{number:04} = begin({number}) + step_{max(number - 1, 0):04}" for number in range(5_000)]
    index = indexed({"huge.py": "def all_of_it(begin):\n" + "\n".join(lines) + "\n", "other.py": "def other():\n    return 1\n"})
    spans = set()
    for number in range(0, 5_000, 20):
        [hit] = index.search(f'"begin({number})"', limit=1).hits
        assert f"begin({number})" in hit.text
        assert hit.name == "all_of_it"
        spans.add((hit.start_line, hit.end_line))
    starts = sorted(spans)
    assert starts[0][0] == 1
    assert len(starts) == index.status()["repositories"][0]["views"][0]["chunks"] - 1
