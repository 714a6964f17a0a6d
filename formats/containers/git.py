"""A git repository read through git itself: listings, contents and commits, and nothing that it could ask to be run.

Git is shown a directory of ours (`git_directory`) with the repository's objects and references alone, so no configuration,
attribute, hook, graft, replaced object or remote of the repository is ever read. Trees are walked and contents checked
against their names here: what is missing or damaged is an `Unreadable` in its place, not an error of the whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from winnow.formats.containers.git_directory import CleanDirectory, GitError

REGULAR = ("100644", "100755", "100664")
FOLDER = "040000"
MOST_ENTRIES = 2_000_000
"""Entries of one commit. The largest public trees have half a million; a tree that holds itself tenfold has no end."""
MOST_OUTPUT = 1 << 30  # bytes that one command may write
MOST_WORDS = 2000  # bytes of what git says of an error
BATCH = 10_000


@dataclass(frozen=True)
class Unreadable:
    """An object that can't be had: `missing` or `damaged`, with what is known of it."""

    rule: str
    value: str


@dataclass(frozen=True)
class Entry:
    """One file of a commit: its path (None where that is no UTF-8), mode, object name and size in bytes (-1: none).

    `lost` is set for a file or a whole folder whose object can't be had.
    """

    path: str | None
    shown: str
    mode: str
    object: str
    size: int
    lost: Unreadable | None = None


def is_repository(path: str) -> bool:
    """Whether a local folder is a git repository: a bare one, or one with a work tree."""
    if os.path.lexists(f"{path}/.git"):
        return True
    return all(os.path.exists(f"{path}/{name}") for name in ("HEAD", "objects", "refs"))


