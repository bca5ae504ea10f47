"""A server of git repositories on this machine, with git's own back end, as tests need it: slow, closed, redirecting."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
}  # fmt: skip


class GitServer(ThreadingHTTPServer):
    """Serves the repositories of a folder; `asked` are the headers of every request by path."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.password = ""  # what `Authorization` has to be
        self.redirect = ""  # where everything is sent
        self.delay_s = 0.0
        self.asked: list[tuple[str, dict[str, str]]] = []

    def handle_error(self, *_: object) -> None:
        """Who asked has gone: that is what some tests are about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, name: str, files: Mapping[str, str | None], *, branch: str = "main") -> str:
        """Change files of a repository, which is made when it is new, and return the new commit."""
        tree = self.folder / name
        if not (tree / ".git").is_dir():
            git(self.folder, "init", "-q", "-b", branch, name)
        elif branch not in git(tree, "branch", "--format=%(refname:short)").split():
            git(tree, "switch", "-q", "-c", branch)
        else:
            git(tree, "switch", "-q", branch)
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                (tree / path).unlink()
            else:
                (tree / path).write_text(text)
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "--allow-empty", "-m", "change")
        return git(tree, "rev-parse", "HEAD").strip()


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, env=plain_environment(), capture_output=True, text=True, check=True).stdout


def plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | ENVIRONMENT


@contextmanager
def served(folder: Path) -> Iterator[GitServer]:
    folder.mkdir(exist_ok=True)
    server = GitServer(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: GitServer

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        time.sleep(self.server.delay_s)
        if self.server.redirect:
            return self._send(301, {"Location": self.server.redirect + self.path}, b"")
        if self.server.password and self.headers.get("Authorization") != self.server.password:
            return self._send(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        path, _, question = self.path.partition("?")
        environment = plain_environment() | {
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": question,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        return self._send(int(headers.pop("Status", "200 OK").split()[0]), headers, data)

    def _send(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass
