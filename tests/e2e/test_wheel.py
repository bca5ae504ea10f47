"""Does what we ship work where nothing else is installed?"""

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST_INSTALLATION_BYTES = 200_000_000
NO_NETWORK = """
import socket

def refuse(self, address):
    if self.family != getattr(socket, "AF_UNIX", None):
        raise OSError(f"this test has no network, and something asked for {address}")
    return connect(self, address)

connect, socket.socket.connect = socket.socket.connect, refuse
"""

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """The wheel and the sdist, built from the checkout: the wheel out of the sdist, as a packager does it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def environment(distributions, tmp_path_factory):
    """An environment with the wheel and what it asks for, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", distributions[0]], check=True, capture_output=True)
    return python


def test_the_wheel_holds_the_package_and_nothing_else(distributions):
    with zipfile.ZipFile(distributions[0]) as wheel:
        names = wheel.namelist()
    assert {name.partition("/")[0] for name in names} <= {"codetriever", next(n for n in names if n.endswith("METADATA")).partition("/")[0]}
    assert "codetriever/py.typed" in names
    assert "codetriever/embedding/static.table" in names
    assert "codetriever/chunking/queries/python.scm" in names


def test_the_sdist_holds_what_builds_and_tests_it(distributions):
    with tarfile.open(distributions[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "src/codetriever/__init__.py", "tests/e2e/test_wheel.py"} <= names


def test_the_installation_is_small(environment):
    site_packages = next((environment.parent.parent / "lib").glob("python*/site-packages"))
    # pip and what it brings are the environment's, not ours.
    ours = [folder for folder in site_packages.iterdir() if not folder.name.startswith(("pip", "setuptools"))]
    size_bytes = sum(path.stat().st_size for folder in ours for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert size_bytes < LARGEST_INSTALLATION_BYTES


def test_it_searches_from_another_folder_without_network(environment, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "routes.py").write_text("def register_route(path, handler):\n    ROUTES[path] = handler\n")
    (tmp_path / "code" / "other.py").write_text("def unrelated():\n    return 1\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CODETRIEVER_", "PYTHON", "XDG_"))}
    environ |= {"HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "site")}
    program = environment.with_name("codetriever")

    def run(*words):
        return subprocess.run([program, *words], cwd=tmp_path / "code", env=environ, capture_output=True, text=True, check=False)

    done = run("how are routes registered", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hits"][0]["path"] == "routes.py"
    assert run("doctor").returncode == 0
    asking = "import socket; socket.create_connection(('127.0.0.1', 9))"
    refused = subprocess.run([environment, "-c", asking], env=environ, capture_output=True, text=True, check=False)
    assert "this test has no network" in refused.stderr


def test_a_plain_script_needs_no_main_guard(environment, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    for number in range(250):
        (code / f"module_{number}.py").write_text(f"def function_{number}():\n    return {number}\n" * 20)
    script = tmp_path / "script.py"
    script.write_text(
        "import codetriever\n"
        f"with codetriever.open({str(code)!r}, store={str(tmp_path / 'store')!r}) as index:\n"
        "    report = index.refresh()\n"
        "    print(report.files, index.search('function_77').hits[0].path)\n"
    )
    done = subprocess.run([environment, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("250 module_77.py\n", "")
