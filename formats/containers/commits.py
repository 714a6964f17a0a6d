"""The commits of a git repository: what each says, which files it changes, under which licence they were before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from winnow.formats.containers.git import REGULAR, Repository
from winnow.formats.containers.git_directory import GitError
from winnow.formats.languages.imports.facts import parent
from winnow.formats.licences.grants import Grants

LICENSE_BYTES = 1 << 20
LICENSE_NAMES = (
    "*LICEN[CS]E*",
    "*licen[cs]e*",
    "*COPYING*",
    "*package.json",
    "*Cargo.toml",
    "*pyproject.toml",
    "*setup.cfg",
)


@dataclass(frozen=True)
class Commit:
    """One commit: names, who and when (ISO 8601), and the message."""

    name: str
    parents: tuple[str, ...]
    author: str
    email: str
    date: str
    message: str


@dataclass(frozen=True)
class Change:
    """One file of a commit: git's status letter, the paths and the objects before and after."""

    status: str
    before: str
    after: str
    old: str
    new: str
    modes: tuple[str, str]


def commits(repository: Repository, head: str, start: int, stop: int) -> Iterator[Commit]:
    """The commits that `head` descends from, newest first, by their place in that list."""
    form = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%B%x00%x00"
    count = ("--max-count", str(stop - start)) if stop >= 0 else ()
    options = ("--date-order", "--no-show-signature", "--encoding=UTF-8", "--skip", str(start), *count)
    said = repository.run("log", *options, f"--format={form}", head)
    for record in said.decode("utf-8", "replace").split("\0\0\n"):
        fields = record.lstrip("\n").split("\0")
        if len(fields) >= 6:
            name, parents, author, email, date, message = fields[:6]
            yield Commit(name, tuple(parents.split()), author, email, date, message.strip())


def changes_of(repository: Repository, commit: Commit) -> list[Change]:
    """The files that a commit changes against its only parent, renames found, by path."""
    options = ("-r", "-z", "--raw", "--no-abbrev", "--find-renames", "--no-textconv", "--no-ext-diff")
    fields = repository.run("diff-tree", *options, commit.parents[0], commit.name).split(b"\0")
    found, place = [], 0
    while place < len(fields) and fields[place].startswith(b":"):
        old_mode, new_mode, old, new, status = fields[place][1:].decode().split(" ")
        names = [
            name.decode("utf-8", "replace") for name in fields[place + 1 : place + (3 if status[0] in "RC" else 2)]
        ]
        place += 1 + len(names)
        found.append(Change(status[0], names[0], names[-1], old, new, (old_mode, new_mode)))
    return sorted(found, key=lambda change: change.after)


class Licenses:
    """The licences before each commit, read anew only after a commit that touched a file which tells them."""

    def __init__(self, repository: Repository, head: str) -> None:
        self.repository = repository
        names = (f":(top){name}" for name in LICENSE_NAMES)
        try:
            said = repository.run("log", "--no-show-signature", "--format=%H", "--full-history", head, "--", *names)
            self.touching: frozenset[str] | None = frozenset(said.decode().split())
        except GitError:  # a tree somewhere can't be had: any commit may have touched them
            self.touching = None
        self._grants: Grants | None = None

    def pass_by(self, commit: Commit) -> None:
        if self.touching is None or commit.name in self.touching:
            self._grants = None

    def of(self, commit: Commit, changes: Sequence[Change]) -> str | None:
        """The licence of the changed files at the commit's parent, where all of them are under the same."""
        if self._grants is None:
            self._grants = self._read(commit.parents[0])
        found = {self._grants.of_folder(parent(change.after)).expression for change in changes}
        return found.pop() if len(found) == 1 else None

    def _read(self, commit: str) -> Grants:
        grants = Grants()
        listed = self.repository.entries(commit)
        entries = [entry for entry in listed if entry.path and entry.mode in REGULAR and entry.lost is None]
        wanted = [entry for entry in entries if grants.wants(str(entry.path)) and entry.size < LICENSE_BYTES]
        contents = self.repository.contents([entry.object for entry in wanted])
        for entry, content in zip(wanted, contents, strict=True):
            if isinstance(content, bytes):
                grants.take(str(entry.path), content)
        return grants
