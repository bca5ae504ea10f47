"""What can be set, to what, and where does each value come from?"""

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.config import (
    BY_NAME,
    SETTINGS,
    Settings,
    format_size,
    format_value,
    load_settings,
    parse_value,
    project_file,
    store_folder,
    user_file,
)
from codetriever.errors import InvalidSetting, StoreNotWritable

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def environ(tmp_path):
    return {"CODETRIEVER_CONFIG": str(tmp_path / "user.toml")}


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "deep" / "er").mkdir(parents=True)
    return root


def load(repository, environ, **flags):
    return load_settings(flags=flags, start=repository, environ=environ)


def test_defaults(repository, environ):
    settings = load(repository, environ)
    assert settings == Settings()
    assert {settings.origin(one.name) for one in SETTINGS} == {"default"}
    assert (settings.memory, settings.batch_files, settings.batch_chunks) == (512 * 1024**2, 10, 100)


def test_each_source_beats_the_next(repository, environ, tmp_path):
    (tmp_path / "user.toml").write_text("limit = 1\n")
    assert load(repository, environ).limit == 1
    (repository / ".codetriever.toml").write_text("limit = 2\n")
    assert load(repository, environ).limit == 2
    environ["CODETRIEVER_LIMIT"] = "3"
    assert load(repository, environ).limit == 3
    assert load(repository, environ, limit="4").limit == 4


def test_origins_name_the_source(repository, environ, tmp_path):
    (tmp_path / "user.toml").write_text('memory = "1GiB"\n')
    (repository / ".codetriever.toml").write_text("hidden = true\n")
    environ["CODETRIEVER_WORKERS"] = "2"
    settings = load(repository, environ, limit="4")
    assert settings.origin("memory") == str(tmp_path / "user.toml")
    assert settings.origin("hidden") == str(repository / ".codetriever.toml")
    assert settings.origin("workers") == "CODETRIEVER_WORKERS"
    assert settings.origin("limit") == "--limit"
    assert settings.origin("color") == "default"


def test_the_project_file_is_found_from_a_folder_or_file_inside(repository):
    (repository / ".codetriever.toml").write_text("")
    (repository / "deep" / "file.py").write_text("")
    for start in (repository, repository / "deep" / "er", repository / "deep" / "file.py"):
        assert project_file(start) == repository / ".codetriever.toml"
    assert project_file(repository.parent) is None


def test_a_project_may_not_decide_where_is_written(repository, environ):
    (repository / ".codetriever.toml").write_text('store = "/somewhere"\n')
    with pytest.raises(InvalidSetting, match="a project may not decide") as error:
        load(repository, environ)
    assert "CODETRIEVER_STORE" in error.value.hint


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("memory", "much"),
        ("memory", "1MiB"),
        ("memory", "-5"),
        ("memory", ""),
        ("memory", True),
        ("memory", float("nan")),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "1.5"),
        ("limit", 2.0),
        ("hidden", "perhaps"),
        ("hidden", 1),
        ("color", "pink"),
        ("color", 3),
        ("refresh_budget_s", "soon"),
        ("refresh_budget_s", []),
        ("store", "a\0b"),
    ],
)
def test_a_bad_value_names_where_it_came_from(name, raw):
    with pytest.raises(InvalidSetting) as error:
        parse_value(BY_NAME[name], raw, "the origin")
    assert "the origin" in error.value.message
    assert name in error.value.message
    assert error.value.hint


def test_an_unknown_key_suggests_the_nearest(repository, environ):
    (repository / ".codetriever.toml").write_text("max-file-byte = 3\n")
    with pytest.raises(InvalidSetting, match=r"\.codetriever\.toml sets 'max-file-byte'") as error:
        load(repository, environ)
    assert "max_file_bytes" in error.value.hint


@pytest.mark.parametrize("content", [b"limit =", b"\xff\xfe", b"= 3"])
def test_a_damaged_file_is_named(repository, environ, content):
    (repository / ".codetriever.toml").write_bytes(content)
    with pytest.raises(InvalidSetting, match="is not TOML"):
        load(repository, environ)


def test_an_empty_variable_is_not_set(repository, environ):
    assert load(repository, environ | {"CODETRIEVER_LIMIT": ""}).limit == 10


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("64", 64),
        ("1k", 1024),
        ("2KB", 2000),
        ("512MiB", 512 * 1024**2),
        ("1.5 GiB", 3 * 1024**3 // 2),
        ("10 gb", 10**10),
        ("1T", 1024**4),
    ],
)
def test_sizes(text, size_bytes):
    assert parse_value(BY_NAME["cache_limit_bytes"], text, "here") == size_bytes


@pytest.mark.parametrize(("text", "seconds"), [("2", 2.0), ("500ms", 0.5), ("1.5 s", 1.5), ("2m", 120.0), (3, 3.0), (0, 0.0)])
def test_seconds(text, seconds):
    assert parse_value(BY_NAME["refresh_budget_s"], text, "here") == seconds


def test_sizes_that_were_measured_look_alike():
    assert [format_size(size) for size in (900, 368 * 1024, 376_833, 512 * 1024**2, 1_400_000)] == [
        "900B",
        "376.8kB",
        "376.8kB",
        "512MiB",
        "1.4MB",
    ]


@given(st.integers(min_value=0, max_value=10**15))
def test_a_size_that_is_written_exactly_is_read_as_the_same(size_bytes):
    text = format_size(size_bytes)
    read = parse_value(BY_NAME["cache_limit_bytes"], text, "here")
    assert read == size_bytes or ("." in text and abs(read - size_bytes) <= size_bytes * 0.05)


def test_every_default_is_a_value_that_may_be_typed():
    for setting in SETTINGS:
        assert parse_value(setting, format_value(setting, setting.default), "here") == setting.default


def test_the_user_file_can_be_named():
    assert user_file({"CODETRIEVER_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")
    assert user_file({}).name == "config.toml"


def test_a_named_store_is_made_private(tmp_path):
    folder = store_folder(Settings(store=str(tmp_path / "a" / "store")))
    assert folder.path == tmp_path / "a" / "store"
    assert folder.note == ""
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_named_store_never_gives_way(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreNotWritable, match="file"):
        store_folder(Settings(store=str(tmp_path / "file" / "store")))


def test_the_usual_store_lies_in_the_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if sys.platform == "linux":
        assert store_folder(Settings()).path == tmp_path / "cache" / "codetriever"


@pytest.mark.skipif(sys.platform != "linux", reason="names the cache folder by an XDG variable")
def test_the_usual_store_gives_way_to_a_private_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the cache folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = store_folder(Settings())
    assert folder.path.parent == tmp_path
    assert str(folder.path) in folder.note
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform != "linux", reason="names the cache folder by an XDG variable")
def test_a_temporary_folder_that_others_can_open_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (tmp_path / f"codetriever-{os.getuid()}").mkdir(mode=0o755)
    with pytest.raises(StoreNotWritable, match="by this user alone"):
        store_folder(Settings())


@pytest.mark.skipif(sys.platform != "linux" or IS_ROOT, reason="permissions do not bind this user")
def test_an_existing_index_that_cannot_be_written_is_still_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "codetriever" / "index").mkdir(parents=True)
    (tmp_path / "codetriever").chmod(0o500)
    assert store_folder(Settings()).path == tmp_path / "codetriever"
