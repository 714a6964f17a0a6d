"""Which file of a repository needs which: imports read by tree-sitter, resolved to files of this repository alone.

Each language family is one module with the same face:

- `LANGUAGES`, the Linguist names it reads, and `MANIFESTS`, the file names that tell it of modules, crates and aliases;
- `read(content, path, language) → Facts`, from one file's bytes alone, and `read_manifest(content, path) → Facts`;
- `Resolver(tree)`, whose `targets(facts)` yields the paths that a file depends on.

`graph` joins them: facts in, edges and an order out. A new language is one such module and its name
below.
"""

from __future__ import annotations

import importlib
from fnmatch import fnmatchcase
from functools import cache
from types import ModuleType

from winnow.formats.languages.imports.facts import Facts

FAMILIES = ("c", "csharp", "go", "javascript", "jvm", "php", "python", "ruby", "rust")


@cache
def families() -> tuple[ModuleType, ...]:
    """The modules of every language family."""
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in FAMILIES)


@cache
def _by_language() -> dict[str, ModuleType]:
    return {language: family for family in families() for language in family.LANGUAGES}


@cache
def _manifests() -> tuple[tuple[str, ModuleType], ...]:
    return tuple((pattern, family) for family in families() for pattern in getattr(family, "MANIFESTS", ()))


def is_manifest(path: str) -> bool:
    """Whether the file says something of modules, crates or aliases that resolving needs, whoever keeps it as text."""
    name = path.rsplit("/", 1)[-1]
    return any(fnmatchcase(name, pattern) for pattern, _ in _manifests())


def read(content: bytes, path: str, language: str | None) -> Facts:
    """The facts of one file of UTF-8 bytes; those of a language that nobody reads are its path alone."""
    name = path.rsplit("/", 1)[-1]
    for pattern, family in _manifests():
        if fnmatchcase(name, pattern):
            facts: Facts = family.read_manifest(content, path)
            return facts
    if language in _by_language():
        facts = _by_language()[language].read(content, path, language)
        return facts
    return Facts(path=path, language=language)
