"""What do git's own settings say about ignore rules? Read from the files git reads, without starting it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTION = re.compile(r'\[\s*([\w.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\](.*)')
_VARIABLE = re.compile(r"([A-Za-z][\w-]*)\s*(?:=\s*(.*))?$")
_MAX_INCLUDES = 10


def read_config(path: Path, *, gitdir: Path | None = None) -> dict[str, str]:
    """Return a git configuration file as `section.subsection.name -> value`, the last one winning; unreadable files are empty.

    Included files count; of conditional ones those that ask for this `gitdir`.
    """
    return dict(_iter_values(path, gitdir, 0))


def rule_settings(common_dir: Path, gitdir: Path) -> tuple[Path | None, bool, tuple[Path, ...]]:
    """Return the global rule file, whether names are compared without case, and the configuration files that decided it."""
    files = (*_user_files(), common_dir / "config", gitdir / "config.worktree")
    values: dict[str, str] = {}
    for file in files:
        values.update(read_config(file, gitdir=gitdir))
    excludes = values.get("core.excludesfile")
    if excludes is None:
        chosen: Path | None = _user_folder() / "ignore"
    else:
        chosen = _expanded(excludes, common_dir) if excludes else None
    return chosen, _is_true(values.get("core.ignorecase", "")), files


def _user_files() -> tuple[Path, ...]:
    """The system's and the user's files, where git looks for them."""
    system = Path(os.environ.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig"))
    systems = () if _is_true(os.environ.get("GIT_CONFIG_NOSYSTEM", "")) else (system,)
    chosen = os.environ.get("GIT_CONFIG_GLOBAL")
    if chosen is not None:
        return (*systems, Path(chosen)) if chosen else systems
    return (*systems, _user_folder() / "config", Path("~/.gitconfig").expanduser())


def _user_folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 (never raises)
    return Path(base) / "git"


def _iter_values(path: Path, gitdir: Path | None, depth: int) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return
    prefix = ""
    for line in re.sub(r"\\\r?\n", "", text.removeprefix("\ufeff")).splitlines():
        rest = line.strip()
        if section := _SECTION.match(rest):
            name, subsection = section[1].lower(), section[2]
            prefix = name + "." if subsection is None else name + "." + re.sub(r"\\(.)", r"\1", subsection) + "."
            rest = section[3].strip()
        variable = _VARIABLE.match(rest)
        if variable is None or not prefix:
            continue
        key = prefix + variable[1].lower()
        value = "true" if variable[2] is None else _value(variable[2])
        yield key, value
        if depth < _MAX_INCLUDES and _includes(key, gitdir, path.parent):
            yield from _iter_values(_expanded(value, path.parent), gitdir, depth + 1)


def _value(text: str) -> str:
    """Undo quotes and escapes and drop a comment."""
    out: list[str] = []
    quoted = False
    kept = 0
    characters = iter(text)
    for character in characters:
        if character == '"':
            quoted = not quoted
        elif character == "\\":
            escaped = next(characters, "")
            out.append({"n": "\n", "t": "\t", "b": "\b"}.get(escaped, escaped))
            kept = len(out)
            continue
        elif character in "#;" and not quoted:
            break
        else:
            out.append(character)
        if quoted or not character.isspace():
            kept = len(out)
    return "".join(out[:kept])


def _includes(key: str, gitdir: Path | None, folder: Path) -> bool:
    if key == "include.path":
        return True
    if not key.startswith("includeif.gitdir") or not key.endswith(".path") or gitdir is None:
        return False
    kind, _, wanted = key.removeprefix("includeif.").removesuffix(".path").partition(":")
    if kind not in ("gitdir", "gitdir/i") or not wanted:
        return False
    if wanted.startswith("./"):
        wanted = str(folder) + wanted[1:]
    elif wanted.startswith("~/"):
        wanted = os.path.expanduser(wanted)  # noqa: PTH111 (never raises)
    elif not wanted.startswith("/"):
        wanted = "**/" + wanted
    if wanted.endswith("/"):
        wanted += "**"
    from codetriever.corpus.rules import translate

    flags = re.DOTALL | (re.IGNORECASE if kind.endswith("/i") else 0)
    return any(re.fullmatch(translate(wanted.encode()), os.fsencode(name), flags) for name in (gitdir, os.path.realpath(gitdir)))


def _expanded(value: str, folder: Path) -> Path:
    if value.startswith("~"):
        return Path(os.path.expanduser(value))  # noqa: PTH111 (never raises)
    return folder / value


def _is_true(value: str) -> bool:
    return value.lower() in ("true", "yes", "on", "1")
