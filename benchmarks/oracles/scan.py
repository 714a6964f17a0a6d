"""The peer: imports found by regular expressions and matched to files by name, as published code pipelines do it.

After the method that DeepSeek-Coder describes (arXiv 2401.14196, section 2.2): one expression per language over the raw
text, a match wherever a file's path fits the name, files taken out by smallest in-degree. Written anew for comparison.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

Edges = set[tuple[str, str]]

_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "py": re.compile(r"^\s*(?:from\s+([.\w]+)\s+import|import\s+([.\w]+))", re.MULTILINE),
    "js": re.compile(
        r"""(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)|import\s+['"]([^'"]+)|require\(\s*['"]([^'"]+)"""
    ),
    "go": re.compile(r'^\s*(?:import\s+)?(?:[\w.]+\s+)?"([\w./-]+)"\s*$', re.MULTILINE),
    "rs": re.compile(r"^\s*(?:pub\s+)?(?:mod\s+(\w+)\s*;|use\s+([\w:]+))", re.MULTILINE),
    "java": re.compile(r"^\s*import\s+(?:static\s+)?([\w.]+)", re.MULTILINE),
    "c": re.compile(r'^\s*#\s*include\s+["<]([^">]+)', re.MULTILINE),
}
_FAMILY = {
    **dict.fromkeys(("py",), "py"),
    **dict.fromkeys(("js", "jsx", "mjs", "cjs", "ts", "tsx"), "js"),
    **dict.fromkeys(("go",), "go"),
    **dict.fromkeys(("rs",), "rs"),
    **dict.fromkeys(("java", "kt"), "java"),
    **dict.fromkeys(("c", "h", "cc", "cpp", "hpp", "cxx"), "c"),
}


def edges(files: Mapping[str, str]) -> Edges:
    """Pairs (dependent, dependency) of a repository's files, given by path."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in files:
        by_stem[path.rsplit("/", 1)[-1].rsplit(".", 1)[0]].append(path)
        by_folder[path.rpartition("/")[0].rsplit("/", 1)[-1]].append(path)
    found: Edges = set()
    for path, text in files.items():
        family = _FAMILY.get(path.rsplit(".", 1)[-1])
        for match in _PATTERNS[family].finditer(text) if family else ():
            name = next(filter(None, match.groups()))
            parts = [part for part in re.split(r"[./:]+", re.sub(r"\.(?:[jt]sx?|h|hpp)$", "", name)) if part]
            if parts:
                candidates = by_folder[parts[-1]] if family == "go" else by_stem[parts[-1]]
                fitting = [other for other in candidates if _fits(other, parts, family == "go")]
                found.update((path, other) for other in fitting if other != path)
    return found


def _fits(path: str, parts: list[str], folder: bool) -> bool:
    place = path.rpartition("/")[0] if folder else path.rsplit(".", 1)[0]
    steps = place.split("/")
    shared = min(len(steps), len(parts), 2)
    return steps[-shared:] == parts[-shared:]


def order(paths: Iterable[str], found: Edges) -> list[str]:
    """Files by smallest number of dependencies left, as the paper's algorithm takes them."""
    needs: dict[str, set[str]] = {path: set() for path in paths}
    users: dict[str, set[str]] = defaultdict(set)
    for dependent, dependency in found:
        if dependency in needs:
            needs[dependent].add(dependency)
            users[dependency].add(dependent)
    ready: dict[int, set[str]] = defaultdict(set)
    for path, listed in needs.items():
        ready[len(listed)].add(path)
    result: list[str] = []
    left = set(needs)
    while left:
        degree = min(count for count, listed in ready.items() if listed)
        path = ready[degree].pop()
        left.discard(path)
        result.append(path)
        for user in users[path] & left:
            ready[len(needs[user])].discard(user)
            needs[user].discard(path)
            ready[len(needs[user])].add(user)
    return result
