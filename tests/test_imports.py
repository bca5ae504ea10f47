"""Who may import whom, and what is loaded when?"""

import ast
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import codetriever
from codetriever.corpus.listing import RACY_NS

SOURCE = Path(codetriever.__file__).parent
BOTTOM = {"types", "values", "errors", "config", "metrics", "compression", "system", "tokens", "focus", "wire", ""}
# What each room may import besides the bottom layer and itself. The leaves get parameters instead of settings.
ALLOWED = {
    "": {"api", "connection", "remote"},
    "corpus": set(),
    "chunking": set(),
    "lexical": set(),
    "ranking": set(),
    "embedding": {"lexical"},
    "evaluation": {"corpus", "chunking", "lexical", "api"},
    "store": {"lexical"},
    "search": {"chunking", "lexical", "ranking", "embedding", "store"},
    "jobs": {"corpus", "embedding", "indexing", "models", "roots", "store"},
    "indexing": {"corpus", "chunking", "lexical", "embedding", "store"},
    "models": {"embedding"},
    "model_checks": {"models", "embedding", "operations", "store"},
    "roots": {"corpus", "embedding", "store"},
    "shared": {"api", "connection", "models", "corpus", "ranking", "search", "store"},
    "connection": {"jobs", "shared", "roots", "store", "api", "corpus", "embedding"},
    "api": {"models", "roots", "connection", "corpus", "chunking", "lexical", "embedding", "store", "search", "indexing", "ranking"},
    "upkeep": {"connection", "corpus", "store"},
    "operations": {"api", "connection", "roots", "upkeep", "models", "corpus", "chunking", "lexical", "embedding", "store", "indexing"},
    "glance": {"corpus", "chunking", "lexical", "search"},
    "savings": {"corpus"},
    "remote": {"corpus"},
    "mcp": {"api", "connection", "operations", "glance", "savings", "remote", "upkeep"},
    "agents": set(),
    "cli": {
        "api",
        "connection",
        "upkeep",
        "jobs",
        "models",
        "model_checks",
        "store",
        "operations",
        "evaluation",
        "mcp",
        "agents",
        "savings",
        "remote",
    },
    "__main__": {"cli"},
}
LEAVES = ("corpus", "chunking", "lexical", "ranking", "embedding")
MODULES = sorted(path for path in SOURCE.rglob("*.py"))
HEAVY = {"numpy", "tree_sitter", "sqlite3", "backports", "pygments", "watchfiles", "psutil", "shtab", "platformdirs", "pathspec"}


def room(path):
    """The room a module belongs to; "" for the package's own `__init__`."""
    first = path.relative_to(SOURCE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" if node.module == "codetriever" else node.module for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "codetriever":
                first = rest.partition(".")[0]
                yield first if (SOURCE / first).is_dir() or (SOURCE / f"{first}.py").is_file() else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path):
    here = room(path)
    imported = set(imported_rooms(path)) - {here}
    allowed = BOTTOM | ALLOWED.get(here, set())
    assert imported <= (allowed - {"config"} if here in LEAVES else allowed)


# git's own variables (GIT_*, HOME) decide what git ignores, so its rules cannot be read without them.
READERS_OF_GIT = {"clone.py", "gitconfig.py", "gitlist.py", "walk.py"}
QUIET_LEAVES = [path for path in MODULES if room(path) in LEAVES and path.name not in READERS_OF_GIT]


@pytest.mark.parametrize("path", QUIET_LEAVES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_leaves_do_not_read_the_environment(path):
    reads = [node.attr for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Attribute)]
    assert not {"environ", "getenv", "environb"} & set(reads)


def loaded_by(code):
    script = f"import sys\n{code}\nimport json\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])} & HEAVY


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import codetriever") == set()


def test_help_loads_nothing_heavy():
    assert loaded_by("from codetriever.cli.main import main\nmain(['--help'])") == set()


def test_settings_load_nothing_heavy():
    assert loaded_by("from codetriever.cli.main import main\nmain(['config', 'show'])") <= {"platformdirs"}


def test_searching_loads_what_it_needs_and_no_more(tmp_path):
    (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    run = f"from codetriever.cli.main import main\nassert main(['f', {str(tmp_path)!r}, '--store', {str(tmp_path / 'store')!r}]) == 0"
    loaded_by(run)
    time.sleep(RACY_NS / 1e9)  # until then the file could change unnoticed, so a search reads it again
    loaded_by(run)
    assert loaded_by(run) <= {"numpy", "sqlite3", "backports", "platformdirs"}


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=lambda path: str(path.relative_to(SOURCE)))
def test_all_is_sorted_and_exists(path):
    module = importlib.import_module(".".join(("codetriever", *path.relative_to(SOURCE).parent.parts)))
    names = list(getattr(module, "__all__", []))
    assert names == sorted(names)
    assert all(hasattr(module, name) for name in names)


def test_only_the_command_line_prints():
    for path in MODULES:
        if room(path) != "cli":
            calls = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)]
            assert not [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"], path
