import subprocess

import pytest

from codetriever.evaluation.history import commit_questions, head_commit, read_commits, surviving_spans
from codetriever.evaluation.measures import Span

POOL = "def open_pool(size):\n    return [None] * size\n\n\ndef close_pool(pool):\n    pool.clear()\n"


class Repository:
    def __init__(self, root):
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Somebody")
        self.git("config", "user.email", "somebody@example.com")
        self.git("config", "commit.gpgsign", "false")

    def git(self, *arguments):
        return subprocess.run(["git", "-C", self.root, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, subject, files):
        for path, text in files.items():
            target = self.root / path
            if text is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


def test_a_subject_asks_and_the_lines_that_blame_ascribes_to_its_commit_answer(repository):
    repository.commit("Open a pool of connections of a given size", {"src/pool.py": POOL})
    sha = repository.commit(
        "pool: log each connection before it is dropped (#7)",
        {"src/pool.py": POOL.replace("    pool.clear()\n", "    for one in pool:\n        print(one)\n\n    pool.clear()\n")},
    )
    asked = {question.query: question for question in commit_questions(repository.root, limit=10)}
    assert set(asked) == {"Open a pool of connections of a given size", "log each connection before it is dropped"}
    question = asked["log each connection before it is dropped"]
    assert question.spans == (Span("src/pool.py", 6, 7),)
    assert (question.language, question.origin, question.source) == ("python", sha, "commit")


def test_lines_that_were_changed_again_answer_no_more(repository):
    first = repository.commit("Open a pool of connections of a given size", {"pool.py": POOL})
    repository.commit("Empty the pool in place when it closes", {"pool.py": POOL.replace("    pool.clear()", "    del pool[:]")})
    head = head_commit(repository.root)
    assert surviving_spans(repository.root, head, first, "pool.py") == [Span("pool.py", 1, 5)]


def test_the_answer_of_an_old_commit_is_counted_at_the_commit_checked_out(repository):
    first = repository.commit("Open a pool of connections of a given size", {"pool.py": POOL})
    repository.commit("Say at the top what this module is for", {"pool.py": '"""Pools of connections.\n\nThat is all.\n"""\n\n' + POOL})
    head = head_commit(repository.root)
    assert surviving_spans(repository.root, head, first, "pool.py") == [Span("pool.py", 6, 11)]


def test_tests_docs_and_settings_may_change_beside_the_source_and_answer_nothing(repository):
    repository.commit(
        "Open a pool of connections of a given size",
        {"src/pool.py": POOL, "tests/test_pool.py": "def test_pool():\n    assert True\n", "README.md": "# Pools\n\nOf connections.\n"},
    )
    (question,) = commit_questions(repository.root, limit=10)
    assert {span.path for span in question.spans} == {"src/pool.py"}


def test_commits_of_many_files_of_removed_files_and_of_docs_alone_ask_nothing(repository):
    repository.commit("Split everything into many little modules", {f"src/part{number}.py": POOL for number in range(4)})
    repository.commit("Write down how the pools are used", {"README.md": "Use them\nwell.\n"})
    repository.commit("Add one more module that goes away", {"src/gone.py": POOL})
    repository.commit("Take the superfluous module away again", {"src/gone.py": None, "src/part0.py": POOL + "\nA = 1\nB = 2\n"})
    assert commit_questions(repository.root, limit=10) == []


def test_merges_ask_nothing(repository):
    repository.commit("Open a pool of connections of a given size", {"pool.py": POOL})
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit("Keep statistics about every single pool", {"statistics.py": "SEEN = {}\nTOTAL = 0\n"})
    repository.git("checkout", "--quiet", "main")
    repository.commit("Name the pools by their own number", {"names.py": "NAMES = {}\nFREE = []\n"})
    repository.git("merge", "--quiet", "--no-ff", "-m", "Bring the statistics of pools together here", "side")
    asked = {question.query for question in commit_questions(repository.root, limit=10)}
    assert "Bring the statistics of pools together here" not in asked
    assert "Keep statistics about every single pool" in asked


def test_the_same_seed_asks_the_same_and_the_limit_holds(repository):
    for number in range(8):
        repository.commit(f"Give part number {number} its own table of names", {f"part_{'abcdefgh'[number]}.py": POOL + f"N = {number}\n"})
    first = commit_questions(repository.root, limit=3, seed=5)
    assert len(first) == 3
    assert commit_questions(repository.root, limit=3, seed=5) == first
    assert commit_questions(repository.root, limit=3, seed=5, skip={question.origin for question in first}) != first


def test_names_with_spaces_quotes_and_other_scripts_survive_the_log(repository):
    names = {"a b.py": POOL, "ключ.py": POOL, 'q"uote.py': POOL}
    sha = repository.commit("Try out how names of files are written", names)
    (commit,) = read_commits(repository.root, head_commit(repository.root))
    assert (commit.sha, commit.subject, set(commit.paths)) == (sha, "Try out how names of files are written", set(names))
    (question,) = commit_questions(repository.root, limit=1)
    assert {span.path for span in question.spans} == set(names)


def test_links_and_submodules_are_no_files(repository):
    (repository.root / "link.py").symlink_to("pool.py")
    repository.commit("Open a pool of connections of a given size", {"pool.py": POOL})
    assert commit_questions(repository.root, limit=10) == []


def test_a_folder_without_history_is_an_error(repository):
    with pytest.raises(subprocess.CalledProcessError):
        commit_questions(repository.root, limit=1)
