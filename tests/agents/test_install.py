"""The verbs, as people run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("codetriever")


@pytest.fixture
def run(tmp_path):
    home = tmp_path / "home"
    (home / ".codex").mkdir(parents=True)
    (home / ".gemini").mkdir()
    (home / ".codex" / "config.toml").write_text('# mine\nmodel = "x"\n')

    def run(*words):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODETRIEVER_", "XDG_"))}
        environ = kept | {"HOME": str(home), "CODETRIEVER_CONFIG": str(home / "none"), "CODETRIEVER_STORE": str(tmp_path / "store")}
        return subprocess.run(
            [PROGRAM, *words], cwd=tmp_path, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )

    run.home = home
    return run


def test_a_plan_is_shown_and_nothing_done_without_consent(run):
    before = (run.home / ".codex" / "config.toml").read_text()
    shown = run("install", "--dry-run")
    assert shown.returncode == 0
    assert "config.toml" in shown.stdout
    assert "+[mcp_servers.codetriever]" in shown.stdout
    refused = run("install")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    told = json.loads(run("install", "--json").stdout)  # one object, which does not say that anything was done
    assert told["error"]["code"] == "confirmation_needed"
    assert not json.loads(run("install", "--dry-run", "--json").stdout)["done"]
    assert (run.home / ".codex" / "config.toml").read_text() == before


def test_install_check_uninstall(run):
    assert run("install", "--check").returncode == 2
    assert run("install", "--yes").returncode == 0
    checked = run("install", "--check")
    assert checked.returncode == 0, checked.stdout
    assert "starts and answers" in checked.stdout
    told = json.loads(run("install", "--check", "--json").stdout)
    assert told["server"]["answers"]
    assert all(client["knows"] for client in told["clients"])
    assert json.loads(run("install", "--yes", "--json").stdout)["changes"][0]["does"] == "unchanged"
    assert run("uninstall", "--yes").returncode == 0
    assert (run.home / ".codex" / "config.toml").read_text() == '# mine\nmodel = "x"\n'
    assert list((run.home / ".gemini").iterdir()) == []


def test_the_server_that_was_installed_is_this_one(run):
    run("install", "codex", "--yes")
    assert str(PROGRAM.resolve()) in (run.home / ".codex" / "config.toml").read_text()


def test_clients_that_are_not_known_or_have_no_such_file(run):
    assert "no client" in run("install", "nobody").stderr
    assert "--project" in run("install", "vscode").stderr
    assert '"servers"' in run("install", "--print", "vscode").stdout
    assert "no client" in run("install", "--print", "nobody").stderr


def test_doctor_looks_at_the_clients(run):
    def agents():
        checks = json.loads(run("doctor", "--json").stdout)["checks"]
        return {check["name"]: check for check in checks if check["name"] in ("agents", "codex")}

    assert "no coding agent here knows" in agents()["agents"]["found"]
    run("install", "codex", "--yes")
    found = agents()
    assert found["agents"]["state"] == "ok"
    assert "Codex knows it" in found["agents"]["found"]
    path = run.home / ".codex" / "config.toml"
    path.write_text(path.read_text().replace(str(PROGRAM.resolve()), "/elsewhere/codetriever"))
    assert agents()["codex"]["mend"] == "codetriever install codex"
