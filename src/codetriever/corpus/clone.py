"""What is in the repository at this address?

`clone` fetches one commit of one branch from an `https://` address with the git of this machine, within limits of time and size. The
address comes from strangers: git runs without its settings, hooks, helpers and prompts, speaks the address's protocol and no other, and
takes a password by its environment, never by its arguments or in an address that it might print.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from codetriever.errors import CloneFailed, DiskFull, PathNotFound, SourceRefused
from codetriever.system import folder_bytes
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

ALLOWED = ("https://",)
TIME_LIMIT_S = 600.0
MOST_BYTES = 2 << 30
MOST_FILES = 1_000_000
_POLL_S = 0.1
_COMPLAINT_BYTES = 10_000
_SLOW_BYTES_PER_S, _SLOW_S = 1000, 60
_BRANCH = re.compile(r"(?!.*(?:\.\.|@\{|//|\.lock(?:/|$)|/\.))[^\x00-\x20\x7f~^:?*\[\\/.][^\x00-\x20\x7f~^:?*\[\\]*(?<![/.])")
_HEAD = re.compile(r"^ref: refs/heads/(\S+)\tHEAD$", re.MULTILINE)
# What another attempt would not mend.
_LASTING = re.compile(r"couldn't find remote ref|not found|could not read (?:Username|Password)|Authentication failed|error: 40[0-4]")
_NO_ROOM = re.compile(rb"No space left on device|Disk quota exceeded|Out of diskspace|File too large")
# What git needs to find its parts and the way out; nothing that changes what it does.
_KEPT_VARIABLES = (
    "PATH SYSTEMROOT TMPDIR TEMP TMP SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE GIT_SSL_CAINFO GIT_SSL_CAPATH "
    "http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY"
).split()
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "credential.helper": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.lowSpeedLimit": str(_SLOW_BYTES_PER_S),
    "http.lowSpeedTime": str(_SLOW_S),
    "submodule.recurse": "false",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository is. `url` holds nothing secret; `credentials` are `user:password`, each percent-encoded, or "".

    A redirection is followed when it can lead nowhere that the address itself could not, and takes no password along.
    """

    url: str
    credentials: str = ""
    may_redirect: bool = False


@dataclass(frozen=True, slots=True)
class Cloned:
    """What was fetched; both are "" when the repository has no commit."""

    branch: str
    head: str


@dataclass(frozen=True, slots=True)
class _Limits:
    deadline: float
    most_bytes: int
    on_wait: Callable[[], None]


