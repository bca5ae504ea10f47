"""Are the pages that are made from tables current?"""

import re
import subprocess
import sys
from pathlib import Path

from codetriever.chunking.grammars import GRAMMARS

ROOT = Path(__file__).parents[2]
GENERATOR = ROOT / "docs" / "generate.py"


def test_pages_are_current():
    done = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pages_count_the_languages_alike():
    told = [re.findall(pattern, (ROOT / page).read_text()) for page, pattern in PAGES_THAT_COUNT.items()]
    assert told == [[str(len(GRAMMARS))]] * len(PAGES_THAT_COUNT)


PAGES_THAT_COUNT = {"README.md": r"reads (\d+) languages by their syntax", "docs/languages.md": r"Of (\d+) languages the syntax is read"}
