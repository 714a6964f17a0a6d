"""Imports of PHP: `use` of namespaced names, types of the same namespace, and `require`d files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree, join, parent
from winnow.formats.languages.imports.types import Declarations, mentions

LANGUAGES = ("PHP",)

_QUERY = (
    "[(comment) (string) (encapsed_string) (heredoc) (nowdoc) (text)] @skip "
    "(namespace_definition name: (_) @namespace) "
    "(namespace_use_declaration) @use "
    "[(include_expression) (include_once_expression) (require_expression) (require_once_expression)] @file "
    "(class_declaration name: (_) @type) (interface_declaration name: (_) @type) "
    "(trait_declaration name: (_) @type) (enum_declaration name: (_) @type) "
    "(program (function_definition name: (_) @type)) "
)
_QUALIFIED = re.compile(rb"\\?\b[A-Za-z_]\w*(?:\\[A-Za-z_]\w*)+|\\[A-Z]\w*")
_LITERAL = re.compile(r"""(?:(__DIR__|dirname\(__FILE__\))\s*+\.?+\s*+)?["']([^"'$]++)["']\s*+\)?$""")


def read(content: bytes, path: str, language: str) -> Facts:
    """References: `A\\B\\C` (used or written in full), `file:./x.php` for what is included by a plain name."""
    tree = parsing.parse(content, "PHP")
    if tree is None:
        return Facts(path=path, language=language)
    found = parsing.captures(tree, "PHP", _QUERY)
    references: dict[str, None] = {}
    for node in found.get("use", []):
        references.update(dict.fromkeys(_used(node)))
    for node in found.get("file", []):
        said = _LITERAL.search(parsing.text(node))
        if said:
            references["file:" + ("./" + said[2].lstrip("/") if said[1] else said[2])] = None
    namespaces = found.get("namespace", [])
    declares = tuple(dict.fromkeys(parsing.text(node) for node in found.get("type", [])))
    code = parsing.without(content, found.get("skip", []) + found.get("use", []) + [n for n in namespaces])
    for name in sorted(set(_QUALIFIED.findall(code))):
        references[name.decode("utf-8", "replace")] = None
    return Facts(
        path=path,
        language=language,
        package=parsing.text(namespaces[0]) if namespaces else "",
        references=tuple(references),
        declares=declares,
        mentions=mentions(code) - frozenset(declares),
        parsed=True,
    )


def _used(node: Any) -> Iterator[str]:
    said = re.sub(r"^use\s+(?:function\s+|const\s+)?|;$", "", parsing.text(node).strip())
    prefix, brace, group = said.partition("{")
    items = group.rstrip("} \n\t").split(",") if brace else said.split(",")
    for item in items:
        name = re.split(r"(?<!\s)\s++as\s++", item.strip())[0]
        name = re.sub(r"^(?:function|const)\s+", "", name)
        if name:
            yield "\\" + ((prefix.strip() if brace else "") + name).lstrip("\\")


class Resolver:
    """Names resolve as PHP resolves them; the files that declare them are known, so no autoloader need be."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.declarations = Declarations(tree, LANGUAGES, "\\")

    def targets(self, facts: Facts) -> Iterator[str]:
        imported = {}
        for reference in facts.references:
            if reference.startswith("file:"):
                yield from self._file(facts, reference[5:])
            elif reference.startswith("\\"):
                imported[reference.rpartition("\\")[2]] = reference[1:]
                yield from self.declarations.declared(reference[1:], facts)
        for reference in facts.references:
            if reference.startswith(("\\", "file:")):
                continue
            head, _, rest = reference.partition("\\")
            whole = f"{imported[head]}\\{rest}" if head in imported else self._inside(facts, reference)
            yield from self.declarations.declared(whole, facts)
        yield from self.declarations.in_packages(facts.mentions - imported.keys(), [facts.package], facts)

    def _inside(self, facts: Facts, name: str) -> str:
        return self.declarations.qualified(facts.package, name.removeprefix("namespace\\"))

    def _file(self, facts: Facts, name: str) -> Iterator[str]:
        for folder in (parent(facts.path), ""):
            path = join(folder, name)
            if path is not None and path in self.tree:
                yield path
                return
