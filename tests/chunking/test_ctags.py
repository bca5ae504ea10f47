"""Of the functions, methods and types that Universal Ctags finds in real code at least nine in ten are found, by name and line.

`bench/languages.py` asks the same of real repositories in every language that both know; docs/languages.md has its numbers.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from bench.languages import measure

ROOT = Path(__file__).parents[2]


def has_universal_ctags() -> bool:
    found = shutil.which("ctags")
    return found is not None and b"Universal Ctags" in subprocess.run([found, "--version"], capture_output=True, check=False).stdout


pytestmark = pytest.mark.skipif(not has_universal_ctags(), reason="Universal Ctags is not installed")


def installed(kind: str, pattern: str, *, most: int) -> list[Path]:
    files = [path for path in sorted(Path(sysconfig.get_path(kind)).glob(pattern)) if path.stat().st_size < 100_000]
    return files[:: max(1, len(files) // most)][:most]


def test_in_this_project() -> None:
    found = measure("python", [(str(path), path) for folder in ("src", "tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))])
    assert found.expected > 1_000
    assert found.found >= 0.99 * found.expected, found.missed[:20]


@pytest.mark.parametrize(("language", "kind", "pattern"), [("python", "stdlib", "*.py"), ("c", "include", "**/*.h")])
def test_in_what_is_installed(language: str, kind: str, pattern: str) -> None:
    files = installed(kind, pattern, most=60)
    if len(files) < 20:
        pytest.skip(f"no {pattern} of Python's own is installed")
    found = measure(language, [(path.name, path) for path in files])
    assert found.expected > 100
    assert found.found >= 0.9 * found.expected, found.missed[:20]


FIXTURES = ROOT / "tests" / "chunking" / "fixtures"


@pytest.mark.parametrize("language", ["go", "java", "php", "ruby", "rust", "typescript"])
def test_in_what_has_every_kind(language: str) -> None:
    files = [path for path in (FIXTURES / language).iterdir() if path.suffix not in (".expected", ".md")]
    found = measure(language, [(path.name, path) for path in files])
    assert found.expected
    assert found.found >= 0.9 * found.expected, found.missed
