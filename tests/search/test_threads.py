"""One index, many threads: each answer is from one generation, and nothing is held between answers."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import codetriever

QUESTIONS = ("where is the value kept", "value_3", '"return 7"', "keep", "compute the value")


def write_files(root, value):
    for number in range(20):
        (root / f"part_{number}.py").write_text(f"def value_{number}():\n    # keep the value\n    return {value}\n")


def answers(index):
    return [[(hit.path, hit.start_line, hit.score, hit.text) for hit in index.search(question).hits] for question in QUESTIONS]


def test_many_threads_get_what_one_gets(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    write_files(root, 7)
    with codetriever.open(root, store=tmp_path / "store") as index:
        index.refresh()
        alone = answers(index)
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda _: answers(index), range(40)))
            used = list(pool.map(lambda _: index.usages("value_3").total, range(8)))
            shown = list(pool.map(lambda _: index.context("part_3.py:1").enclosing.text, range(8)))
        assert all(one == alone for one in together)
        assert used == [1] * 8
        assert set(shown) == {"def value_3():\n    # keep the value\n    return 7\n"}


def test_an_answer_is_never_from_two_generations(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    write_files(root, 0)
    done = threading.Event()
    with codetriever.open(root, store=tmp_path / "store") as index:
        index.refresh()

        def ask():
            seen = set()
            while not done.is_set():
                hits = index.search("keep the value", limit=20).hits
                seen.add(frozenset(hit.text.split()[-1] for hit in hits))
            return seen

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask) for _ in range(3)]
            for value in range(1, 4):
                write_files(root, value)
                list(pool.map(lambda _: index.refresh(), range(1)))
            done.set()
            seen = set().union(*(one.result() for one in asking))
    assert seen <= {frozenset({str(value)}) for value in range(4)}


def test_several_threads_may_refresh(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    write_files(root, 1)
    with codetriever.open(root, store=tmp_path / "store") as index, ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: index.refresh(), range(4)))
    assert {report.files for report in reports} == {20}
    assert sum(report.analysed_blobs for report in reports) == 20


def test_nothing_is_read_between_answers(tmp_path):
    """A read transaction that stays open would keep the log of a long-lived process from ever being emptied."""
    root = tmp_path / "project"
    root.mkdir()
    write_files(root, 1)
    with codetriever.open(root, store=tmp_path / "store") as index:
        index.refresh()
        assert index.search("keep the value").hits
        catalog = next((tmp_path / "store").glob("*/catalog.sqlite"))
        connection = sqlite3.connect(catalog, isolation_level=None)
        connection.execute("UPDATE meta SET value = value WHERE name = 'epoch'")
        busy, logged, copied = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.close()
        assert (busy, logged, copied) == (0, 0, 0)
