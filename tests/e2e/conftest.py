"""The installed program, run as people run it, on small repositories with real stores."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("codetriever")

FILES = {
    "README.md": "# Shop\n\nA shop with carts and sessions.\n",
    "shop/__init__.py": "",
    "shop/session.py": '''"""Who is logged in."""

import time

LIFETIME_S = 3600


class Session:
    """One customer's visit."""

    def __init__(self, token):
        self.token = token
        self.expires = time.time() + LIFETIME_S

    def refresh(self):
        """Prolong the visit before it expires."""
        self.expires = time.time() + LIFETIME_S
        return self
''',
    "shop/cart.py": '''"""What somebody wants to buy."""

from shop.session import Session


def add_to_cart(session: Session, article: str, count: int = 1):
    """Put an article into the cart of a session."""
    if count < 1:
        raise ValueError("nothing to add")
    return {"token": session.token, "article": article, "count": count}


def total_price(articles):
    """Sum the prices, taxes included."""
    return sum(article["price"] * article["count"] for article in articles)
''',
    "shop/config.py": '''"""Read the configuration."""


def parse_config(text):
    """Turn lines such as `name = value` into a dictionary."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, value in pairs}
''',
    "tests/test_session.py": """from shop.session import Session


def test_a_session_can_be_refreshed():
    assert Session("t").refresh().expires > 0
""",
    "server/main.go": """package main

import "net/http"

// serveCart answers with the cart's articles.
func serveCart(writer http.ResponseWriter, request *http.Request) {
	writer.Write([]byte("cart"))
}
""",
    "docs/naïve ünïcode (1).md": "# Émojis\n\nHow to greet: 🦀 hello\n",
    ".env": "SECRET_TOKEN=abc\n",
    ".gitignore": "build/\n",
    "build/generated.py": "def generated_thing():\n    pass\n",
}


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def paths(self):
        return [hit["path"] for hit in self.json["hits"]]


@dataclass(frozen=True)
class Program:
    """The installed command with a home, a store and settings of its own."""

    home: Path
    executable: Path = PROGRAM
    limit_s: float = 60

    @property
    def store(self):
        return self.home / "store"

    @property
    def environ(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODETRIEVER_", "GIT_", "XDG_"))}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            kept.pop(name, None)
        return kept | {
            "HOME": str(self.home),
            "CODETRIEVER_STORE": str(self.store),
            "CODETRIEVER_CONFIG": str(self.home / "config.toml"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PYTHONWARNINGS": "error",
            "PYTHONPATH": "",
        }

    def __call__(self, *words, cwd, stdin=b"", **environ):
        done = subprocess.run(
            [self.executable, *words],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            env=self.environ | environ,
            timeout=self.limit_s,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape"))

    def start(self, *words, cwd, **options):
        return subprocess.Popen([self.executable, *words], cwd=cwd, env=self.environ, text=True, **options)


def make_repository(root, files=FILES):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull})
    return root


@pytest.fixture
def program(tmp_path):
    (tmp_path / "home").mkdir()
    return Program(tmp_path / "home")


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository")


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """A repository that is indexed once and only read: (program, its root)."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "home").mkdir()
    program = Program(folder / "home")
    root = make_repository(folder / "shop")
    assert program("index", cwd=root).code == 0
    return program, root
