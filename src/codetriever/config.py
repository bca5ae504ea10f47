"""What can be set, to what, and where did each value come from?

The fields of `Settings` are the one table: flags, environment variables, `config show` and docs/settings.md are made from it. A setting
`snake_case` is `--kebab-case`, `CODETRIEVER_SNAKE_CASE` and a key of the two TOML files; flag > environment > project file > user file >
default. The project file is `.codetriever.toml` at the repository's root. It comes with the code, perhaps from strangers, so it
may not decide where on this machine is written or how much of the machine is used.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever.errors import InvalidSetting, StoreNotWritable
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROJECT_FILE: Final = ".codetriever.toml"
USER_FILE: Final = "config.toml"
PREFIX: Final = "CODETRIEVER_"
# The signature that backup tools look for: https://bford.info/cachedir/
_CACHE_TAG: Final = "Signature: 8a477f597d28d172789f06886806bc55\n# Indexes of Codetriever, which can be built again.\n"

KIB, MIB, GB = 1024, 1024**2, 1000**3
_SIZE_UNITS: Final = {"": 1, "b": 1, "k": KIB, "m": MIB, "g": 1024**3, "t": 1024**4} | {
    f"{letter}{middle}b": base**power
    for power, letter in enumerate("kmgt", start=1)
    for middle, base in (("", 1000), ("i", 1024))
}  # fmt: skip
_STRUCTURED_HELP: Final = "send agents structured content beside the text; auto: not to clients that show the model only that"
_CLONE_HELP: Final = "what https addresses may begin with to be fetched and searched; several by spaces; empty: none"
_SAVINGS_HELP: Final = "do not count, in the store, how many tokens answers to agents have, nor what grep would have said"
_TIME_UNITS: Final = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_WORDS: Final = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_PASSWORD: Final = re.compile(r"(//[^/@:]*:|\bpassword=)[^@&\s]+(@|&|\s|$)")
_SHORT_NUMBER: Final = 10_000
_NUMBER_AND_UNIT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `kind` is size (bytes), seconds, integer, boolean, text, url, path or choice."""

    name: str
    kind: str
    default: Any
    help: str
    minimum: float = 0
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    project: bool = True  # may the project file set it?

    @property
    def flag(self) -> str:
        """The option of the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()


def _setting(kind: str, default: Any, help_text: str, **more: Any) -> Any:
    return field(default=default, metadata={"kind": kind, "default": default, "help": help_text, **more})


_MODEL_HELP: Final = "what makes vectors: static, transformer:FOLDER or :OWNER/MODEL, remote:SERVICE/MODEL, or a registered name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The value of every setting; `origins` says where each one that is not a default came from."""

    store: str = _setting("path", "", "folder the indexes are kept in; empty: the user's cache folder", project=False)
    memory: int = _setting("size", 512 * MIB, "memory that indexing may use, all processes together", minimum=64 * MIB, project=False)
    database_url: str = _setting("url", "", "database that keeps the indexes instead, like postgresql://user@host/name", project=False)
    database_read_url: str = _setting("url", "", "where searches read, when that is a replica of the database", project=False)
    tenant: str = _setting("text", "", "whose repositories in the database, by name or number; empty: the default one's", project=False)
    workers: int = _setting("integer", 0, "processes that parse; 0: as many as there are processors", maximum=256, project=False)
    cache_limit_bytes: int = _setting("size", 10 * GB, "size of all indexes together; the least recently used go first", project=False)
    max_file_bytes: int = _setting("size", 2 * MIB, "larger files are not indexed", minimum=1)
    batch_files: int = _setting("integer", 10, "files that are read ahead per batch", minimum=1, maximum=10_000)
    batch_chunks: int = _setting("integer", 100, "chunks that are embedded per batch", minimum=1, maximum=100_000)
    hidden: bool = _setting("boolean", False, "index hidden files and folders that git does not track")
    no_ignore: bool = _setting("boolean", False, "index files that ignore rules leave out")
    no_refresh: bool = _setting("boolean", False, "answer from the index as it is, without looking for changed files")
    refresh_budget_s: float = _setting("seconds", 2.0, "time a search spends on indexing what changed before it answers")
    limit: int = _setting("integer", 10, "hits per answer", minimum=1, maximum=100)
    color: str = _setting("choice", "auto", "when to colour the output", choices=("auto", "always", "never"))
    mcp_patience_s: float = _setting("seconds", 15.0, "time an agent's call waits for a first index", project=False)
    mcp_structured: str = _setting("choice", "auto", _STRUCTURED_HELP, choices=("auto", "always", "never"), project=False)
    mcp_token_file: str = _setting("path", "", "file with the token that MCP clients over HTTP have to send", project=False)
    clone_addresses: str = _setting("text", "", _CLONE_HELP, project=False)
    clone_bytes: int = _setting("size", 500 * MIB, "what a copy may download, and its files take", minimum=1, project=False)
    clone_s: float = _setting("seconds", 120.0, "time that fetching a copy may take", minimum=1, project=False)
    clone_age_s: float = _setting("seconds", 3600.0, "age at which a copy is fetched again", project=False)
    no_savings: bool = _setting("boolean", False, _SAVINGS_HELP, project=False)
    model: str = _setting("text", "static", _MODEL_HELP, project=False)
    model_precision: str = _setting("choice", "int8", "how exactly a transformer computes", choices=("int8", "float32"), project=False)
    remote_url: str = _setting("text", "", "address of the service that remote:SERVICE/MODEL asks; empty: its usual one", project=False)
    remote_dimensions: int = _setting("integer", 0, "dimensions to ask a service for; 0: what its model has", maximum=16_384, project=False)
    remote_timeout_s: float = _setting("seconds", 30.0, "time that a service has for one answer", minimum=0.1, project=False)
    remote_concurrency: int = _setting("integer", 4, "requests to a service at the same time", minimum=1, maximum=64, project=False)
    job_folders: str = _setting("text", "", "folders on a worker's machine that jobs may index, parted as in PATH", project=False)
    job_addresses: str = _setting("text", "https://", "what addresses that jobs clone have to begin with, parted by spaces", project=False)
    job_clone_bytes: int = _setting("size", 2 * 1024**3, "what a clone may download, and its files take", minimum=1, project=False)
    job_clones_bytes: int = _setting("size", 4 * 1024**3, "clones that workers keep between jobs; 0 keeps none", project=False)
    job_clone_s: float = _setting("seconds", 600.0, "time that a clone may take", minimum=1, project=False)
    job_contents_bytes: int = _setting("size", 64 * MIB, "contents that may be sent with a job at once", minimum=1, project=False)
    job_retry_s: float = _setting("seconds", 10.0, "time before a job is tried again, six times as long each time", project=False)
    job_silence_s: float = _setting("seconds", 30.0, "silence after which a worker counts as dead", minimum=1, project=False)
    job_keep_days: int = _setting("integer", 30, "days that jobs are remembered after they ended", project=False)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def writer_memory(self) -> int:
        """What of the memory a store's writer may buffer, in bytes: twice as much is no faster, and takes 20 MiB more at the peak."""
        return self.memory // 16

    def origin(self, name: str) -> str:
        """Where the value of `name` came from: a flag, a variable, a file, or "default"."""
        return self.origins.get(name, "default")


