"""Which repository, branch and commit is this path in? Read from git's files, since every search asks."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever.corpus.gitconfig import read_config, rule_settings
from codetriever.corpus.gitindex import IndexUnreadable, Tracked, read_index
from codetriever.corpus.rules import RuleFile, is_ignored, parse_rules
from codetriever.errors import PathNotFound
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_SHORT_COMMIT = 7


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree, or a plain folder.

    `root` is absolute and free of links. `identity` names the repository and is shared by its worktrees. `branch` is "" without
    git and `HEAD-<short commit>` when detached; `head` is "" before the first commit. `folder` is the path that was asked for,
    relative to the root, POSIX, "" for the root itself. `origin` is the remote's address without passwords, or "".
    """

    root: Path
    identity: str
    branch: str = ""
    head: str = ""
    is_git: bool = False
    folder: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class GitFolders:
    """`gitdir` belongs to one worktree (HEAD, index), `common` to all of them (config, refs, info/exclude)."""

    gitdir: Path
    common: Path


def locate(path: Path) -> Checkout:
    """Find the working tree that a file or folder lies in; raises `PathNotFound`.

    A path that the enclosing repository ignores, or that lies in its `.git`, is a root of its own.
    """
    try:
        real = Path(os.path.realpath(path, strict=True))
    except (OSError, ValueError) as error:
        raise PathNotFound(f"{path} cannot be found", hint="Name an existing file or folder.") from error
    home = real if real.is_dir() else real.parent
    found = enclosing_repository(home)
    if found is not None:
        root, folders = found
        below = real.relative_to(root)
        if ".git" not in below.parts and not _is_foreign(root, folders, below, real.is_dir()):
            return _read_checkout(root, folders, "" if real == root else below.as_posix())
    return Checkout(root=home, identity=str(home), folder="" if real == home else real.name)


def enclosing_repository(folder: Path) -> tuple[Path, GitFolders] | None:
    """Return the top and the git folders of the innermost working tree that a folder lies in, or None."""
    for root in (folder, *folder.parents):
        folders = git_folders(root)
        if folders is not None:
            return root, folders
    return None


def git_folders(root: Path) -> GitFolders | None:
    """Return the git folders of a working tree whose top is `root`, or None when it is no such thing."""
    dot_git = root / ".git"
    try:
        gitdir = dot_git if dot_git.is_dir() else _linked_gitdir(dot_git)
        common = _common_dir(gitdir)
        if (gitdir / "HEAD").is_file() and (common / "objects").is_dir() and (common / "refs").is_dir():
            return GitFolders(gitdir, common)
    except (OSError, ValueError):
        pass
    return None


def read_tracked(folders: GitFolders) -> Tracked:
    """Read what a working tree tracks; raises `IndexUnreadable`."""
    sha256 = read_config(folders.common / "config").get("extensions.objectformat") == "sha256"
    return read_index(folders.gitdir / "index", hash_bytes=32 if sha256 else 20)


def repository_rules(root: Path, folders: GitFolders | None) -> tuple[list[RuleFile], bool, list[Path]]:
    """Return the rules that hold for the whole tree, strongest first, whether case is ignored, and every file that had a say.

    They are those of `info/exclude` and of the user's global file, which hold for a plain folder too.
    """
    here = folders or GitFolders(root / ".git", root / ".git")
    global_file, ignore_case, settings = rule_settings(here.common, here.gitdir)
    sources = [here.common / "info" / "exclude"] if folders else []
    if global_file is not None:
        sources.append(global_file)
    rules = [one for source in sources if (one := load_rules(source, ignore_case=ignore_case)) is not None]
    return rules, ignore_case, [*settings, *sources]


def load_rules(path: Path, *, base: bytes = b"", ignore_case: bool = False) -> RuleFile | None:
    """Read a rule file; None when it is missing, unreadable or empty."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    rules = parse_rules(data, source=str(path), base=base, ignore_case=ignore_case)
    return rules if rules.patterns else None


def iter_chains(
    root: Path, relative: str, whole_tree: Sequence[RuleFile], *, rule_file: str = ".gitignore", ignore_case: bool = False
) -> Iterator[tuple[bytes, bytes, tuple[RuleFile, ...]]]:
    """Walk from the root towards `relative` and yield each step's folder, name and rule chain (nearest first)."""
    chain = tuple(whole_tree)
    above = b""
    for part in os.fsencode(relative).split(b"/"):
        file = root / os.fsdecode(above) / rule_file
        rules = None if file.is_symlink() else load_rules(file, base=above, ignore_case=ignore_case)
        chain = chain if rules is None else (rules, *chain)
        yield above, part, chain
        above += part + b"/"


