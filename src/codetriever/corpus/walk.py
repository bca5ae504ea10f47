"""Which files are there? Those git would list, whether or not git is there to be asked."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever.corpus.dependencies import dependency_by_contents, dependency_by_name
from codetriever.corpus.git import GitFolders, git_folders, load_rules, read_tracked, repository_rules
from codetriever.corpus.gitindex import IndexUnreadable, Tracked
from codetriever.corpus.listing import Listing, Stamp, Watch, is_current, read_stamp, trusted
from codetriever.corpus.rules import RuleFile, is_ignored
from codetriever.errors import PathNotFound
from codetriever.types import Skip, SkipReason
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codetriever.corpus.git import Checkout

OWN_RULES = b".codetrieverignore"
_RULES_VERSION = 1
_DOT = ord(".")

Chain = tuple[RuleFile, ...]


@dataclass(frozen=True, slots=True)
class _Options:
    hidden: bool
    no_ignore: bool
    use_git: bool


class _Tree:
    """One repository or plain folder, being listed. Paths are bytes below `root`, folders end in `/`."""

    def __init__(self, root: bytes, git: GitFolders | None, *, is_nested: bool = False) -> None:
        self.root = root
        self.git = git
        self.is_nested = is_nested
        self.files: list[bytes] = []
        self.nested: list[bytes] = []
        self.skips: list[tuple[bytes, SkipReason, str]] = []
        self.folders: dict[bytes, Stamp] = {}
        self.inputs: dict[str, Stamp] = {}
        self.own_rules: list[RuleFile] = []
        self.tracked_folders: set[bytes] | None = None
        self.method = "walk"
        self.note = ""

    def depend_on(self, *paths: Path | bytes) -> None:
        """Note that the list depends on these files."""
        for path in paths:
            name = os.fsdecode(path)
            if name not in self.inputs:
                self.inputs[name] = read_stamp(name)


def list_files(
    checkout: Checkout, *, hidden: bool = False, no_ignore: bool = False, use_git: bool = True, previous: Listing | None = None
) -> Listing:
    """List the files of a checkout, all of it whatever its `folder`.

    Git's ignore rules hold, with or without git; tracked files are listed whatever the rules say. Untracked hidden files are
    left out unless `hidden`; `no_ignore` lists ignored files, dependencies and caches as well. `.codetrieverignore` leaves out tracked
    files too. Returns `previous` itself when it is still current. `use_git=False` lists without starting git. Raises `PathNotFound`
    when the root has gone or may not be listed.
    """
    options = f"{_RULES_VERSION} hidden={hidden} no_ignore={no_ignore}"
    if previous is not None and previous.watch.options == options and os.name == "posix" and is_current(str(checkout.root), previous.watch):
        return previous
    started_ns = time.time_ns()
    tree = _list_tree(os.fsencode(checkout.root).rstrip(b"/"), _Options(hidden, no_ignore, use_git))
    return Listing(
        paths=_decoded(sorted(set(tree.files))),
        skips=[Skip(os.fsdecode(path.rstrip(b"/")), reason, detail) for path, reason, detail in sorted(tree.skips)],
        method=tree.method,
        note=tree.note,
        watch=Watch(
            options=options,
            folders=_decoded(list(tree.folders)),
            folder_stamps=trusted(list(tree.folders.values()), started_ns),
            inputs=list(tree.inputs),
            input_stamps=trusted(list(tree.inputs.values()), started_ns),
        ),
    )


def _decoded(paths: Sequence[bytes]) -> list[str]:
    return os.fsdecode(b"\0".join(paths)).split("\0") if paths else []


def _list_tree(root: bytes, options: _Options, *, is_nested: bool = False) -> _Tree:
    tree = _Tree(root, git_folders(Path(os.fsdecode(root or b"/"))), is_nested=is_nested)
    if tree.git is not None:
        tree.depend_on(tree.git.gitdir / "index")
        if not (options.use_git and not options.no_ignore and _list_by_git(tree, tree.git, options)):
            _list_by_walk(tree, tree.git, options)
    else:
        _scan(tree, options, Tracked((), ()), with_files=True)
    if not options.no_ignore:
        _apply_own_rules(tree)
    for folder in tree.nested:
        _include(tree, folder, options)
    return tree


def _include(tree: _Tree, folder: bytes, options: _Options) -> None:
    """Add what a nested repository or submodule lists."""
    if git_folders(Path(os.fsdecode(tree.root + b"/" + folder))) is None:
        return
    inner = _list_tree(tree.root + b"/" + folder.rstrip(b"/"), options, is_nested=True)
    tree.files += [folder + path for path in inner.files]
    tree.skips += [(folder + path, reason, detail) for path, reason, detail in inner.skips]
    tree.folders.update((folder + path, stamp) for path, stamp in inner.folders.items())
    tree.inputs.update(inner.inputs)
    tree.note = tree.note or inner.note


def _list_by_git(tree: _Tree, git: GitFolders, options: _Options) -> bool:
    """Ask git for the files while the folders are looked at; False, with a note, when it cannot be asked."""
    from codetriever.corpus.gitlist import GitUnavailable, ask_git

    try:
        listed = ask_git(tree.root or b"/", git.gitdir / "index", lambda: _scan(tree, options, Tracked((), ()), with_files=False))
    except GitUnavailable as error:
        tree.note = str(error)
        return False
    untracked = [path for path in listed.untracked if options.hidden or not (path[:1] == b"." or b"/." in path)]
    tree.files = listed.tracked + [path for path in untracked if path[-1:] != b"/"]
    tree.nested = [path + b"/" for path in listed.submodules] + [path for path in untracked if path[-1:] == b"/"]
    tree.method = "git"
    return True


def _list_by_walk(tree: _Tree, git: GitFolders, options: _Options) -> None:
    """List a repository without git: what the index tracks, and what the rules leave of the rest."""
    tracked = Tracked((), ())
    try:
        tracked = read_tracked(git)
    except IndexUnreadable as error:
        tree.note = f"git's index could not be read ({error}): tracked files that a rule ignores are missing"
    tree.files, tree.nested, tree.skips = list(tracked.files), [name + b"/" for name in tracked.submodules], []
    tree.folders, tree.own_rules = {}, []
    _scan(tree, options, tracked, with_files=True)


def _scan(tree: _Tree, options: _Options, tracked: Tracked, *, with_files: bool) -> None:
    """Walk the folders that are not ignored; note their stamps, their rule files, nested repositories and, if asked, untracked files."""
    whole_tree, ignore_case, sources = repository_rules(Path(os.fsdecode(tree.root or b"/")), tree.git)
    tree.depend_on(*sources)
    known = frozenset(map(bytes.lower, tracked.files)) if ignore_case else frozenset(tracked.files)
    submodules = frozenset(tracked.submodules)
    plain, widen = tree.git is None, options.hidden
    rules = not options.no_ignore
    stack: list[tuple[bytes, Chain, Chain]] = [(b"", tuple(whole_tree) if rules else (), ())]
    while stack:
        folder, chain, own = stack.pop()
        entries = _read_folder(tree, folder, plain and rules)
        if entries is None:
            continue
        if rules:
            chain, own = _with_rules(tree, folder, entries, chain, own, ignore_case)
        for name, is_folder in entries.items():
            if name == b".git":
                continue
            path = folder + name
            if is_folder:
                if path in submodules:
                    continue
                if plain and rules and (why := dependency_by_name(name)):
                    tree.skips.append((path + b"/", SkipReason.DEPENDENCY, why))
                elif (widen or name[0] != _DOT) and not is_ignored(chain, folder, name, True) and not is_ignored(own, folder, name, True):
                    stack.append((path + b"/", chain, own))
            elif (
                with_files
                and (path.lower() if ignore_case else path) not in known
                and (widen or name[0] != _DOT)
                and not is_ignored(chain, folder, name, False)
            ):
                tree.files.append(path)


def _read_folder(tree: _Tree, folder: bytes, skip_dependencies: bool) -> dict[bytes, bool] | None:
    """Return name -> is a folder, and note the folder's stamp; None for what is not this tree's to walk."""
    location = tree.root + b"/" + folder
    stamp = read_stamp(location)
    try:
        with os.scandir(location) as listed:
            entries = {entry.name: entry.is_dir(follow_symlinks=False) for entry in listed}
    except OSError as error:
        if not folder and not tree.is_nested:
            raise PathNotFound(f"{os.fsdecode(tree.root)} cannot be listed: {error.strerror}") from error
        tree.folders[folder] = stamp
        tree.skips.append((folder, SkipReason.UNREADABLE, error.strerror or "cannot be listed"))
        return None
    if folder and b".git" in entries and git_folders(Path(os.fsdecode(location))) is not None and not _tracks_below(tree, folder):
        tree.nested.append(folder)
        return None
    tree.folders[folder] = stamp
    if folder and skip_dependencies and (why := dependency_by_contents(entries)):
        tree.skips.append((folder, SkipReason.DEPENDENCY, why))
        return None
    return entries


def _tracks_below(tree: _Tree, folder: bytes) -> bool:
    """Say whether the repository tracks files in this folder: then git takes it for a plain folder, whatever it holds."""
    if tree.tracked_folders is None:
        tree.tracked_folders = set()
        try:
            files = () if tree.git is None else read_tracked(tree.git).files
        except IndexUnreadable:
            files = ()
        for path in files:
            while (slash := path.rfind(b"/")) >= 0 and path[: slash + 1] not in tree.tracked_folders:
                tree.tracked_folders.add(path[: slash + 1])
                path = path[:slash]
    return folder in tree.tracked_folders


def _with_rules(tree: _Tree, folder: bytes, entries: dict[bytes, bool], chain: Chain, own: Chain, ignore_case: bool) -> tuple[Chain, Chain]:
    """Put the folder's own rule files in front of the chains. Like git, a rule file that is a link does not count."""
    if b".gitignore" in entries:
        chain = (*_folder_rules(tree, folder, b".gitignore", ignore_case), *chain)
    if OWN_RULES in entries:
        found = _folder_rules(tree, folder, OWN_RULES, ignore_case)
        tree.own_rules += found
        own = (*found, *own)
    return chain, own


