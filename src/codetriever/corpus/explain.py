"""Why is this file indexed, or not?"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codetriever.corpus.classify import classify
from codetriever.corpus.dependencies import dependency_by_contents, dependency_by_name
from codetriever.corpus.git import GitFolders, enclosing_repository, iter_chains, read_tracked, repository_rules
from codetriever.corpus.gitindex import IndexUnreadable, Tracked
from codetriever.corpus.read import Content, read_file
from codetriever.corpus.rules import deciding_rule
from codetriever.corpus.text import decode
from codetriever.corpus.walk import OWN_RULES
from codetriever.errors import PathNotFound
from codetriever.types import Role, Skip, SkipReason
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.corpus.git import Checkout
    from codetriever.corpus.rules import RuleFile

DEFAULT_MAX_BYTES = 2 * 1024 * 1024
_LOOKED_AT = 50  # files of an empty index; each costs the reading of the rules above it


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a file. `path` is relative to `root`, POSIX; `detail` is a sentence for people.

    `reason` is None for a file that is indexed, which has a language, a role, an encoding (Python codec) and a size in bytes.
    """

    root: str
    path: str
    reason: SkipReason | None
    detail: str
    language: str = ""
    role: Role | None = None
    encoding: str = ""
    size_bytes: int = 0

    @property
    def is_indexed(self) -> bool:
        """True when the next index of the checkout holds the file."""
        return self.reason is None


def explain(
    checkout: Checkout, path: str, *, hidden: bool = False, no_ignore: bool = False, max_bytes: int = DEFAULT_MAX_BYTES
) -> Explanation:
    """Explain a file, named as one types it: absolute, or relative to the working directory. Raises `PathNotFound`.

    A file that its repository ignores is explained as a file of that repository, even if `checkout` is an ignored folder in it.
    """
    named = Path(os.path.abspath(path))  # noqa: PTH100 (keeps a link at the end)
    real = Path(os.path.realpath(named.parent)) / named.name
    try:
        os.lstat(real)
    except (FileNotFoundError, NotADirectoryError):
        raise PathNotFound(f"There is no file or folder {path!r}.", hint=f"Paths are relative to {Path.cwd()}.") from None
    except OSError as error:
        return Explanation(str(checkout.root), named.as_posix(), SkipReason.UNREADABLE, f"{real.parent}: {error.strerror}")
    root, git = enclosing_repository(real.parent) or (checkout.root, None)
    if not real.is_relative_to(root):
        return Explanation(str(root), named.as_posix(), SkipReason.OUTSIDE_ROOT, f"it lies outside {root}")
    relative = real.relative_to(root).as_posix()
    left_out = _why_not_listed(root, git, relative, hidden=hidden, no_ignore=no_ignore)
    if left_out is not None:
        return Explanation(str(root), relative, left_out.reason, left_out.detail)
    return _explain_content(root, relative, _why_listed(git, relative), max_bytes)


def explain_empty(
    checkout: Checkout, skips: Sequence[Skip], *, hidden: bool = False, no_ignore: bool = False, max_bytes: int = DEFAULT_MAX_BYTES
) -> str:
    """Return a sentence that says why nothing of a checkout is indexed: what was skipped, and what keeps the first files from the list."""
    explained = []
    for path in _some_files(checkout.root):
        with suppress(PathNotFound):  # it may have gone by now
            explained.append(explain(checkout, path, hidden=hidden, no_ignore=no_ignore, max_bytes=max_bytes))
    left_out = Counter(one.detail for one in explained if one.reason in (SkipReason.IGNORED, SkipReason.DEPENDENCY))
    reasons = [f"{count:,} {reason}" for reason, count in Counter(skip.reason.value for skip in skips).most_common()]
    if left_out:
        detail, count = left_out.most_common(1)[0]
        reasons.append(f"{count:,} of the {len(explained):,} files looked at left out ({detail})")
    if not reasons:
        return f"There is nothing to search: {checkout.root} holds no text." if explained else f"{checkout.root} holds no files."
    return f"There is nothing to search: {'; '.join(reasons)}."


