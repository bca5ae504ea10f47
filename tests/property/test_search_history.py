"""However an index got there, a search answers as one does that was made from nothing: hits, order and scores."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from projects import git, new_repository, write

import codetriever

FILES = {
    "src/session.py": "def refresh_session(token):\n    '''Make a new session from an old token.'''\n    return token\n",
    "src/app.py": "import os\n\n\nclass Server:\n    def start(self, port):\n        return os.getpid() + port\n",
    "docs/guide.md": "# Guide\n\nHow to start the server and refresh sessions.\n",
}
NAMES = ["src/session.py", "src/parse.py", "lib/session.rs", "lib/copy.py", "tests/test_parse.py", "docs/parse.md", "empty/session.py"]
TEXTS = [
    "def parse(text):\n    return text.split()\n",
    "def parse(text):\n    return text.strip()\n\n\nclass Session:\n    def refresh(self):\n        return 1\n",
    "# Parsing\n\nSome words about parsing a session and refreshing it.\n",
    "".join(f"def refresh_{n}(session):\n    '''Refresh part {n}.'''\n    return parse(session, {n})\n\n\n" for n in range(60)),
    "pub fn refresh(session: &Session) -> u32 {\n    session.token\n}\n",
    "",
    "binary\0data",
]
QUESTIONS = ["refresh a session", "parse", "Session.refresh", '"session" start', "where is text split into words"]
FILTERS = [{}, {"paths": ["src/", "!*.md"]}, {"roles": ["docs", "test"]}, {"languages": ["python"]}]

write_file = st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(TEXTS))
delete_file = st.tuples(st.just("delete"), st.sampled_from([*NAMES, *FILES]))
move_file = st.tuples(st.just("move"), st.sampled_from([*NAMES, *FILES]), st.sampled_from(NAMES))
switch = st.tuples(st.just("switch"), st.sampled_from(["main", "topic"]))
refresh = st.tuples(st.just("refresh"))
steps = st.lists(st.one_of(write_file, delete_file, move_file, switch, refresh), max_size=12)


def take_step(root, index, step):
    kind, *values = step
    paths = [root / value for value in values]
    if kind == "write":
        write(root, {values[0]: values[1]})
    elif kind == "delete":
        paths[0].unlink(missing_ok=True)
    elif kind == "move" and paths[0].exists():
        paths[1].parent.mkdir(parents=True, exist_ok=True)
        paths[0].replace(paths[1])
    elif kind == "switch":
        git(root, "add", "-A")
        git(root, "commit", "-q", "--allow-empty", "-m", "a step")
        git(root, "switch", "-q", *(() if values[0] in git(root, "branch") else ("-c",)), values[0])
        index.refresh()
    elif kind == "refresh":
        index.refresh()


def answers(index):
    found = {}
    for question in QUESTIONS:
        for number, filters in enumerate(FILTERS):
            answer = index.search(question, limit=100, explain=True, **filters)
            found[question, number] = (answer.hits, answer.total, answer.exhaustive, answer.weak, answer.note)
    found["usages"] = [(found.usages, found.counts) for found in (index.usages("refresh"), index.usages("session"))]
    found["outline"] = index.outline().files
    return found


def check_history(history):
    folder = Path(tempfile.mkdtemp())
    try:
        root = new_repository(folder / "code", FILES)
        with codetriever.open(root, store=folder / "store") as index, codetriever.open(root, store=folder / "fresh") as fresh:
            for step in history:
                take_step(root, index, step)
            index.refresh()
            fresh.refresh()
            one, other = answers(index), answers(fresh)
            assert [key for key in one if one[key] != other[key]] == []
            assert one == other
    finally:
        shutil.rmtree(folder)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
@example([("refresh",), ("delete", "src/session.py"), ("delete", "src/app.py")])
@example([("write", name, TEXTS[3]) for name in NAMES[:3]] + [("switch", "topic"), ("delete", NAMES[0]), ("refresh",), ("switch", "main")])
def test_any_history_answers_as_a_fresh_index(history):
    check_history(history)


@pytest.mark.long("histories")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(steps)
def test_many_histories_answer_as_fresh_indexes(history):
    check_history(history)


def test_more_paths_with_the_words_than_are_looked_at(tmp_path):
    """Files without chunks, and copies, take no place from the others, whatever numbers the index gave them."""
    files = {f"session/empty_{n}.py": "" for n in range(30)} | {f"session/binary_{n}.py": "\0" for n in range(30)}
    files |= {f"session/part_{n}.py": f"value_{n % 40} = {n % 40}\n" for n in range(70)}
    root = new_repository(tmp_path / "code", FILES)
    with codetriever.open(root, store=tmp_path / "store") as index, codetriever.open(root, store=tmp_path / "fresh") as fresh:
        for some in range(3):
            write(root, dict(list(files.items())[some::3]))
            index.refresh()
        fresh.refresh()
        assert answers(index) == answers(fresh)
        assert index.search("session value").total > 0
