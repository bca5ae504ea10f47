import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import faulty_analyser
import numpy as np
import psutil
import pytest

from codetriever import metrics
from codetriever.indexing.analysis import analyse
from codetriever.indexing.messages import RawBlob
from codetriever.indexing.pool import WORKER_BYTES, Pool, worker_count, worker_share
from codetriever.indexing.worker import Setup


def blob(text, language="python"):
    data = text if isinstance(text, bytes) else text.encode()
    return RawBlob(hashlib.sha256(data).digest(), language, data, "some/path.py")


def good_blobs(count):
    return [blob(f"def answer_{number}():\n    return {number}\n") for number in range(count)]


def setup(limit_s=20.0, analyser="faulty_analyser:analyse"):
    return Setup(analyser, None, limit_s, 1e9, 1 << 30)


def names(analyses):
    return sorted(name for analysis in analyses for name in analysis.blobs.definitions.names)


def wait_until(condition, seconds=15.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def terms(blobs):
    """Every pair of a chunk and a term; in which order a process numbers its terms depends on what it has seen before."""
    owners = np.repeat(np.arange(len(blobs.pair_counts)), blobs.pair_counts).tolist()
    names = [blobs.vocabulary[term] for term in blobs.pair_terms.tolist()]
    return sorted(zip(owners, names, blobs.pair_frequencies.tolist(), strict=True))


def test_a_process_answers_what_this_one_would():
    blobs = good_blobs(5)
    with Pool(1, setup()) as pool:
        [analysis] = pool.submit(blobs).result(30)
    expected = analyse(blobs, None)
    assert analysis.failures == ()
    for column in ("digests", "chunk_counts", "byte_start", "byte_end", "pair_counts", "lengths"):
        np.testing.assert_array_equal(getattr(analysis.blobs, column), getattr(expected.blobs, column))
    assert terms(analysis.blobs) == terms(expected.blobs)
    assert analysis.blobs.contents == expected.blobs.contents


def test_a_file_that_crashes_the_parser_costs_only_itself():
    lost = metrics.snapshot().get("workers_lost_total", 0)
    with Pool(1, setup()) as pool:
        analyses = pool.submit([*good_blobs(3), blob(faulty_analyser.CRASH), *good_blobs(6)[3:]]).result(60)
        after = pool.submit(good_blobs(1)).result(60)
    assert names(analyses) == [f"answer_{number}" for number in range(6)]
    [failure] = [failure for analysis in analyses for failure in analysis.failures]
    assert failure.digest == hashlib.sha256(faulty_analyser.CRASH).digest()
    assert "died" in failure.detail
    assert names(after) == ["answer_0"]
    assert metrics.snapshot()["workers_lost_total"] == lost + 2


def test_a_file_that_hangs_the_parser_costs_only_itself():
    with Pool(1, setup(limit_s=0.7)) as pool:
        analyses = pool.submit([blob(faulty_analyser.HANG), *good_blobs(2)]).result(60)
    assert names(analyses) == ["answer_0", "answer_1"]
    [failure] = [failure for analysis in analyses for failure in analysis.failures]
    assert failure.detail == "it took too long"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit what is allocated")
def test_a_file_that_exhausts_the_memory_costs_only_itself():
    with Pool(1, setup()) as pool:
        analyses = pool.submit([blob(faulty_analyser.GREEDY), *good_blobs(2)]).result(60)
    assert names(analyses) == ["answer_0", "answer_1"]
    [failure] = [failure for analysis in analyses for failure in analysis.failures]
    assert "died" in failure.detail


def test_a_process_killed_from_outside_costs_no_file(tmp_path):
    marker = tmp_path / "begun"
    with Pool(1, setup()) as pool:
        future = pool.submit([*good_blobs(2), blob(faulty_analyser.slow(marker), "text")])
        wait_until(marker.exists)
        os.kill(pool.pids[0], signal.SIGKILL)
        analyses = future.result(60)
    assert names(analyses) == ["answer_0", "answer_1"]
    assert not [failure for analysis in analyses for failure in analysis.failures]
    assert sum(len(analysis.blobs.languages) for analysis in analyses) == 3


def test_an_exception_costs_the_one_file_that_raised_it():
    analysis = analyse([*good_blobs(1), RawBlob(b"\0" * 32, "python", 12), *good_blobs(2)[1:]], None)
    assert analysis.blobs.definitions.names == ["answer_0", "answer_1"]
    assert [failure.digest for failure in analysis.failures] == [b"\0" * 32]


def test_ctrl_c_in_the_terminal_does_not_end_a_process():
    with Pool(1, setup()) as pool:
        pool.submit(good_blobs(1)).result(30)
        [pid] = pool.pids
        os.kill(pid, signal.SIGINT)
        assert names(pool.submit(good_blobs(1)).result(30)) == ["answer_0"]
        assert pool.pids == [pid]


def test_closing_ends_the_processes_and_cancels_what_was_not_begun(tmp_path):
    marker = tmp_path / "begun"
    pool = Pool(1, setup())
    begun, waiting = pool.submit([blob(faulty_analyser.slow(marker), "text")]), pool.submit(good_blobs(1))
    wait_until(marker.exists)
    pids = pool.pids
    started = time.monotonic()
    pool.close()
    assert time.monotonic() - started < 5
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert begun.exception(1) is not None
    assert waiting.cancelled()


def test_without_processes_the_work_is_done_all_the_same():
    with Pool(2, setup(analyser="no_such_module:analyse")) as pool:
        futures = [pool.submit(good_blobs(2)) for _ in range(3)]
        assert [names(future.result(30)) for future in futures] == [["answer_0", "answer_1"]] * 3
        assert pool.pids == []


DRIVER = """
import hashlib, sys, time
from codetriever.indexing.messages import RawBlob
from codetriever.indexing.pool import Pool
from codetriever.indexing.worker import Setup

pool = Pool(2, Setup({analyser!r}, None, 3.0, 1e9, 1 << 30))
blobs = [RawBlob(hashlib.sha256(b"x = 1").digest(), "python", b"x = 1")]
futures = [pool.submit(blobs) for _ in range(4)]
print(sum(len(future.result()[0].blobs.languages) for future in futures), *pool.pids, flush=True)
{after}
"""


@pytest.mark.parametrize("how", ["script", "stdin", "-c"])
def test_it_works_from_a_plain_script_and_an_interactive_session(tmp_path, how):
    source = DRIVER.format(analyser="codetriever.indexing.analysis:analyse", after="pool.close()")
    script = tmp_path / "script.py"
    script.write_text(source)
    arguments = {"script": [str(script)], "stdin": ["-"], "-c": ["-c", source]}[how]
    done = subprocess.run([sys.executable, *arguments], input=source, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split()[0] == "4"
    assert done.stderr == ""


@pytest.mark.parametrize("task", ["idle", "hanging"])
def test_the_processes_die_with_a_parent_that_is_killed(task):
    after = {
        "idle": "time.sleep(60)",
        "hanging": "pool.submit([RawBlob(b'1' * 32, 'text', b'HANG\\n')]); time.sleep(0.2); print('now', flush=True); time.sleep(60)",
    }[task]
    source = DRIVER.format(analyser="faulty_analyser:analyse", after=after)
    source = f"import sys; sys.path.append({str(Path(__file__).parent)!r})\n" + textwrap.dedent(source)
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()[1:]]
        if task == "hanging":
            parent.stdout.readline()
        parent.kill()
    assert len(pids) == 2
    wait_until(lambda: not any(is_running(pid) for pid in pids))


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_nothing_is_imported_from_the_folder_that_is_being_indexed(tmp_path):
    for name in ("numpy", "backports", "compression", "tree_sitter", "struct", "pickle"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\nraise SystemExit")
    source = DRIVER.format(analyser="codetriever.indexing.analysis:analyse", after="pool.close()")
    script = "import os\nimport codetriever.indexing.analysis\n" + source.replace("pool =", f"os.chdir({str(tmp_path)!r})\npool =")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split()[0] == "4"
    assert not (tmp_path / "imported").exists()


def test_memory_and_cores_bound_the_number_of_processes():
    assert worker_count(512 << 20, cores=2) == 2
    assert worker_count(512 << 20, cores=64) * WORKER_BYTES < 512 << 20
    assert worker_count(64 << 20, cores=8) == 1
    assert worker_count(16 << 30, cores=8) == 8


def test_a_process_that_has_grown_too_large_is_replaced():
    with Pool(1, setup(), worker_bytes=1) as pool:
        assert names(pool.submit(good_blobs(1)).result(30)) == ["answer_0"]
        wait_until(lambda: not pool.pids)
        assert names(pool.submit(good_blobs(2)).result(30)) == ["answer_0", "answer_1"]


def test_the_processes_share_what_the_main_one_leaves():
    assert worker_share(512 << 20, 2) == 156 << 20
    assert worker_share(128 << 20, 1) == WORKER_BYTES
