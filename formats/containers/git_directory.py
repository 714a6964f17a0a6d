"""A git directory of our own whose objects and references are a repository's, and nothing else of it.

Git obeys what a repository's directory says: its configuration and what that includes, hooks, attributes, grafts,
replaced objects, alternates, promised objects of a partial clone. Much of that names programs. So git is never shown it:
a temporary directory holds a configuration of ours, links to the repository's pack files and loose objects, and its
references. A link, pipe or device inside a repository is left out, and so is whatever lies outside it: an alternate, or a
`.git` file that names a directory which doesn't name the folder back.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_ALLOW_PROTOCOL": "none",
    "HOME": os.devnull,
    "LC_ALL": "C",
}
EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
CONFIGURATION = """[core]
	repositoryFormatVersion = 1
	bare = true
	hooksPath = /dev/null
	attributesFile = /dev/null
	commitGraph = false
	multiPackIndex = false
[diff]
	renameLimit = 1000
[extensions]
	objectFormat = {objects}
"""
SMALL = 1 << 20  # bytes that a file of the directory itself may have; references, configuration, alternates
DEEP = 5  # alternates of alternates that git follows, too
_FAN_OUT = re.compile(r"[0-9a-f]{2}")
_PACK = re.compile(r"pack-[0-9a-f]+\.(?:pack|idx)")
_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class GitError(ValueError):
    """A repository that git can't read as asked; the message carries git's own words."""


class CleanDirectory:
    """The temporary git directory for the repository in a local folder, bare or with a work tree.

    `outside` are the alternates that lie outside the repository, whose objects are not read. Raises `GitError` where
    the folder's git directory isn't its own.
    """

    def __init__(self, path: str) -> None:
        self.root = Path(os.path.realpath(path))
        own = _git_directory(self.root)
        self.common = _common(own)
        self.outside: list[str] = []
        self.path = Path(tempfile.mkdtemp(prefix="winnow-git-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
        self.object_format = self.configured("extensions.objectFormat") or "sha1"
        if self.object_format not in EMPTY_TREE:
            raise GitError(f"{path}: objects are named by {self.object_format!r}; sha1 and sha256 can be read")
        text = CONFIGURATION.format(objects=self.object_format)
        if self.configured("extensions.refStorage") == "reftable":
            text += "\trefStorage = reftable\n"
            _link_tree(self.common / "reftable", self.path / "reftable")
        (self.path / "config").write_text(text)
        self._references(own)
        self.alternates = self._objects()

    def environment(self) -> Mapping[str, str]:
        """All of the environment that git gets."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            **ENVIRONMENT,
            "GIT_DIR": str(self.path),
            "GIT_ATTR_SOURCE": EMPTY_TREE[self.object_format],
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(map(str, self.alternates)),
        }

    def configured(self, key: str) -> str | None:
        """One value of the repository's own configuration, parsed without what it includes, and not obeyed."""
        file = self.common / "config"
        if not _is_small_file(file):
            return None
        command = ["git", "config", "--file", str(file), "--no-includes", "--get", key]
        environment = {"PATH": os.environ.get("PATH", os.defpath), **ENVIRONMENT, "GIT_DIR": str(self.path)}
        done = subprocess.run(command, capture_output=True, env=environment, cwd=self.path, check=False)
        return done.stdout.decode("utf-8", "replace").strip() or None

    def cut_at(self, commits: set[str]) -> None:
        """Lets git take these commits for the first of their line: their parents are not to be had."""
        file = self.path / "shallow"
        known = set(file.read_text().split()) if file.exists() else set()
        file.write_text("".join(f"{name}\n" for name in sorted(known | commits)))

    def _references(self, own: Path) -> None:
        head = own / "HEAD"
        if head.is_symlink() and (target := os.readlink(head)).startswith("refs/"):
            (self.path / "HEAD").write_text(f"ref: {target}\n")
        else:
            (self.path / "HEAD").write_bytes(_small(head) or b"ref: refs/heads/main\n")
        packed = self.common / "packed-refs"
        if _is_file(packed):
            (self.path / "packed-refs").symlink_to(packed)
        _link_tree(self.common / "refs", self.path / "refs")
        (self.path / "refs").mkdir(exist_ok=True)
        shallow = [line for line in _lines(self.common / "shallow") if _NAME.fullmatch(line)]
        if shallow:
            self.cut_at(set(shallow))

    def _objects(self) -> list[Path]:
        """Links the repository's objects as ours; the folders made for its alternates inside it."""
        alternates: list[Path] = []
        seen: set[Path] = set()
        pending = [(self.common / "objects", 0)]
        while pending:
            source, depth = pending.pop(0)
            resolved = Path(os.path.realpath(source))
            if resolved in seen:
                continue
            seen.add(resolved)
            if not (resolved.is_relative_to(self.common) or resolved.is_relative_to(self.root)):
                self.outside.append(str(source))
                continue
            target = self.path / ("objects" if len(seen) == 1 else f"alternate-{len(alternates)}")
            _link_objects(resolved, target)
            if len(seen) > 1:
                alternates.append(target)
            if depth < DEEP:
                named = (line for line in _lines(resolved / "info/alternates") if line and not line.startswith("#"))
                pending += [(resolved / line, depth + 1) for line in named]
        (self.path / "objects").mkdir(exist_ok=True)
        return alternates


