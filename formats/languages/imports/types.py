"""Names of types: where each is declared, and which of those a file means. What Java, Kotlin, C# and PHP share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from winnow.formats.languages.imports.facts import Facts, Tree, parent

CAPITALISED = re.compile(rb"\b[A-Z]\w*")
WILDCARD = "*"


def mentions(code: bytes) -> frozenset[str]:
    """The capitalised names in code without its comments and strings."""
    return frozenset(name.decode("utf-8", "replace") for name in CAPITALISED.findall(code))


class Declarations:
    """The files that declare each qualified name, in the languages that share one space of names.

    `spread`: a type may be declared in several files at once (C#'s partial classes).
    """

    def __init__(self, tree: Tree, languages: tuple[str, ...], separator: str = ".", *, spread: bool = False) -> None:
        self.tree = tree
        self.languages = languages
        self.separator = separator
        self.spread = spread

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """Every file of a qualified name (`package.Type`), by path."""
        found: dict[str, list[str]] = {}
        for facts in self.tree.of(*self.languages):
            for name in facts.declares:
                found.setdefault(self.qualified(facts.package, name), []).append(facts.path)
        return found

    @cached_property
    def packages(self) -> frozenset[str]:
        return frozenset(facts.package for facts in self.tree.of(*self.languages) if facts.declares)

    def qualified(self, package: str, name: str) -> str:
        return f"{package}{self.separator}{name}" if package else name

    def declared(self, name: str, facts: Facts) -> list[str]:
        """The files of a qualified name that `facts` can mean: the nearest where several projects declare it."""
        paths = self.files.get(name, [])
        return paths if len(paths) < 2 else _nearest(paths, facts.path, self.spread)

    def longest(self, name: str, facts: Facts) -> list[str]:
        """The files of the longest prefix of `name` that is declared: `a.b.Type` for `a.b.Type.member`."""
        while name:
            if paths := self.declared(name, facts):
                return paths
            name = name.rpartition(self.separator)[0]
        return []

    def in_packages(self, names: frozenset[str], packages: list[str], facts: Facts) -> Iterator[str]:
        """The files of the mentioned names; the first of the packages that declares a name is meant."""
        for name in sorted(names):
            for package in packages:
                if paths := self.declared(self.qualified(package, name), facts):
                    yield from paths
                    break


def _nearest(paths: list[str], path: str, spread: bool) -> list[str]:
    """Those that share the longest way with `path`; of these the shallowest, the shortest folder, unless all count."""
    shares = [_shared(other, path) for other in paths]
    best = max(shares)
    nearest = [other for other, share in zip(paths, shares, strict=True) if share == best]
    return nearest if spread else [min(nearest, key=lambda other: (other.count("/"), len(parent(other)), other))]


def _shared(one: str, other: str) -> int:
    mine, theirs = one.split("/")[:-1], other.split("/")[:-1]
    return next((i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), min(len(mine), len(theirs)))
