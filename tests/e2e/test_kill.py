"""kill -9 at any moment of indexing, of the indexer or of one of its parser processes."""

import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import projects
import psutil
import pytest
from projects import FILES, Project, differences, new_repository, write

DRIVER = """
import sys
from pathlib import Path
sys.path.append({tests!r})
from projects import Project

print("listing", flush=True)
def show(now):
    print(now.files_done, now.files_total, flush=True)

report = Project(Path({root!r}), Path({stores!r})).refresh(workers=2, progress=show)
print("end", report.generation, flush=True)
"""

KILLED = -9


@dataclass(frozen=True)
class Scene:
    """A repository that changed since its index was made: the index, and what it answers before and afterwards."""

    project: Project
    indexed: Path
    before: tuple
    after: tuple
    took_s: float


def start(project):
    tests = str(Path(projects.__file__).parent)
    source = DRIVER.format(tests=tests, root=str(project.root), stores=str(project.stores))
    return subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)


def module(number, version):
    lines = [
        f"def function_{number}_{part}(value):\n    '''Return {version}.'''\n    return value + {number * part}\n" for part in range(12)
    ]
    return "\n\n".join([f"import os\n\nVERSION = {version}\n", *lines])


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    numbers = range(320)
    new_repository(folder / "code", FILES | {f"src/module_{number}.py": module(number, 1) for number in numbers})
    project = Project(folder / "code", folder / "stores")
    project.refresh()
    before = project.picture()
    shutil.copytree(project.stores, folder / "indexed")
    write(project.root, {f"src/module_{number}.py": module(number, 2) for number in numbers if number % 10})
    for number in range(0, 40, 10):
        (project.root / f"src/module_{number}.py").unlink()
    write(project.root, {"src/new.py": "new = True\n"})
    started = time.monotonic()
    with start(project) as undisturbed:
        assert undisturbed.stdout.read().splitlines()[-1] == "end 2"
    return Scene(project, folder / "indexed", before, project.picture(), time.monotonic() - started)


def kill_once(scene, seconds, *, children):
    """Kill the indexer, or one of its children, so long after its start. Return who was killed, and at which stage."""
    shutil.rmtree(scene.project.stores)
    shutil.copytree(scene.indexed, scene.project.stores)
    with start(scene.project) as indexer:
        time.sleep(seconds)
        found = psutil.Process(indexer.pid).children() if children and indexer.poll() is None else []
        if found:
            found[seconds.as_integer_ratio()[0] % len(found)].kill()
        elif not children:
            indexer.kill()
        lines = indexer.stdout.read().splitlines()
    assert indexer.returncode in ((KILLED, 0) if not children else (0,))
    return "a parser" if found else "the indexer" if indexer.returncode == KILLED else "nobody", stage(lines)


def stage(lines):
    last = lines[-1].split() if lines else ["starting"]
    if not last[0].isdigit():
        return last[0]
    done, total = map(int, last)
    return "switching" if done == total else f"analysing, {100 * done // total // 20 * 20} % and more"


def check_everything_is_whole(scene):
    """The next search answers from a whole generation, and the next index completes it; nothing is left over."""
    seen = scene.project.picture()
    assert not differences(seen, scene.before) or not differences(seen, scene.after)
    with scene.project.open() as store:
        folder = store.folder
    scene.project.refresh()
    assert differences(scene.project.picture(), scene.after) == []
    write(scene.project.root, {"src/new.py": "new = False\n"})
    scene.project.refresh()
    assert scene.project.refresh().generation <= 4
    write(scene.project.root, {"src/new.py": "new = True\n"})
    assert len(list((folder / "views").iterdir())) == 1
    assert len(list((folder / "segments").iterdir())) == len(list((folder / "vectors").iterdir()))


def kill_spread(scene, times, seed):
    chance = random.Random(seed)
    table = Counter()
    for number in range(times):
        seconds = scene.took_s * (number + chance.random()) / times
        table[kill_once(scene, seconds, children=number % 4 == 3)] += 1
        check_everything_is_whole(scene)
    return table


def test_killed_at_any_moment_the_index_stays_whole_and_the_next_run_completes_it(scene):
    table = kill_spread(scene, 6, seed=1)
    assert sum(count for (who, _), count in table.items() if who == "the indexer") >= 3


@pytest.mark.long
def test_a_hundred_kills_spread_over_every_stage(scene, capsys):
    seed = random.SystemRandom().randrange(1 << 32)
    table = kill_spread(scene, 100, seed)
    with capsys.disabled():
        print(f"\nkill -9 while indexing, seed {seed}, {scene.took_s:.1f} s undisturbed")
        for (who, when), count in sorted(table.items(), key=str):
            print(f"  {count:4} {who:12} {when}")
    assert sum(count for (who, _), count in table.items() if who == "a parser") >= 5