def parse_address(url: str, *, allowed: tuple[str, ...] = ALLOWED) -> Address:
    """Take an address apart; it has to begin with one of the prefixes that are allowed. Raises `SourceRefused`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        netloc = (f"[{host}]" if ":" in host else host) + ("" if parts.port is None else f":{parts.port}")
    except ValueError:
        raise SourceRefused("The address is malformed.", hint="It looks like https://example.org/owner/repository.git") from None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or re.search(r"[\x00-\x20\x7f\\]", url):
        raise SourceRefused(f"{_shown(url)} is not the address of a repository.", hint="It looks like https://example.org/owner/repository")
    if {".", ".."} & set(unquote(parts.path).split("/")):  # what asks for it would leave them out, and may land elsewhere
        raise SourceRefused(f"{_shown(url)} has `.` or `..` in it.")
    clean = f"{parts.scheme}://{netloc}{parts.path}"
    if not any(clean.startswith(prefix if prefix.endswith("/") else prefix + "/") for prefix in allowed):
        raise SourceRefused(f"{clean} may not be cloned: addresses have to begin with {', '.join(allowed) or 'nothing that is allowed'}.")
    user, password = (unquote(one or "") for one in (parts.username, parts.password))
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}" if user or password else ""
    return Address(clean, credentials, may_redirect=f"{parts.scheme}://" in allowed and not credentials)


def is_branch_name(name: str) -> bool:
    """Say whether git takes this for the name of a branch (git-check-ref-format)."""
    return bool(_BRANCH.fullmatch(name)) and not name.startswith("-") and name != "@"


def clone(
    address: Address,
    folder: Path,
    *,
    branch: str = "",
    timeout_s: float = TIME_LIMIT_S,
    max_bytes: int = MOST_BYTES,
    on_wait: Callable[[], None] = lambda: None,
) -> Cloned:
    """Fetch the newest commit of a branch, by default of the one that the repository calls its own, and check it out in `folder`.

    A folder that is a clone already is brought up to date; whatever else is in its tree goes. `max_bytes` bounds what is downloaded, and
    again what is checked out; `on_wait` is called a few times a second, and what it raises ends the work. Raises `CloneFailed`
    when another attempt may succeed, `DiskFull`, else `PathNotFound` and `SourceRefused`.
    """
    if branch and not is_branch_name(branch):
        raise SourceRefused(f"{branch!r} is no name for a branch.")
    limits = _Limits(time.monotonic() + timeout_s, max_bytes, on_wait)
    git = _Git(address, folder.absolute(), limits)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").is_dir():
        git.run("init", "--quiet", "--template=")
    git.run("config", "remote.origin.url", address.url)
    branch = branch or git.default_branch()
    if not branch:
        return Cloned("", "")
    commit = f"refs/remotes/origin/{branch}"
    what = ("--depth=1", "--no-tags", "--no-recurse-submodules", "--force", address.url, f"+refs/heads/{branch}:{commit}")
    git.run("fetch", "--quiet", *what)
    git.check_size(commit)
    git.run("checkout", "--quiet", "--force", "-B", branch, commit, "--")
    git.run("clean", "--quiet", "-ffdx")
    return Cloned(branch, git.run("rev-parse", "HEAD").strip())


def _shown(url: str) -> str:
    """Return an address without what may be a password, whatever it looks like."""
    return re.sub(r"//[^/]*@", "//", url)[:200]


class _Git:
    """Runs git in one folder, and ends it, with all it started, when a limit is passed."""

    def __init__(self, address: Address, folder: Path, limits: _Limits) -> None:
        self._url = address.url
        self._settings = _SETTINGS | {"http.followRedirects": "initial" if address.may_redirect else "false"}
        self._folder = folder
        self._limits = limits
        self._environment = _environment(address, folder)
        self._start_bytes = folder_bytes(folder / ".git")

    def run(self, *words: str) -> str:
        """Run git to its end and return what it prints."""
        with self._started(words) as process:
            while True:
                try:
                    out, complaint = process.communicate(timeout=_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    self._check()
        if process.returncode:
            reason = _reason(complaint)
            if _NO_ROOM.search(complaint):
                raise DiskFull(
                    f"There is no room left for {self._url}: {reason}.", hint="Free some space, or set TMPDIR to a folder with more."
                )
            kind = PathNotFound if _LASTING.search(reason) else CloneFailed
            raise kind(f"{self._url} could not be fetched: {reason}.", hint="Is the address right, and may it be read?")
        self._check()
        return out.decode("utf-8", "surrogateescape")

    def default_branch(self) -> str:
        """Return the branch that the repository calls its own, "" when it has no commit."""
        found = _HEAD.search(self.run("ls-remote", "--symref", self._url, "HEAD"))
        return found[1] if found else ""

    def check_size(self, commit: str) -> None:
        """Refuse a tree that would not fit, before anything of it is written: a small download may name a file a million times."""
        files = size = 0
        rest = b""
        with self._started(("ls-tree", "-r", "-l", "-z", "--full-tree", commit)) as process:
            assert process.stdout is not None
            while block := os.read(process.stdout.fileno(), 1 << 16):
                *records, rest = (rest + block).split(b"\0")
                files += len(records)
                size += sum(int(number) for one in records if (number := one.partition(b"\t")[0].rpartition(b" ")[2]).isdigit())
                if size > self._limits.most_bytes or files > MOST_FILES:
                    raise SourceRefused(f"{self._url} has more than {self._limits.most_bytes:,} bytes or {MOST_FILES:,} files.")
                self._check()

    @contextmanager
    def _started(self, words: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
        """Start git; whatever ends the block early ends git and all that it started."""
        settings = (part for name, value in self._settings.items() for part in ("-c", f"{name}={value}"))
        try:
            process = subprocess.Popen(
                ["git", *settings, *words],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise CloneFailed(f"git could not be started: {error.strerror}.", hint="Install git where the worker runs.") from error
        with process:
            try:
                yield process
            except BaseException:
                _kill(process)
                raise

    def _check(self) -> None:
        """Raise when a limit is passed."""
        if time.monotonic() > self._limits.deadline:
            raise CloneFailed(f"{self._url} was not fetched: it took longer than it may.")
        if folder_bytes(self._folder / ".git") - self._start_bytes > self._limits.most_bytes:
            raise SourceRefused(f"{self._url} was not fetched: it is larger than {self._limits.most_bytes:,} bytes.")
        self._limits.on_wait()


def _environment(address: Address, folder: Path) -> Mapping[str, str]:
    """Return the variables that git gets. A password travels as a header, which git sends to the address's own host alone."""
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    scheme = address.url.partition(":")[0]
    environment |= {
        "HOME": str(folder),  # where no .netrc is
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": scheme,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_TERMINAL_PROMPT": "0",
    }
    if address.credentials:
        user, _, password = address.credentials.partition(":")
        token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
        header = {"KEY_0": "http.extraHeader", "VALUE_0": f"Authorization: Basic {token}", "COUNT": "1"}
        environment |= {f"GIT_CONFIG_{name}": value for name, value in header.items()}
    return environment


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill git and the processes it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _reason(complaint: bytes) -> str:
    lines = complaint[-_COMPLAINT_BYTES:].decode("utf-8", "replace").strip().splitlines()
    said = next((line for line in reversed(lines) if line.startswith(("fatal:", "error:", "remote:"))), lines[-1] if lines else "no reason")
    return said.partition(":")[2].strip().rstrip(".") if said.startswith(("fatal:", "error:")) else said
