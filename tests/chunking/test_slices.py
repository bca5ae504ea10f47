import gc
import subprocess
import sys
import tracemalloc

import pytest

from codetriever.chunking.parse import load_parser
from codetriever.chunking.slices import parse_slices

LANGUAGES = {
    "python": b"def answer(value):\n    return value + 1\n\n\n",
    "perl": b"sub answer { my ($value) = @_; return $value =~ s/a/b/r; }\n",
}

IN_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from codetriever.chunking.parse import parse_briefly

sources = [("python", b"def answer(value):\\n    return [value + %d]\\n" % number * 300) for number in range(8)]
alone = [str(parse_briefly(source, language).root_node) for language, source in sources]
sys.setswitchinterval(1e-6)
with ThreadPoolExecutor(8) as pool:
    for _ in range(5):
        assert list(pool.map(lambda one: str(parse_briefly(one[1], one[0]).root_node), sources)) == alone
"""


def never(*_):
    return False


@pytest.mark.parametrize("language", LANGUAGES)
def test_parsing_in_slices_sees_the_whole_text(language):
    source = LANGUAGES[language] * 300
    parser = load_parser(language)
    tree = parse_slices(parser, source, never)
    assert str(tree.root_node) == str(parser.parse(source).root_node)
    assert bytes(tree.root_node.children[-1].text) == bytes(parser.parse(source).root_node.children[-1].text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_parsing_leaves_nothing_behind(language):
    source = LANGUAGES[language] * 2000
    parser = load_parser(language)
    parse_slices(parser, source, never)
    tracemalloc.start()
    try:
        for _ in range(3):
            parse_slices(parser, source, never)
        gc.collect()
        left_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left_bytes < len(source) / 2


def test_a_parse_that_is_late_is_given_up():
    parser = load_parser("python")
    with pytest.raises(ValueError, match="failed"):
        parse_slices(parser, LANGUAGES["python"] * 5000, lambda *_: True)
    parser.reset()
    assert not parse_slices(parser, LANGUAGES["python"], never).root_node.has_error


def test_threads_parse_at_once():
    """In a process of its own, which two threads with one parser would kill."""
    done = subprocess.run([sys.executable, "-c", IN_THREADS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
