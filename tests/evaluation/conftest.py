"""A repository with a history and doc comments, small enough to be asked in every test."""

import os
import subprocess

import pytest

TOPICS = {
    "pool": ("Close connections that waited too long", "def reap(pool, seconds):\n{doc}    for one in pool:\n        one.close()\n"),
    "retry": ("Wait twice as long after each failure", "def backoff(attempt):\n{doc}    base = 2\n    return base**attempt\n"),
    "parse": ("Read the settings of a project file", "def load(path):\n{doc}    text = path.read_text()\n    return loads(text)\n"),
    "draw": ("Paint a rounded border around the panel", "def frame(panel):\n{doc}    panel.stroke()\n    panel.round()\n"),
    "mail": ("Send a letter of welcome to new members", "def greet(member):\n{doc}    letter = member.name\n    post(letter)\n"),
    "sort": ("Order the results by price and then name", "def arrange(rows):\n{doc}    key = rows.price\n    return key\n"),
}


def git(root, *arguments):
    environment = {**os.environ, "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z"}
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest.fixture
def project(tmp_path):
    """Six modules, each added by one commit whose subject says what its doc comment does not."""
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    for name, (subject, code) in TOPICS.items():
        doc = f'    """Here {subject[0].lower()}{subject[1:]} as was agreed.\n    """\n'
        (root / "src" / f"{name}.py").write_text(code.format(doc=doc))
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "-m", f"{name}: {subject}")
    return root