def _is_foreign(root: Path, folders: GitFolders, below: Path, is_folder: bool) -> bool:
    """Say whether the repository ignores this path and tracks nothing in it."""
    relative = below.as_posix()
    if relative == ".":
        return False
    whole_tree, ignore_case, _ = repository_rules(root, folders)
    steps = list(iter_chains(root, relative, whole_tree, ignore_case=ignore_case))
    last = len(steps) - 1
    if not any(is_ignored(chain, above, name, is_folder or at < last) for at, (above, name, chain) in enumerate(steps)):
        return False
    wanted = os.fsencode(relative)
    try:
        tracked = read_tracked(folders)
    except IndexUnreadable:
        return True
    return not any(file == wanted or file.startswith(wanted + b"/") for file in (*tracked.files, *tracked.submodules))


def is_git_folder(folder: Path) -> bool:
    """Say whether a folder is what git keeps a repository in: a bare repository, or the `.git` of a checkout."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _linked_gitdir(file: Path) -> Path:
    """Follow the `gitdir:` line of a worktree's or submodule's `.git` file."""
    text = file.read_bytes().decode("utf-8", "surrogateescape")
    if not text.startswith("gitdir:"):
        raise ValueError(file)
    return file.parent / text.removeprefix("gitdir:").strip(" \r\n")


def _common_dir(gitdir: Path) -> Path:
    try:
        text = (gitdir / "commondir").read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return gitdir
    return gitdir / text.strip("\r\n")


def _read_checkout(root: Path, folders: GitFolders, folder: str) -> Checkout:
    head_text = _read_line(folders.gitdir / "HEAD")
    if head_text.startswith("ref:"):
        reference = head_text.removeprefix("ref:").strip()
        branch = reference.removeprefix("refs/heads/")
        head = _resolve(folders, reference)
        if branch == ".invalid":  # references are kept in a reftable, which only git reads
            branch = ""
    else:
        head = head_text if _COMMIT.fullmatch(head_text) else ""
        branch = f"HEAD-{head[:_SHORT_COMMIT]}"
    config = read_config(folders.common / "config", gitdir=folders.gitdir)
    return Checkout(
        root=root,
        identity=os.path.realpath(folders.common),
        branch=branch,
        head=head,
        is_git=True,
        folder=folder,
        origin=_origin(config),
    )


def has_branch(root: Path, branch: str) -> bool:
    """Say whether a working tree's repository has a branch; of what is no branch's name, or no repository, it does as far as is known."""
    folders = git_folders(root)
    if folders is None or not branch or branch.startswith("HEAD-"):
        return True
    return bool(_resolve(folders, f"refs/heads/{branch}")) or _read_line(folders.gitdir / "HEAD") == f"ref: refs/heads/{branch}"


def _resolve(folders: GitFolders, reference: str, depth: int = 0) -> str:
    """Return the commit a reference names: a loose file of the worktree or the repository, else a packed one."""
    for folder in dict.fromkeys((folders.gitdir, folders.common)):
        text = _read_line(folder / reference)
        if _COMMIT.fullmatch(text):
            return text
        if text.startswith("ref:") and depth < 5:
            return _resolve(folders, text.removeprefix("ref:").strip(), depth + 1)
    ending = " " + reference
    try:
        with open(folders.common / "packed-refs", encoding="utf-8", errors="surrogateescape") as packed:
            for line in packed:
                if line.rstrip("\n").endswith(ending) and _COMMIT.fullmatch(commit := line.split(" ", 1)[0]):
                    return commit
    except OSError:
        pass
    return ""


def _read_line(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readline().strip()
    except OSError:
        return ""


def _origin(config: dict[str, str]) -> str:
    urls = {key: value for key, value in config.items() if key.startswith("remote.") and key.endswith(".url")}
    url = urls.get("remote.origin.url") or next(iter(urls.values()), "")
    return re.sub(r"^([a-z][a-z0-9+.-]*://)[^/@]*@", r"\1", url)