def _some_files(root: Path) -> list[str]:
    """Return the first files of a tree, those of git's own folder excepted."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name != ".git")
        found += [os.path.join(folder, name) for name in sorted(files) if name != ".git"]  # noqa: PTH118
        if len(found) >= _LOOKED_AT:
            break
    return found[:_LOOKED_AT]


def _explain_content(root: Path, relative: str, listed: str, max_bytes: int) -> Explanation:
    found = read_file(root, relative, max_bytes=max_bytes)
    if not isinstance(found, Content):
        return Explanation(str(root), relative, found.reason, found.detail or str(found.reason))
    what = classify(relative, found.data)
    return Explanation(
        root=str(root),
        path=relative,
        reason=None,
        detail=listed,
        language=what.language,
        role=what.role,
        encoding=decode(found.data).encoding,
        size_bytes=len(found.data),
    )


def _why_listed(git: GitFolders | None, relative: str) -> str:
    if git is None:
        return "no rule leaves it out"
    return "git tracks it" if os.fsencode(relative) in _tracked(git).files else "git does not ignore it"


def _why_not_listed(root: Path, git: GitFolders | None, relative: str, *, hidden: bool, no_ignore: bool) -> Skip | None:
    """Return what keeps a path out of the list, asking the rules in the order in which listing does."""
    if ".git" in relative.split("/"):
        return Skip(relative, SkipReason.IGNORED, "it belongs to git")
    whole_tree, ignore_case, _ = repository_rules(root, git)
    is_folder = os.path.isdir(root / relative) and not os.path.islink(root / relative)  # noqa: PTH112, PTH114 (never raise)
    if not no_ignore:
        own = _ignoring_rule(root, relative, is_folder, (), os.fsdecode(OWN_RULES), ignore_case)
        if own:
            return Skip(relative, SkipReason.IGNORED, own)
        if git is None and (why := _dependency(root, relative)):
            return Skip(relative, SkipReason.DEPENDENCY, why)
    if git is not None and os.fsencode(relative) in _tracked(git).files:
        return None
    if not no_ignore:
        rule = _ignoring_rule(root, relative, is_folder, whole_tree, ".gitignore", ignore_case)
        if rule:
            return Skip(relative, SkipReason.IGNORED, rule)
    if not hidden and any(part.startswith(".") for part in relative.split("/")):
        return Skip(relative, SkipReason.IGNORED, "it is hidden and git does not track it; `--hidden` lists it")
    return Skip(relative, SkipReason.NOT_REGULAR, "it is a folder") if is_folder else None


def _ignoring_rule(root: Path, relative: str, is_folder: bool, whole_tree: Sequence[RuleFile], rule_file: str, ignore_case: bool) -> str:
    """Name the rule that ignores the path or a folder above it, or return ""."""
    depth = relative.count("/")
    chains = iter_chains(root, relative, whole_tree, rule_file=rule_file, ignore_case=ignore_case)
    for at, (above, name, chain) in enumerate(chains):
        found = deciding_rule(chain, above, name, is_folder or at < depth)
        if found is not None and not found[1].negative:
            rules, pattern = found
            return f"line {pattern.line} of {rules.source} ignores it: {pattern.text}"
    return ""


def _dependency(root: Path, relative: str) -> str:
    """Say which folder on the way is somebody else's code, an environment or a cache, or return ""."""
    folder = root
    for part in relative.split("/")[:-1]:
        folder = folder / part
        try:
            why = dependency_by_name(os.fsencode(part)) or dependency_by_contents(os.listdir(os.fsencode(folder)))  # noqa: PTH208 (bytes)
        except OSError:
            why = ""
        if why:
            return f"{folder.relative_to(root).as_posix()}: {why}"
    return ""


def _tracked(git: GitFolders) -> Tracked:
    try:
        return read_tracked(git)
    except IndexUnreadable:
        return Tracked((), ())
