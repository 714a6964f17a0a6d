"""Imports of C#: types of the namespaces that a file is in or uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree
from winnow.formats.languages.imports.types import Declarations, mentions

LANGUAGES = ("C#",)

_TYPES = tuple(f"{kind}_declaration" for kind in ("class", "interface", "struct", "enum", "record", "delegate"))
_QUERY = (
    "[(comment) (string_literal) (verbatim_string_literal) (raw_string_literal)] @skip "
    "(using_directive) @using "
    "(namespace_declaration name: (_) @namespace) "
    "(file_scoped_namespace_declaration name: (_) @namespace) "
    + " ".join(f"({kind} name: (_) @type)" for kind in _TYPES)
)
_USING = re.compile(r"(global\s+)?using\s+(?:static\s+|unsafe\s+)?(?:\w+\s*=\s*)?([\w.]+)")


def read(content: bytes, path: str, language: str) -> Facts:
    """References are the namespaces used, `global A.B` for those that every file of the project gets."""
    tree = parsing.parse(content, "C#")
    if tree is None:
        return Facts(path=path, language=language)
    found = parsing.captures(tree, "C#", _QUERY)
    using: dict[str, None] = {}
    for node in found.get("using", []):
        if match := _USING.match(parsing.text(node)):
            using[("global " if match[1] else "") + match[2]] = None
    namespaces = sorted(found.get("namespace", []), key=lambda node: node.start_byte)
    declares = tuple(dict.fromkeys(parsing.text(node) for node in found.get("type", [])))
    code = parsing.without(content, found.get("skip", []) + found.get("using", []))
    return Facts(
        path=path,
        language=language,
        package=re.sub(r"\s", "", parsing.text(namespaces[0])) if namespaces else "",
        references=tuple(using),
        declares=declares,
        mentions=mentions(code) - frozenset(declares),
        parsed=True,
    )


class Resolver:
    """A mentioned type is that of the own namespace, of one around it, or of a namespace in use, in this order."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.declarations = Declarations(tree, LANGUAGES, spread=True)

    @cached_property
    def everywhere(self) -> list[str]:
        """Namespaces of `global using`."""
        references = (reference for facts in self.tree.of(*LANGUAGES) for reference in facts.references)
        return sorted({reference[7:] for reference in references if reference.startswith("global ")})

    def targets(self, facts: Facts) -> Iterator[str]:
        around, namespace = [facts.package], facts.package
        while namespace:
            namespace = namespace.rpartition(".")[0]
            around.append(namespace)
        used = [reference for reference in facts.references if not reference.startswith("global ")]
        for reference in used:
            if reference not in self.declarations.packages:  # an alias of a type, or its static members
                yield from self.declarations.declared(reference, facts)
        packages = list(dict.fromkeys([*around, *used, *self.everywhere]))
        yield from self.declarations.in_packages(facts.mentions, packages, facts)