def _git_directory(root: Path) -> Path:
    """The git directory of a folder: itself, its `.git`, or what its `.git` file names and names it back."""
    inside = root / ".git"
    if not os.path.lexists(inside):
        return root
    found = inside
    if not inside.is_symlink() and inside.is_file():
        said = (_small(inside) or b"").decode("utf-8", "surrogateescape").strip()
        if not said.startswith("gitdir:"):
            raise GitError(f"{root}: its .git file names no git directory")
        found = root / said.removeprefix("gitdir:").strip()
    resolved = Path(os.path.realpath(found))
    if resolved.is_relative_to(root) or _names_back(resolved, root):
        return resolved
    raise GitError(
        f"{root}: its git directory {resolved} lies outside and doesn't name this folder back; "
        "give that directory itself as the input if it is wanted"
    )


def _names_back(directory: Path, root: Path) -> bool:
    """Whether a git directory belongs to the work tree in `root`: one of several work trees, or a submodule's."""
    back = [line for line in _lines(directory / "gitdir") if line]
    if back and Path(os.path.realpath(directory / back[0])) == root / ".git":
        return True
    for line in _lines(directory / "config"):
        key, _, value = line.partition("=")
        if key.strip().lower() == "worktree" and Path(os.path.realpath(directory / value.strip().strip('"'))) == root:
            return True
    return False


def _common(own: Path) -> Path:
    """Where objects and references lie: a linked work tree shares those of the repository that holds it."""
    named = _lines(own / "commondir")
    common = Path(os.path.realpath(own / named[0])) if named and named[0] else own
    if common != own and own.parent != common / "worktrees":
        raise GitError(f"{own}: its objects are said to lie in {common}, which doesn't hold it")
    return common


def _link_objects(source: Path, target: Path) -> None:
    (target / "pack").mkdir(parents=True, exist_ok=True)
    for entry in _scan(source / "pack"):
        if _PACK.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            (target / "pack" / entry.name).symlink_to(entry.path)
    for folder in _scan(source):
        if _FAN_OUT.fullmatch(folder.name) and folder.is_dir(follow_symlinks=False):
            _link_tree(Path(folder.path), target / folder.name)


def _link_tree(source: Path, target: Path) -> None:
    """Links a folder as a whole where all in it are files and folders, else its files one by one."""
    if source.is_symlink() or not source.is_dir():
        return
    if _is_plain(source):
        target.symlink_to(source)
        return
    target.mkdir()
    for entry in _scan(source):
        if entry.is_dir(follow_symlinks=False):
            _link_tree(Path(entry.path), target / entry.name)
        elif entry.is_file(follow_symlinks=False):
            (target / entry.name).symlink_to(entry.path)


def _is_plain(folder: Path) -> bool:
    return all(
        entry.is_file(follow_symlinks=False) or (entry.is_dir(follow_symlinks=False) and _is_plain(Path(entry.path)))
        for entry in _scan(folder)
    )


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    if not folder.is_symlink() and folder.is_dir():
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)


def _is_file(path: Path) -> bool:
    return os.path.lexists(path) and stat.S_ISREG(path.lstat().st_mode)


def _is_small_file(path: Path) -> bool:
    return _is_file(path) and path.stat().st_size <= SMALL


def _small(path: Path) -> bytes | None:
    return path.read_bytes() if _is_small_file(path) else None


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in (_small(path) or b"").decode("utf-8", "surrogateescape").splitlines()]