SETTINGS: Final = tuple(Setting(name=one.name, **one.metadata) for one in fields(Settings) if one.metadata)
BY_NAME: Final = {setting.name: setting for setting in SETTINGS}


def load_settings(
    *, flags: Mapping[str, Any] | None = None, start: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read every source of settings for work on `start` (the working directory by default).

    `flags` are values by setting name, as they were typed; None means not given. Raises `InvalidSetting`.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting, raw, origin in _sources(flags or {}, start or Path.cwd(), environ):
        values[setting.name] = parse_value(setting, raw, origin)
        origins[setting.name] = origin
    return Settings(**values, origins=origins)


def _sources(flags: Mapping[str, Any], start: Path, environ: Mapping[str, str]) -> Iterator[tuple[Setting, Any, str]]:
    """Every value that was given, the weakest source first."""
    yield from _file_values(user_file(environ), project=False)
    if project := project_file(start):
        yield from _file_values(project, project=True)
    for setting in SETTINGS:
        if environ.get(setting.variable):
            yield setting, environ[setting.variable], setting.variable
    for name, raw in flags.items():
        if raw is not None:
            yield BY_NAME[name], raw, BY_NAME[name].flag


def user_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where the user's settings are, whether or not the file exists. `CODETRIEVER_CONFIG` names another file."""
    environ = os.environ if environ is None else environ
    if named := environ.get(PREFIX + "CONFIG"):
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("codetriever", appauthor=False) / USER_FILE


def write_user_setting(name: str, value: str) -> Path:
    """Set one text in the user's file, leave the rest of the file as it is, and return the file; raises `InvalidSetting`."""
    import json
    import tomllib

    path = user_file().resolve()
    line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    by_hand = f"Write into it: {line}"
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        before = tomllib.loads(text)
        changed, count = re.subn(rf"^[ \t]*{name}[ \t]*=.*$", lambda _: line, text, count=1, flags=re.MULTILINE)
        changed = changed if count else f"{line}\n{text}"
        if tomllib.loads(changed) != {**before, name: value}:
            raise InvalidSetting(f"{path} cannot be changed without changing more than {name}.", hint=by_hand)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(changed, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be written: {error.strerror}.", hint=by_hand) from None
    except ValueError as error:
        raise InvalidSetting(f"{path} is not TOML: {error}.", hint=by_hand) from None
    return path


def is_address(path: str) -> bool:
    """Say whether a path is the address of a repository elsewhere; `clone_addresses` says which of them may be fetched."""
    return path.startswith(("https://", "http://"))


def project_file(start: Path) -> Path | None:
    """Return the project's settings for a path: the file beside the repository's `.git`, or in `start` itself."""
    try:
        start = Path(os.path.abspath(start))  # noqa: PTH100 - Path has no lexical way to remove ".."
        folder = start if start.is_dir() else start.parent
        root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)
        return root / PROJECT_FILE if (root / PROJECT_FILE).is_file() else None
    except (OSError, ValueError):
        return None


def _file_values(path: Path, *, project: bool) -> Iterator[tuple[Setting, Any, str]]:
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be read: {error.strerror}.") from None
    import tomllib

    try:
        table = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path} is not TOML: {error}.", hint='Write lines such as: memory = "1GiB"') from None
    for name, value in table.items():
        setting = _named(name, str(path))
        if project and not setting.project:
            raise InvalidSetting(
                f"{path} sets {name!r}, which a project may not decide.",
                hint=f"Set it in {user_file()}, as {setting.variable} or with {setting.flag}.",
            )
        yield setting, value, str(path)


