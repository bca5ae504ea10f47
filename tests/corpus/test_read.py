from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.corpus.changes import stats_of
from codetriever.corpus.listing import RACY_NS
from codetriever.corpus.read import Content, read_file, resolve
from codetriever.types import Skip, SkipReason

from .conftest import write

KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "MIIEpAIBAAKCAQEA7v0Q8d1yJx8l2mS0b3o5wq6rZ9tUuVvWwXxYyZz012345678\n" * 4
    + "-----END RSA PRIVATE KEY-----\n"
)


def read(root: Path, path: str, max_bytes: int = 1000) -> Content:
    found = read_file(root, path, max_bytes=max_bytes)
    assert isinstance(found, Content)
    return found


def reason(root: Path, path: str, max_bytes: int = 1000) -> SkipReason:
    found = read_file(root, path, max_bytes=max_bytes)
    assert isinstance(found, Skip)
    assert found.path == path
    return found.reason


def test_content_is_the_bytes_and_their_digest(tmp_path: Path) -> None:
    data = b"one\r\ntwo\n"
    write(tmp_path, {"a b/é.py": data, "empty": ""})
    found = read(tmp_path, "a b/é.py")
    assert (found.data, found.digest) == (data, hashlib.sha256(data).digest())
    assert read(tmp_path, "empty").data == b""


def test_stats_are_kept_only_when_the_file_is_old_enough(tmp_path: Path) -> None:
    write(tmp_path, {"a": "x"})
    assert read(tmp_path, "a").stats == (0, 0, 0, 0)
    time.sleep(RACY_NS / 1e9 + 0.05)
    assert read(tmp_path, "a").stats == stats_of((tmp_path / "a").stat())
    os.utime(tmp_path / "a", (1, 1))
    assert read(tmp_path, "a").stats == (0, 0, 0, 0), "an old mtime proves nothing"


def test_a_file_written_while_it_is_read_has_no_stats(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"x" * 100})
    stop = threading.Event()

    def append() -> None:
        with (tmp_path / "a").open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"y" * 100)
                time.sleep(0.0005)

    writer = threading.Thread(target=append)
    writer.start()
    try:
        for _ in range(50):
            found = read(tmp_path, "a", max_bytes=10_000_000)
            assert found.stats == (0, 0, 0, 0)
            assert found.digest == hashlib.sha256(found.data).digest()
    finally:
        stop.set()
        writer.join()


def test_files_over_the_limit_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, {"a": "x" * 10})
    assert reason(tmp_path, "a", 9) is SkipReason.TOO_LARGE
    assert len(read(tmp_path, "a", 10).data) == 10


@pytest.mark.parametrize("data", [b"a\0b", b"%PDF-1.7\n", b"\x89PNG\r\n", bytes(range(1, 32)) * 20])
def test_binary_files_are_skipped(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, {"a": data})
    assert reason(tmp_path, "a") is SkipReason.BINARY


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
def test_text_in_other_encodings_is_not_binary(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, {"a": "Grüße\n".encode(encoding)})
    assert read(tmp_path, "a").data.decode(encoding) == "Grüße\n"


def test_credentials_are_never_read(tmp_path: Path) -> None:
    write(tmp_path, {".env": "A=1", "id_rsa": KEY, "server.txt": KEY, "cert.pem": "-----BEGIN CERTIFICATE-----\n", ".env.example": "A="})
    (tmp_path / "innocent").symlink_to(".env")
    for path in (".env", "id_rsa", "server.txt", "innocent"):
        assert reason(tmp_path, path) is SkipReason.CREDENTIAL
    for path in ("cert.pem", ".env.example"):
        read(tmp_path, path)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../a", "sub/../../a", "a\0b", "sub/..", "..", "..\\a"])
def test_paths_that_leave_the_root_are_refused(tmp_path: Path, path: str) -> None:
    write(tmp_path, {"sub/a": "", "a": ""})
    assert resolve(tmp_path, path) is None
    assert reason(tmp_path, path) is SkipReason.OUTSIDE_ROOT


def test_links_are_followed_only_below_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(tmp_path, {"root/a": "inside", "root/sub/b": "inside", "secret/c": "outside", "rootling/d": "outside"})
    links = {
        "near": "a",
        "sub/up": "../a",
        "far": "../secret/c",
        "away": "../secret",
        "sibling": "../rootling/d",
        "back": "../root/a",
        "chain": "away",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    (root / "absolute").symlink_to(tmp_path / "secret/c")
    for path in ("near", "sub/up", "back"):
        assert read(root, path).data == b"inside"
    for path in ("far", "away", "away/c", "chain/c", "sibling", "absolute"):
        assert reason(root, path) is SkipReason.OUTSIDE_ROOT


def test_what_is_no_regular_file_is_skipped_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    (tmp_path / "link").symlink_to("folder")
    for path in ("pipe", "folder", "link"):
        assert reason(tmp_path, path) is SkipReason.NOT_REGULAR
    assert reason(tmp_path, "loop") in (SkipReason.NOT_REGULAR, SkipReason.UNREADABLE)
    assert reason(Path("/dev"), "null") is SkipReason.NOT_REGULAR


def test_what_cannot_be_read_is_skipped_with_the_systems_reason(repository: Path, unprivileged: None) -> None:
    (repository / "README.md").chmod(0)
    (repository / "src").chmod(0)
    for path in ("README.md", "src/a.py", "gone"):
        assert reason(repository, path) is SkipReason.UNREADABLE
    (repository / "src").chmod(0o755)
    found = read_file(repository, "README.md", max_bytes=10)
    assert isinstance(found, Skip)
    assert found.detail == "Permission denied"


@given(st.text(max_size=20))
def test_no_path_makes_reading_raise(path: str) -> None:
    with TemporaryDirectory() as folder:
        assert isinstance(read_file(Path(folder), path, max_bytes=10), Skip), "there is no file in it"
