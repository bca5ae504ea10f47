from codetriever.corpus.git import locate
from codetriever.evaluation.stripped import copy_without_comments


def test_a_copy_has_every_listed_file_without_the_comments_that_describe(project, tmp_path):
    (project / "notes.md").write_text("# Here we close connections\n")
    (project / "big.bin").write_bytes(b"x" * 2000)
    (project / "link.py").symlink_to("src/pool.py")
    (project / ".gitignore").write_text("ignored.py\n")
    (project / "ignored.py").write_text("def never():\n    pass\n")
    told = []
    copy = tmp_path / "copy"
    questions = copy_without_comments(locate(project), copy, max_bytes=1000, progress=lambda done, total: told.append((done, total)))
    copied = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert copied == {"notes.md", *(f"src/{name}.py" for name in ("pool", "retry", "parse", "draw", "mail", "sort"))}
    assert "agreed" not in "".join(path.read_text() for path in copy.rglob("*.py"))
    assert (copy / "notes.md").read_text() == "# Here we close connections\n"
    assert "Here close connections that waited too long as was agreed" in {question.query for question in questions}
    for question in questions:
        (span,) = question.spans
        lines = (copy / span.path).read_text().splitlines()[span.start_line - 1 : span.end_line]
        assert lines[0].startswith("def ")
        assert len(lines) > 1
    assert told[-1] == (9, 9)


def test_what_is_said_in_the_same_words_is_one_question(project, tmp_path):
    say = 'def {}():\n    """{} of every waiting member at once."""\n    return 1\n'
    for name in ("one", "two", "three"):
        (project / f"{name}.py").write_text(say.format(name, "Take care"))
    for name in ("a", "b", "c", "d"):
        (project / f"{name}.py").write_text(say.format(name, "Get hold"))
    questions = {question.query: question for question in copy_without_comments(locate(project), tmp_path / "copy")}
    assert {span.path for span in questions["Take care of every waiting member at once"].spans} == {"one.py", "two.py", "three.py"}
    assert "Get hold of every waiting member at once" not in questions
