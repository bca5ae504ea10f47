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

import codetriever

DRIVER = """
import sys
from pathlib import Path
sys.path.append({tests!r})
print("starting", flush=True)
from projects import Project
from codetriever.indexing import parsers

parsers.POOL_WORTH_S = 0.0
print("listing", flush=True)
def show(now):
    print(now.files_done, now.files_total, flush=True)

report = Project(Path({root!r}), Path({stores!r})).refresh(workers=2, progress=show)
print("end", report.generation, flush=True)
"""

KILLED = -9
QUESTIONS = ("function_7_3", "return the version", "new value", '"value + 12"')


@dataclass(frozen=True)
class Scene:
    """A repository that changed since its index was made: the index, and what it answers before and afterwards."""

    project: Project
    indexed: Path
    before: tuple
    after: tuple
    answers: list


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
    with start(project) as undisturbed:
        assert undisturbed.stdout.read().splitlines()[-1] == "end 2"
    return Scene(project, folder / "indexed", before, project.picture(), answers(project))


def answers(project):
    """Hits, order and scores, as a person gets them."""
    with codetriever.open(project.root, store=project.stores) as index:
        found = [index.search(question, limit=100, explain=True) for question in QUESTIONS]
    return [(answer.hits, answer.total, answer.weak) for answer in found]


@dataclass(frozen=True)
class Moment:
    """When to kill: at a line that the indexer prints, or at the first one that tells of so many files done; and how long after that."""

    stage: str
    share: float = 0.0
    longest_wait_s: float = 0.0

    def has_come(self, line):
        if self.stage in ("starting", "listing"):
            return line.startswith(self.stage)
        done, total = map(int, line.split()) if line[0].isdigit() else (-1, 1)
        return done >= (total if self.stage == "switching" else self.share * total)


MOMENTS = (
    Moment("starting", longest_wait_s=0.1),
    Moment("listing", longest_wait_s=0.05),
    Moment("listing", longest_wait_s=0.4),
    *(Moment("analysing", share=tenths / 10, longest_wait_s=0.03) for tenths in range(10)),
    Moment("switching"),
    Moment("switching", longest_wait_s=0.02),
    Moment("switching", longest_wait_s=0.1),
)


def kill_once(scene, moment, chance, *, children):
    """Kill the indexer, or one of its children, at that moment. Return who was killed."""
    shutil.rmtree(scene.project.stores)
    shutil.copytree(scene.indexed, scene.project.stores)
    with start(scene.project) as indexer:
        while (line := indexer.stdout.readline()) and not moment.has_come(line):
            pass
        time.sleep(chance.uniform(0, moment.longest_wait_s))
        found = psutil.Process(indexer.pid).children() if children and indexer.poll() is None else []
        if found:
            chance.choice(found).kill()
        else:
            indexer.kill()
        indexer.stdout.read()
    assert indexer.returncode in ((0,) if found else (KILLED, 0))
    return "a parser" if found else "the indexer" if indexer.returncode == KILLED else "nobody"


def check_everything_is_whole(scene):
    """The next search answers from a whole generation, and the next index completes it; nothing is left over."""
    seen = scene.project.picture()
    assert not differences(seen, scene.before) or not differences(seen, scene.after)
    with scene.project.open() as store:
        folder = store.folder
    scene.project.refresh()
    assert differences(scene.project.picture(), scene.after) == []
    assert answers(scene.project) == scene.answers
    write(scene.project.root, {"src/new.py": "new = False\n"})
    scene.project.refresh()
    assert scene.project.refresh().generation <= 4
    write(scene.project.root, {"src/new.py": "new = True\n"})
    assert len(list((folder / "views").iterdir())) == 1
    assert len(list((folder / "segments").iterdir())) == len(list((folder / "vectors").iterdir()))


def kill_spread(scene, moments, seed):
    chance = random.Random(seed)
    table = Counter()
    for number, moment in enumerate(moments):
        children = moment.stage == "analysing" and number % 3 == 0
        table[kill_once(scene, moment, chance, children=children), moment.stage] += 1
        check_everything_is_whole(scene)
    return table


def test_killed_at_any_moment_the_index_stays_whole_and_the_next_run_completes_it(scene):
    table = kill_spread(scene, [MOMENTS[number] for number in (8, 2, 5, 6, -1, -2)], seed=1)
    assert table["a parser", "analysing"]
    assert sum(table[who, stage] for who, stage in table if who == "the indexer") >= 2


@pytest.mark.long("kill -9")
def test_a_hundred_kills_spread_over_every_stage(scene, record_property):
    seed = random.SystemRandom().randrange(1 << 32)
    table = kill_spread(scene, [MOMENTS[number % len(MOMENTS)] for number in range(100)], seed)
    kills = ", ".join(f"{count} of {who} {when}" for (who, when), count in sorted(table.items()))
    record_property("done", f"100 kills while indexing, seed {seed}: {kills}; hits, order and scores as undisturbed")
    assert all(table["the indexer", stage] for stage in ("starting", "listing", "analysing", "switching"))
    assert table["a parser", "analysing"] >= 10