class Repository:
    """A repository opened for reading. Raises `GitError` where the folder isn't one, or its git directory isn't its own.

    `outside` are its alternates that lie outside of it: their objects are not read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        if not is_repository(path):
            raise GitError(f"{path} is no git repository")
        self._directory = CleanDirectory(path)
        self.outside: Sequence[str] = tuple(self._directory.outside)
        self._digest = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}[self._directory.object_format]

    def run(self, *arguments: str) -> bytes:
        """What a git command writes. Raises `GitError` with the command and git's message when it fails."""
        status, written, said = self._run(arguments)
        if status:
            raise GitError(f"{self.path}: git {arguments[0]} failed: {said or f'exit status {status}'}")
        return written

    def differs(self, *arguments: str) -> bool:
        """Whether a comparing command (`diff --quiet`) found a difference. Raises `GitError` when it fails."""
        status, _, said = self._run(arguments)
        if status > 1 or status < 0:
            raise GitError(f"{self.path}: git {arguments[0]} failed: {said or f'exit status {status}'}")
        return status == 1

    def commit_of(self, revision: str) -> str | None:
        """The full name of the commit that a revision means; None for HEAD of a repository without a commit.

        Raises `GitError` for any other revision that isn't there, and where the commit's object can't be had.
        """
        if revision.startswith("-"):
            raise GitError(f"{self.path}: {revision!r} is no revision")
        try:
            return self.run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
        except GitError:
            if revision == "HEAD" and self._unborn():
                return None
            told = f"; its objects lie outside, in {', '.join(self.outside)}" if self.outside else ""
            raise GitError(
                f"{self.path}: no commit {revision!r}{told}; name a branch, a tag or a commit that `git log --all` shows"
            ) from None

    def entries(self, commit: str) -> list[Entry]:
        """Every entry of a commit's tree, by path, with sizes. Raises `GitError` where the root tree can't be had."""
        root = self.run("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}").decode().strip()
        found: list[Entry] = []
        level: list[tuple[bytes, str]] = [(b"", root)]
        while level:
            below: list[tuple[bytes, str]] = []
            named = dict.fromkeys(name for _, name in level)
            width = len(root) // 2
            trees = {
                name: _tree(content, width) if isinstance(content, bytes) else content
                for name, content in zip(named, self.contents(named), strict=True)
            }
            lengths = {name: 1 if isinstance(tree, Unreadable) else len(tree) for name, tree in trees.items()}
            if len(found) + sum(lengths[name] for _, name in level) > MOST_ENTRIES:
                raise GitError(f"{self.path}: {commit} has more than {MOST_ENTRIES:,} entries")
            for folder, name in level:
                listed = trees[name]
                if isinstance(listed, Unreadable):
                    if not folder:
                        raise GitError(f"{self.path}: the tree of {commit} is {listed.rule}: {listed.value}")
                    found.append(_entry(folder.rstrip(b"/"), FOLDER, name, listed))
                    continue
                for mode, part, child in listed:
                    if mode == FOLDER:
                        below.append((folder + part + b"/", child))
                    else:
                        found.append(_entry(folder + part, mode, child))
            level = below
        return sorted(self._sized(found), key=lambda entry: entry.shown)

    def sizes(self, objects: Sequence[str]) -> list[int | Unreadable]:
        """The size of each object in bytes, in order, told by its header alone."""
        found: list[int | Unreadable] = []
        while len(found) < len(objects):
            asked = objects[len(found) : len(found) + BATCH]
            lines = subprocess.run(
                ["git", "cat-file", "--batch-check"],
                input="\n".join([*asked, ""]).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._directory.environment(),
                cwd=self._directory.path,
                check=False,
            ).stdout.splitlines()
            for name, line in zip(asked, lines, strict=False):
                fields = line.decode("utf-8", "replace").split(" ")
                found.append(int(fields[-1]) if len(fields) == 3 else Unreadable("missing", name))
            if len(lines) < len(asked):  # git gave up at a damaged one
                found.append(Unreadable("damaged", asked[len(lines)]))
        return found

    def contents(self, objects: Iterable[str]) -> Iterator[bytes | Unreadable]:
        """The bytes of each object, in order, one at a time: what `git cat-file --batch` streams, proved by its name."""
        process: subprocess.Popen[bytes] | None = None
        try:
            for name in objects:
                if process is None:
                    process = subprocess.Popen(
                        ["git", "cat-file", "--batch"],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        env=self._directory.environment(),
                        cwd=self._directory.path,
                    )
                content = self._content(process, name)
                if content is None:  # git gave up at a damaged one: another process for the next
                    _end(process)
                    process = None
                    yield Unreadable("damaged", name)
                else:
                    yield content
        finally:
            if process is not None:
                _end(process)

    def required(self, objects: Iterable[str]) -> Iterator[bytes]:
        """As `contents`, for objects that have to be there. Raises `GitError` for one that can't be had."""
        for content in self.contents(objects):
            if isinstance(content, Unreadable):
                raise GitError(f"{self.path}: object {content.value} is {content.rule}")
            yield content

    def origin_name(self) -> str | None:
        """`owner/name` of the remote called origin, as its URL ends; None without one."""
        url = self._directory.configured("remote.origin.url") or ""
        parts = [part for part in url.removesuffix("/").removesuffix(".git").replace(":", "/").split("/") if part]
        return "/".join(parts[-2:]) or None

    def commit_day(self, commit: str) -> str:
        """The committer's date of a commit, ISO 8601 with its offset."""
        return self.run("log", "--max-count=1", "--no-show-signature", "--format=%cI", commit).decode().strip()

    def cut_history(self, head: str) -> list[str]:
        """Cuts the history before each commit that can't be had, so that the rest can be walked; their names.

        Walks all commits that `head` descends from, one by one, so it is for repositories that are known to be damaged.
        """
        children: dict[str, set[str]] = {head: set()}
        lost, level = [], [head]
        while level:
            below = []
            for name, content in zip(level, self.contents(level), strict=True):
                if isinstance(content, Unreadable):
                    lost.append(name)
                    continue
                for line in content.partition(b"\n\n")[0].splitlines():
                    key, _, parent = line.decode("ascii", "replace").partition(" ")
                    if key == "parent":
                        if parent not in children:
                            children[parent] = set()
                            below.append(parent)
                        children[parent].add(name)
            level = below
        self._directory.cut_at({child for name in lost for child in children[name]})
        return sorted(lost)

    def _sized(self, entries: list[Entry]) -> Iterator[Entry]:
        files = [entry for entry in entries if entry.lost is None and entry.mode != "160000"]
        known = dict(zip((entry.object for entry in files), self.sizes([entry.object for entry in files]), strict=True))
        for entry in entries:
            size = known.get(entry.object, -1) if entry.lost is None else -1
            lost = size if isinstance(size, Unreadable) else entry.lost
            yield Entry(
                entry.path, entry.shown, entry.mode, entry.object, -1 if isinstance(size, Unreadable) else size, lost
            )

    def _content(self, process: subprocess.Popen[bytes], name: str) -> bytes | Unreadable | None:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(name.encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        answer = process.stdout.readline().split()
        if not answer:
            return None
        if len(answer) != 3:
            return Unreadable("missing", name)
        size = int(answer[2])
        content = process.stdout.read(size)
        process.stdout.read(1)
        if len(content) != size:
            return None
        digest = self._digest(answer[1] + b" " + answer[2] + b"\0", usedforsecurity=False)
        digest.update(content)
        return content if digest.hexdigest().encode() == answer[0] else Unreadable("damaged", name)

    def _unborn(self) -> bool:
        """Whether HEAD is a branch that has no commit yet, rather than one that can't be read."""
        try:
            branch = self.run("symbolic-ref", "HEAD").decode("utf-8", "surrogateescape").strip()
        except GitError:
            return False
        if os.path.lexists(self._directory.path / branch):
            return False
        try:
            self.run("show-ref", "--verify", "--quiet", branch)
        except GitError:
            return True
        return False

    def _run(self, arguments: Sequence[str]) -> tuple[int, bytes, str]:
        where = self._directory
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                ["git", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env=where.environment(),
                cwd=where.path,
            )
            assert process.stdout is not None
            with process.stdout as output:
                written = output.read(MOST_OUTPUT + 1)
            if len(written) > MOST_OUTPUT:
                process.kill()
            status = process.wait()
            said.seek(0)
            words = said.read(MOST_WORDS).decode("utf-8", "replace").strip()
        if len(written) > MOST_OUTPUT:
            raise GitError(f"{self.path}: git {arguments[0]} writes more than {MOST_OUTPUT >> 20} MiB")
        return status, written, words


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    process.wait()


def _entry(name: bytes, mode: str, identity: str, lost: Unreadable | None = None) -> Entry:
    try:
        path: str | None = name.decode("utf-8")
    except UnicodeDecodeError:
        path = None
    return Entry(path, name.decode("utf-8", "backslashreplace"), mode, identity, -1, lost)


def _tree(content: bytes, width: int) -> list[tuple[str, bytes, str]] | Unreadable:
    """Mode, name and object of each entry of a tree object, whose object names have `width` bytes."""
    found, place = [], 0
    while place < len(content):
        space = content.find(b" ", place)
        end = content.find(b"\0", space)
        if space < 0 or end < 0 or end + 1 + width > len(content):
            return Unreadable("damaged", f"a tree that breaks off at byte {place}")
        mode = content[place:space].decode("ascii", "replace").zfill(6)
        found.append((mode, content[space + 1 : end], content[end + 1 : end + 1 + width].hex()))
        place = end + 1 + width
    return found
