"""What one source file says about its place in the repository: what it declares and what it asks for.

Reading a file (`imports.read`) needs only that file; resolving (`graph`) needs only these facts.
So a repository of any size is read file by file, its text forgotten, and its graph made of what remains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

DEEPEST = 50  # levels of lists and tables in a manifest


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of one file.

    `references` are in its language's own notation (`..module:name`, `./specifier`, `crate::module::Name`); `package`
    is the package, namespace or module it declares to be in; `declares` are the types it brings; `mentions` are the
    capitalised names its code uses; `settings` are what a manifest says (module path, crate name, path aliases).
    """

    path: str
    language: str | None = None
    package: str = ""
    references: tuple[str, ...] = ()
    declares: tuple[str, ...] = ()
    mentions: frozenset[str] = frozenset()
    settings: Mapping[str, object] = field(default_factory=dict)
    parsed: bool = False


def bounded(settings: dict[str, object]) -> dict[str, object]:
    """What a manifest says, without what is nested deeper than any is meant to be: resolvers follow it all the way down."""
    return {key: value for key, value in settings.items() if _is_shallow(value)}


def _is_shallow(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return True
    return False


@dataclass(frozen=True)
class Tree:
    """The files of one repository by path, with what resolvers ask of them."""

    files: Mapping[str, Facts]

    def __contains__(self, path: str) -> bool:
        return path in self.files

    def of(self, *languages: str) -> list[Facts]:
        """The facts of every file in one of these languages, by path."""
        return [self.files[path] for path in sorted(self.files) if self.files[path].language in languages]

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, directly or deeper; the root is ``""``."""
        found = {""}
        for path in self.files:
            folder = parent(path)
            while folder not in found:
                found.add(folder)
                folder = parent(folder)
        return frozenset(found)

    @cached_property
    def by_folder(self) -> Mapping[str, list[str]]:
        """The files directly in each folder, sorted."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            found.setdefault(parent(path), []).append(path)
        return found

    @cached_property
    def by_name(self) -> Mapping[str, list[str]]:
        """The paths of each file name, sorted."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            found.setdefault(path.rsplit("/", 1)[-1], []).append(path)
        return found

    def first(self, candidates: Iterable[str]) -> str | None:
        """The first of these paths that is a file of the repository."""
        return next((path for path in candidates if path in self.files), None)


def parent(path: str) -> str:
    """The folder of a path; that of the root is the root, ``""``."""
    return path.rpartition("/")[0]


def ancestors(folder: str) -> Iterable[str]:
    """The folder itself, then every folder above it, up to the root ``""``."""
    while folder:
        yield folder
        folder = parent(folder)
    yield ""


def join(folder: str, relative: str) -> str | None:
    """`relative` seen from `folder`, with `.` and `..` worked out; None where it leaves the repository."""
    parts = folder.split("/") if folder else []
    for part in relative.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def nearness(folder: str, path: str) -> tuple[int, int, str]:
    """Sorts candidates: those that share the longest way with `folder` first, then the shallowest, then by path."""
    shared = 0
    for mine, theirs in zip(folder.split("/"), path.split("/"), strict=False):
        if mine != theirs:
            break
        shared += 1
    return (-shared, path.count("/"), path)
