"""The order in which a documentation tree is read: by its tables of contents, page after page.

Known are Sphinx's `toctree` (reStructuredText and MyST), mkdocs' `nav` and mdBook's `SUMMARY.md`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import yaml

from winnow import bounded_yaml
from winnow.formats.markup.rst import directive_contents

SUFFIXES = (".rst", ".txt", ".md")
TITLED = re.compile(r"^.*<([^<>]+)>$")
LINK = re.compile(r"\]\(([^()\s#]+\.md)[^()]*\)")
MYST_TOCTREE = re.compile(r"^(?:```|:::)\{toctree\}[^\n]*\n(.*?)^(?:```|:::)", re.MULTILINE | re.DOTALL)


def books(files: Mapping[str, str]) -> list[list[str]]:
    """The trees of pages, each in reading order; pages that no table of contents reaches are in none.

    A root is a page with a table of contents that no other table names. Of two trees over the same pages the larger
    keeps them.
    """
    children = {name: found for name, text in files.items() if (found := list(_children(name, text, files)))}
    named = {child for name, found in children.items() for child in found if child != name}
    roots = [name for name in children if name not in named] or sorted(children)[:1]
    trees = sorted((_walk(root, children) for root in roots), key=lambda tree: (-len(tree), tree[0]))
    taken: set[str] = set()
    trees_of_pages: list[list[str]] = []
    for tree in trees:
        pages = [name for name in tree if name not in taken and name.endswith(SUFFIXES)]
        taken |= set(pages)
        if len(pages) > 1:
            trees_of_pages.append(pages)
    return trees_of_pages


def _walk(root: str, children: Mapping[str, Sequence[str]]) -> list[str]:
    order: dict[str, None] = {}
    stack = [root]
    while stack:
        name = stack.pop()
        if name not in order:
            order[name] = None
            stack += reversed(children.get(name, ()))
    return list(order)


def _children(name: str, text: str, files: Mapping[str, str]) -> Iterator[str]:
    base = posixpath.basename(name)
    folder = posixpath.dirname(name)
    if base in ("mkdocs.yml", "mkdocs.yaml"):
        yield from _nav(text, folder, files)
    elif base == "SUMMARY.md":
        for match in LINK.finditer(text):
            yield from _existing(posixpath.normpath(posixpath.join(folder, match[1])), files)
    elif name.endswith(SUFFIXES) and "toctree" in text:
        entries = [entry for block in directive_contents(text, "toctree") for entry in block]
        entries += [
            line.strip()
            for block in MYST_TOCTREE.findall(text)
            for line in block.split("\n")
            if line.strip() and not line.startswith((":", "---"))
        ]
        for entry in entries:
            yield from _entry(entry, folder, files)


def _entry(entry: str, folder: str, files: Mapping[str, str]) -> Iterator[str]:
    """The page that a line of a toctree names: relative to its folder, or with `/` to one above; may be a glob."""
    titled = TITLED.match(entry)
    target = titled[1] if titled else entry
    above = [folder]
    if target.startswith("/"):
        while above[-1]:
            above.append(posixpath.dirname(above[-1]))
    for start in above:
        path = posixpath.normpath(posixpath.join(start, target.lstrip("/"))).removeprefix("./")
        if "*" in path:
            found = sorted(file for file in files if file.endswith(SUFFIXES) and fnmatchcase(file, path + "*"))
        else:
            found = list(_existing(path, files))
        if found:
            yield from found
            return


def _existing(path: str, files: Mapping[str, str]) -> Iterator[str]:
    for name in (path, *(path + suffix for suffix in SUFFIXES)):
        if name in files:
            yield name
            return


def _nav(text: str, folder: str, files: Mapping[str, str]) -> Iterator[str]:
    try:
        settings = bounded_yaml.load(re.sub(r"!!?[\w/.:]+", "", text))
    except (yaml.YAMLError, RecursionError):
        return
    if isinstance(settings, Mapping):
        pages = posixpath.join(folder, str(settings.get("docs_dir", "docs")))
        for path in _leaves(settings.get("nav"), set()):
            yield from _existing(posixpath.normpath(posixpath.join(pages, path)), files)


def _leaves(node: Any, seen: set[int]) -> Iterator[str]:
    """The strings in nested lists and mappings; what aliases share is visited once."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping | list) and id(node) not in seen:
        seen.add(id(node))
        for value in node.values() if isinstance(node, Mapping) else node:
            yield from _leaves(value, seen)
