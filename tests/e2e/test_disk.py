"""A disk that is full and a home that may not be written: file systems of the test's own, which need a namespace of its own."""

import random
import shutil
import subprocess
import sys

import pytest

import codetriever

QUESTIONS = ("function_7_3", "return the version", '"value + 12"')


def can_mount(folder):
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    tried = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.fixture
def mount(tmp_path, program):
    """Run the program in a namespace where a folder is a small or read-only file system; what lies in it afterwards is copied out."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    if not can_mount(folder):
        pytest.skip("file systems cannot be mounted here")

    def run(options, *words, cwd, filled_from=None, copied_to=None, **environ):
        script = """
            mount -t tmpfs -o "$1" none "$MOUNTED" || exit 99
            [ -z "$2" ] || cp -a "$2/." "$MOUNTED" || exit 98
            out=$3; shift 3; "$@"; code=$?
            [ -z "$out" ] || cp -a "$MOUNTED/." "$out"
            exit $code
        """
        command = [
            "unshare",
            "-rm",
            "sh",
            "-c",
            script,
            "sh",
            options,
            filled_from or "",
            copied_to or "",
            program.executable,
            *words,
        ]
        done = subprocess.run(
            command,
            cwd=cwd,
            env=program.environ | {"MOUNTED": str(folder)} | environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode not in (98, 99), done.stderr
        return done

    run.folder = folder
    return run


def module(number, version):
    return "\n\n".join(
        f"def function_{number}_{part}(value):\n    '''Return {version}.'''\n    return value + {number * part}\n" for part in range(12)
    )


def answers(root, store):
    with codetriever.open(root, store=store) as index:
        found = [index.search(question, limit=100, explain=True) for question in QUESTIONS]
    return [(answer.hits, answer.total) for answer in found]


def fill_the_disk(mount, program, tmp_path, rooms):
    root, indexed = tmp_path / "code", tmp_path / "indexed"
    root.mkdir()
    for number in range(120):
        (root / f"module_{number}.py").write_text(module(number, 1))
    assert program("index", cwd=root, CODETRIEVER_STORE=str(indexed)).code == 0
    before = answers(root, indexed)
    for number in range(0, 120, 2):
        (root / f"module_{number}.py").write_text(module(number, 2))
    with codetriever.open(root, store=tmp_path / "fresh") as fresh:
        fresh.refresh()
    after = answers(root, tmp_path / "fresh")
    used = sum(path.stat().st_blocks * 512 for path in indexed.rglob("*"))
    outcomes = {"full": 0, "enough": 0}
    for number, room in enumerate(rooms):
        left = tmp_path / f"left_{number}"
        left.mkdir()
        done = mount(f"size={used + room}", "index", cwd=root, filled_from=indexed, copied_to=left, CODETRIEVER_STORE=str(mount.folder))
        outcomes["full" if done.returncode else "enough"] += 1
        if done.returncode:
            assert "no room left on the disk" in done.stderr, done.stderr
        assert answers(root, left) == (before if done.returncode else after)
        assert program("index", cwd=root, CODETRIEVER_STORE=str(left)).code == 0
        assert answers(root, left) == after
        shutil.rmtree(left)
    return outcomes


def test_a_full_disk_leaves_the_last_generation_and_says_so(mount, program, tmp_path):
    outcomes = fill_the_disk(mount, program, tmp_path, [4 << 10, 400 << 10, 64 << 20])
    assert outcomes["full"]
    assert outcomes["enough"]


@pytest.mark.long("disk full")
def test_a_disk_that_is_full_at_any_moment(mount, program, tmp_path, record_property):
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    outcomes = fill_the_disk(mount, program, tmp_path, [chance.randrange(4 << 10, 256 << 10) for _ in range(50)])
    assert outcomes["full"], seed
    record_property("done", f"50 disks with 4 to 256 kB of room, seed {seed}: {outcomes['full']} were full, {outcomes['enough']} were not")


def test_a_first_index_on_a_full_disk_says_so(mount, tmp_path):
    root = tmp_path / "code"
    root.mkdir()
    for number in range(120):
        (root / f"module_{number}.py").write_text(module(number, 1))
    done = mount("size=100k", "function_7_3", cwd=root, CODETRIEVER_STORE=str(mount.folder))
    assert (done.returncode, "no room left on the disk" in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


HOMES = {"a read-only home": "ro,size=1m", "a full home": "size=4k"}


@pytest.mark.parametrize("repeats", [1, pytest.param(20, marks=pytest.mark.long("read-only home"))])
@pytest.mark.parametrize("home", HOMES)
def test_without_a_home_to_write_to_the_index_lies_in_the_temporary_folder(
    mount, program, repository, tmp_path, home, repeats, record_property
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for _ in range(repeats):
        done = mount(
            HOMES[home], "parse_config", "-k", "1", cwd=repository, HOME=str(mount.folder), CODETRIEVER_STORE="", TMPDIR=str(temporary)
        )
        assert done.returncode == 0, done.stderr
        assert "def parse_config" in done.stdout
        if home == "a read-only home":
            assert "cannot be written" in done.stderr
            assert len(list(temporary.glob("codetriever-*"))) == 1
    record_property("done", f"{repeats} searches with {home}")


@pytest.mark.parametrize("home", ["", "/nonexistent/home", "/dev/null", "/proc"])
def test_a_home_that_is_none_is_no_trouble(program, repository, tmp_path, home):
    environ = program.environ | {"HOME": home, "TMPDIR": str(tmp_path)}
    environ.pop("CODETRIEVER_STORE")
    environ.pop("CODETRIEVER_CONFIG")
    done = subprocess.run(
        [program.executable, "parse_config", "-k", "1"],
        cwd=repository,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "def parse_config" in done.stdout
