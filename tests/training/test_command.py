"""What does the command refuse before it starts work that takes an hour?"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHOUT_GO = "import sys; sys.modules['tree_sitter_go'] = None; from training.__main__ import main; sys.exit(main())"


def told(tmp_path, *rows, code="from training.__main__ import main; import sys; sys.exit(main())"):
    (tmp_path / "list.tsv").write_text("\n".join(("repository\tcommit\tlicence\tuse", *rows)) + "\n")
    options = f"--list={tmp_path}/list.tsv --checkouts={tmp_path} --model={tmp_path} --work={tmp_path}/w --out={tmp_path}/t".split()
    done = subprocess.run([sys.executable, "-c", code, *options], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert not (tmp_path / "w").exists()
    return done.stderr


def test_a_clone_that_is_missing_is_named(tmp_path):
    assert "Missing, or at another commit than the list says: owner/name" in told(tmp_path, "owner/name\tabc\tMIT\ttrain")


def test_a_grammar_that_is_missing_is_named(tmp_path):
    assert "No grammar can be loaded for: go" in told(tmp_path, code=WITHOUT_GO)