def _named(name: str, origin: str) -> Setting:
    if name in BY_NAME:
        return BY_NAME[name]
    import difflib

    near = difflib.get_close_matches(name.replace("-", "_").lower(), BY_NAME, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "`codetriever config show` lists every setting."
    raise InvalidSetting(f"{origin} sets {name!r}, which is not a setting.", hint=hint)


def parse_value(setting: Setting, raw: Any, origin: str) -> Any:
    """Make the setting's value of what was given; raises `InvalidSetting` naming `origin`."""
    wanted = {
        "size": "a size such as 512MiB",
        "seconds": "a time such as 2s or 500ms",
        "integer": "a whole number",
        "boolean": "true or false",
        "choice": "one of " + ", ".join(setting.choices),
    }.get(setting.kind, "text")
    try:
        value = _PARSERS[setting.kind](raw)
    except (KeyError, ValueError, TypeError, OverflowError):
        raise InvalidSetting(f"{origin}: {setting.name} is {raw!r}.", hint=f"It has to be {wanted}.") from None
    if setting.choices and value not in setting.choices:
        raise InvalidSetting(f"{origin}: {setting.name} is {raw!r}.", hint=f"It has to be {wanted}.")
    if setting.kind in ("size", "seconds", "integer"):
        if value < setting.minimum:
            raise InvalidSetting(f"{origin}: {setting.name} is {raw}.", hint=f"The least is {format_value(setting, setting.minimum)}.")
        if setting.maximum is not None and value > setting.maximum:
            raise InvalidSetting(f"{origin}: {setting.name} is {raw}.", hint=f"The most is {format_value(setting, setting.maximum)}.")
    return value


def _size(raw: Any) -> int:
    return int(_scaled(raw, _SIZE_UNITS))


def _seconds(raw: Any) -> float:
    return float(_scaled(raw, _TIME_UNITS))


def _scaled(raw: Any, units: Mapping[str, float]) -> float:
    if isinstance(raw, bool):
        raise TypeError
    if isinstance(raw, int | float):
        if raw != raw or raw in (float("inf"), float("-inf")):
            raise ValueError
        return raw
    parts = _NUMBER_AND_UNIT.fullmatch(raw)
    if not parts:
        raise ValueError
    number, unit = parts.groups()
    factor = units[unit.lower()]
    return int(number) * factor if number.isdigit() else float(number) * factor


def _integer(raw: Any) -> int:
    if isinstance(raw, bool | float):
        raise TypeError
    return int(raw)


def _boolean(raw: Any) -> bool:
    return raw if isinstance(raw, bool) else _WORDS[_text(raw).strip().lower()]


def _text(raw: Any) -> str:
    if not isinstance(raw, str) or "\0" in raw:
        raise TypeError
    return raw


_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "size": _size,
    "seconds": _seconds,
    "integer": _integer,
    "boolean": _boolean,
    "choice": _text,
    "text": _text,
    "url": _text,
    "path": lambda raw: os.path.expanduser(_text(raw)),  # noqa: PTH111 - the empty path stays empty
}


