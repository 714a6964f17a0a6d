"""What holds the files of one repository: a commit of a git repository, an archive, a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from winnow.formats.containers.archives import Reject, members
from winnow.formats.containers.git import REGULAR, Repository, Unreadable
from winnow.formats.containers.inflate import Limits
from winnow.formats.containers.member_names import harm
from winnow.formats.languages.imports.facts import parent
from winnow.formats.licences.grants import Grants

ARCHIVE_ENDINGS = frozenset(
    ["tar", "tgz", "tbz", "tbz2", "txz", "gz", "bz2", "xz", "zst", "zip", "whl", "crate", "gem", "jar", "nupkg", "egg"]
)
INITS = ("__init__.py", "__init__.pyi", "__init__.pyx")
NO_FILE = {"120000": "link", "160000": "submodule"}

LeaveOut = Callable[[str], str | None]
"""The rule by which a path is left out for its name alone, if any."""


@dataclass(frozen=True)
class Member:
    """One file of a repository: its path inside it, its bytes, and its own date where the container keeps one."""

    path: str
    content: bytes
    date: str | None = None


class Packages:
    """Which folders are Python packages. An `__init__.py` is often empty, so it makes no document and must be told."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self.folders = {parent(path) for path in paths if path.rsplit("/", 1)[-1] in INITS}

    def of(self, path: str) -> str | None:
        """The dotted package that a Python file is in; None outside any."""
        names, folder = [], parent(path)
        while folder and folder in self.folders:
            names.append(folder.rsplit("/", 1)[-1])
            folder = parent(folder)
        return ".".join(reversed(names)) or None


class Container(Protocol):
    """A repository's files: first surveyed for what holds of all of them, then given one by one."""

    name: str
    locator: str
    metadata: Mapping[str, Any]
    packages: Packages

    def survey(self) -> Grants:
        """The licences by folder; after it, name and packages are known."""

    def files(self, start: int, stop: int, reject: Reject) -> Iterator[Member]:
        """The files of the entries `[start, stop)`; what can't be one is told to `reject`."""


class Commit:
    """The tree of one commit of a git repository."""

    def __init__(self, path: str, revision: str, name: str | None, file_bytes: int, leave_out: LeaveOut) -> None:
        self.repository = Repository(path)
        self.file_bytes = file_bytes
        self.leave_out = leave_out
        self.commit = self.repository.commit_of(revision)
        self.name = repository_name(self.repository, name)
        self.locator = f"{path}@{self.commit}" if self.commit else path
        self.metadata: Mapping[str, Any] = {}
        if self.commit:
            self.metadata = {"commit": self.commit, "date": self.repository.commit_day(self.commit)}
        self._entries = self.repository.entries(self.commit) if self.commit else []
        self.packages = Packages(entry.path for entry in self._entries if entry.path)

    def survey(self) -> Grants:
        grants = Grants()
        files = (
            (entry, entry.path)
            for entry in self._entries
            if entry.mode in REGULAR and entry.path and entry.lost is None
        )
        wanted = [(entry, path) for entry, path in files if grants.wants(path) and entry.size <= self.file_bytes]
        contents = self.repository.contents([entry.object for entry, _ in wanted])
        for (_, path), content in zip(wanted, contents, strict=True):
            if isinstance(content, bytes):
                grants.take(path, content)
        return grants

    def files(self, start: int, stop: int, reject: Reject) -> Iterator[Member]:
        kept = []
        if start == 0:
            for outside in self.repository.outside:
                reject("objects/info/alternates", "outside", outside)
        for entry in self._entries[start : None if stop < 0 else stop]:
            if entry.path is None or harm(entry.path) is not None:
                reject(entry.shown, "name", entry.shown)
            elif entry.lost is not None:
                reject(entry.path, entry.lost.rule, entry.lost.value)
            elif entry.mode not in REGULAR:
                reject(entry.path, NO_FILE.get(entry.mode, "device"), entry.mode)
            elif (rule := self.leave_out(entry.path)) is not None:
                reject(entry.path, rule, entry.path)
            elif entry.size > self.file_bytes:
                reject(entry.path, "size", entry.size)
            else:
                kept.append((entry.object, entry.path))
        contents = self.repository.contents([identity for identity, _ in kept])
        for (_, path), content in zip(kept, contents, strict=True):
            if isinstance(content, Unreadable):
                reject(path, content.rule, content.value)
            else:
                yield Member(path, content)


class Archive:
    """An archive or a folder. A folder of an archive that everything lies in (`name-1.0/`) is no part of the paths."""

    def __init__(self, path: str, name: str | None, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self.given = name
        self.name = name or stem(path)
        self.locator = path
        self.metadata: Mapping[str, Any] = {}
        self.packages = Packages()
        self._top = ""

    def survey(self) -> Grants:
        """Reads everything once: what tells a file's licence may lie behind it. Memory is that of one member."""
        grants, tops, inits = Grants(), set(), []
        for member in members(self.path, limits=self.limits):
            top, slash, _ = member.name.partition("/")
            tops.add(top + slash if slash else "")
            if member.name.rsplit("/", 1)[-1] in INITS:
                inits.append(member.name)
            if grants.wants(member.name):
                grants.take(member.name, member.content)
        if len(tops) == 1 and not os.path.isdir(self.path):
            self._top = tops.pop()
            grants.strip(self._top)
            if self._top not in ("", "package/") and self.given is None:  # npm calls every package `package`
                self.name = self._top.removesuffix("/")
        self.packages = Packages(name.removeprefix(self._top) for name in inits)
        return grants

    def files(self, start: int, stop: int, reject: Reject) -> Iterator[Member]:
        def skip(name: str, rule: str, value: object) -> None:
            reject(name.removeprefix(self._top), rule, value)

        for member in members(self.path, limits=self.limits, reject=skip, start=start, stop=stop):
            yield Member(member.name.removeprefix(self._top), member.content, member.date)


def repository_name(repository: Repository, given: str | None = None) -> str:
    """What a git repository is called: as given, as its remote's URL ends (`owner/name`), or as its folder."""
    return given or repository.origin_name() or stem(repository.path)


def stem(path: str) -> str:
    """The name of an input where nothing better is known: its own, without what archives and git append."""
    name = os.path.basename(os.path.abspath(path) if "://" not in path else path.rstrip("/"))
    left = name
    while "." in left and left.rpartition(".")[2].lower() in ARCHIVE_ENDINGS:
        left = left.rpartition(".")[0]
    return left.removesuffix(".git") or name
