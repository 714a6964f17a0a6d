"""The graph of a repository's files, and the orders in which they can be read.

An edge (dependent, dependency) says that the first file imports the second. The `dependency` order puts dependencies
first: the graph's strongly connected components are visited depth-first, so that a file follows closely on what it
needs; starts are taken by rank (build files, README and manifests; sources; tests), then by path. Inside a cycle the
smallest path comes first and the rest follow depth-first from it. Time and memory are linear in files and edges, plus
the sorting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from winnow.formats.languages.imports import families
from winnow.formats.languages.imports.facts import Facts, Tree
from winnow.formats.languages.imports.rank import rank


class Policy(StrEnum):
    """How the files of a repository are put in order."""

    DEPENDENCY = "dependency"
    PATH = "path"
    RANDOM = "random"


@dataclass(frozen=True)
class Graph:
    """The files of a repository, sorted by path, and the edges between them.

    `edges` is int32 of shape (m, 2): indices of dependent and dependency, without repeats and self-loops, sorted.
    """

    paths: tuple[str, ...]
    edges: np.ndarray
    ranks: tuple[int, ...]

    @cached_property
    def dependencies(self) -> list[list[int]]:
        """For each file, the files it depends on, by rank and path."""
        found: list[list[int]] = [[] for _ in self.paths]
        for dependent, dependency in self.edges.tolist():
            found[dependent].append(dependency)
        for listed in found:
            listed.sort(key=lambda file: (self.ranks[file], file))
        return found

    @cached_property
    def components(self) -> list[list[int]]:
        """Strongly connected components, each sorted, dependencies before dependents."""
        return _strong_components(self.dependencies)

    @cached_property
    def component(self) -> np.ndarray:
        """The number of the component of each file, int64."""
        number = np.zeros(len(self.paths), dtype=np.int64)
        for i, members in enumerate(self.components):
            number[members] = i
        return number

    @cached_property
    def cycles(self) -> list[list[int]]:
        """The components of more than one file, in order of their smallest path."""
        return sorted(members for members in self.components if len(members) > 1)

    def order(self, policy: Policy, *, seed: int = 0, name: str = "") -> np.ndarray:
        """The files in reading order, int64; `random` is a hash of seed, repository name and path."""
        if policy is Policy.PATH:
            return np.array(
                sorted(range(len(self.paths)), key=lambda file: self.paths[file].split("/")), dtype=np.int64
            )
        if policy is Policy.RANDOM:
            keys = [_hash(f"{seed}\0{name}\0{path}") for path in self.paths]
            return np.array(sorted(range(len(self.paths)), key=keys.__getitem__), dtype=np.int64)
        return np.array(self._dependency_order(), dtype=np.int64)

    def _dependency_order(self) -> list[int]:
        component = self.component.tolist()
        needs: list[list[int]] = []
        for members in self.components:
            first = dict.fromkeys(component[file] for member in members for file in self.dependencies[member])
            needs.append(list(first))
        starts = sorted(range(len(needs)), key=lambda c: self._key(self.components[c]))
        order: list[int] = []
        for number in _postorder(starts, needs):
            members = self.components[number]
            order += members if len(members) == 1 else self._within(members)
        return order

    def _key(self, members: Sequence[int]) -> tuple[int, int]:
        return min((self.ranks[file], file) for file in members)

    def _within(self, members: Sequence[int]) -> list[int]:
        """A cycle's files: the smallest path, then the others depth-first, as if it depended on nothing."""
        inside = {file: i for i, file in enumerate(members)}
        needs = [[inside[file] for file in self.dependencies[member] if file in inside] for member in members]
        needs[0] = []
        return [members[i] for i in _postorder(range(len(members)), needs)]

    def evidence(self, order: np.ndarray) -> Evidence:
        """What this order does to the edges."""
        place = np.empty(len(self.paths), dtype=np.int64)
        place[order] = np.arange(len(order))
        dependents, dependencies = self.edges[:, 0], self.edges[:, 1]
        respected = place[dependencies] < place[dependents]
        acyclic = self.component[dependencies] != self.component[dependents]
        return Evidence(
            edges=len(self.edges),
            respected=int(respected.sum()),
            acyclic=int(acyclic.sum()),
            acyclic_respected=int((respected & acyclic).sum()),
        )


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How many edges there are, how many of them have the dependency first, and the same outside cycles."""

    edges: int
    respected: int
    acyclic: int
    acyclic_respected: int

    @property
    def share(self) -> float:
        """The share of edges outside cycles that the order respects; 1 where there is none."""
        return self.acyclic_respected / self.acyclic if self.acyclic else 1.0


def build(facts: Iterable[Facts], keep: Mapping[str, bool] | None = None) -> Graph:
    """The graph of one repository's files. Files that `keep` says False of inform it and aren't in it."""
    tree = Tree({fact.path: fact for fact in sorted(facts, key=lambda fact: fact.path)})
    paths = tuple(path for path in tree.files if keep is None or keep.get(path, True))
    index = {path: i for i, path in enumerate(paths)}
    edges: set[tuple[int, int]] = set()
    present = {fact.language for fact in tree.files.values()}
    for family in families():
        if not present.isdisjoint(family.LANGUAGES):
            resolver = family.Resolver(tree)
            for fact in tree.of(*family.LANGUAGES):
                dependent = index.get(fact.path)
                if dependent is not None:
                    targets = (index.get(target) for target in resolver.targets(fact))
                    edges.update((dependent, target) for target in targets if target not in (None, dependent))
    table = np.array(sorted(edges), dtype=np.int32).reshape(-1, 2)
    return Graph(paths, table, tuple(rank(path) for path in paths))


def _strong_components(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    """Tarjan's algorithm without recursion; a component comes after those it depends on."""
    count = len(needs)
    visited, low = [0] * count, [0] * count
    on_stack = [False] * count
    clock, stack, found = 0, [], []
    for start in range(count):
        if visited[start]:
            continue
        path = [(start, iter(needs[start]))]
        while path:
            node, rest = path[-1]
            if not visited[node]:
                clock += 1
                visited[node] = low[node] = clock
                stack.append(node)
                on_stack[node] = True
            for other in rest:
                if not visited[other]:
                    path.append((other, iter(needs[other])))
                    break
                if on_stack[other]:
                    low[node] = min(low[node], visited[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == visited[node]:
                    cut = stack.index(node) if stack[-1] != node else len(stack) - 1
                    members = stack[cut:]
                    del stack[cut:]
                    for member in members:
                        on_stack[member] = False
                    found.append(sorted(members))
    return found


def _postorder(starts: Iterable[int], needs: Sequence[Sequence[int]]) -> list[int]:
    """Every node after those it needs, depth-first from `starts`; a need that is under way is passed over."""
    visited, order = [False] * len(needs), []
    for start in starts:
        if visited[start]:
            continue
        visited[start] = True
        path = [(start, iter(needs[start]))]
        while path:
            node, rest = path[-1]
            following = next((other for other in rest if not visited[other]), None)
            if following is None:
                order.append(node)
                path.pop()
            else:
                visited[following] = True
                path.append((following, iter(needs[following])))
    return order


def _hash(said: str) -> bytes:
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest()