def format_value(setting: Setting, value: Any) -> str:
    """Write a value the way it may be typed."""
    if setting.kind == "size":
        return format_size(value)
    if setting.kind == "seconds":
        return f"{value:g}s"
    if setting.kind == "url":
        return _PASSWORD.sub(r"\1***\2", value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def format_size(size_bytes: float) -> str:
    """Write a number of bytes for people: exact where that is short, else to a tenth of the largest unit."""
    for unit, factor in (("GiB", 1024**3), ("GB", GB), ("MiB", MIB)):
        if size_bytes % factor == 0 and 1 <= size_bytes // factor < _SHORT_NUMBER:
            return f"{int(size_bytes // factor)}{unit}"
    for unit, factor in (("GB", GB), ("MB", 1000**2), ("kB", 1000)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f}{unit}"
    return f"{int(size_bytes)}B"


@dataclass(frozen=True, slots=True)
class StoreFolder:
    """Where the indexes are; `note` says so when it is not where they usually are."""

    path: Path
    note: str = ""


def store_folder(settings: Settings) -> StoreFolder:
    """Decide where the indexes are kept, and create that folder for this user alone (mode 0700).

    A folder that was named is used as it is. The user's cache folder gives way to one in the temporary folder when it cannot be
    written and holds nothing. Raises `StoreNotWritable`.
    """
    if settings.store:
        named = Path(os.path.abspath(settings.store))  # noqa: PTH100 - links are kept as they were typed
        if not _prepared(named) and not named.is_dir():
            raise StoreNotWritable(f"the store {named} ({settings.origin('store')}) cannot be created.", hint="Name another with --store.")
        return StoreFolder(named)
    usual = usual_store()
    if _prepared(usual) or _holds_something(usual):
        return StoreFolder(usual)
    import tempfile

    fallback = Path(tempfile.gettempdir()) / f"codetriever-{os.getuid() if hasattr(os, 'getuid') else os.getlogin()}"
    if not _prepared(fallback) or not _is_private(fallback):
        raise StoreNotWritable(f"neither {usual} nor {fallback} can be written by this user alone.", hint="Name a folder with --store.")
    return StoreFolder(fallback, f"{usual} cannot be written: the index is kept in {fallback}")


def usual_store() -> Path:
    """Return the folder in the user's cache where the indexes are kept unless a setting says otherwise."""
    from platformdirs import user_cache_path

    return user_cache_path("codetriever", appauthor=False)


def _prepared(folder: Path) -> bool:
    """Make the folder if it is not there, and say whether it can be written. Neither git nor backups shall look into it."""
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / ".gitignore").write_text("*\n")
            (folder / "CACHEDIR.TAG").write_text(_CACHE_TAG)
    except OSError:
        with suppress(OSError):  # a full disk takes folders, and no files
            for name in (".gitignore", "CACHEDIR.TAG"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _holds_something(folder: Path) -> bool:
    try:
        return any(one.is_dir() for one in folder.iterdir())
    except OSError:
        return False


def _is_private(folder: Path) -> bool:
    """The temporary folder is everybody's: a folder that somebody else made, or can open, is not ours to trust."""
    facts = folder.lstat()
    owner = os.getuid() if hasattr(os, "getuid") else facts.st_uid
    return not folder.is_symlink() and facts.st_uid == owner and not facts.st_mode & 0o077