def _folder_rules(tree: _Tree, folder: bytes, name: bytes, ignore_case: bool) -> list[RuleFile]:
    location = tree.root + b"/" + folder + name
    tree.depend_on(location)
    if os.path.islink(location):  # noqa: PTH114 (bytes)
        return []
    rules = load_rules(Path(os.fsdecode(location)), base=folder, ignore_case=ignore_case)
    return [] if rules is None else [rules]


def _apply_own_rules(tree: _Tree) -> None:
    """Leave out what `.codetrieverignore` files name, tracked or not; one may lie in a folder that was not walked."""
    seen = {rules.base for rules in tree.own_rules}
    for path in tree.files:
        base = path[: -len(OWN_RULES)]
        if path.endswith(OWN_RULES) and base[-1:] in (b"", b"/") and base not in seen:
            tree.own_rules += _folder_rules(tree, base, OWN_RULES, False)
    if not tree.own_rules:
        return
    nearest_first = sorted(tree.own_rules, key=lambda rules: -len(rules.base))
    verdicts: dict[bytes, bool] = {b"": False}
    tree.files = [path for path in tree.files if not _left_out(path, False, nearest_first, verdicts)]
    tree.nested = [path for path in tree.nested if not _left_out(path[:-1], True, nearest_first, verdicts)]


def _left_out(path: bytes, is_folder: bool, rules: Iterable[RuleFile], verdicts: dict[bytes, bool]) -> bool:
    above, slash, name = path.rpartition(b"/")
    folder = above + slash
    if folder not in verdicts:
        verdicts[folder] = _left_out(above, True, rules, verdicts)
    return verdicts[folder] or is_ignored((one for one in rules if folder.startswith(one.base)), folder, name, is_folder)
