"""Imports of Java and Kotlin: packages, and the types of the same package, which need no import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree
from winnow.formats.languages.imports.types import WILDCARD, Declarations, mentions

LANGUAGES = ("Java", "Kotlin")

_QUALIFIED = re.compile(rb"\b([a-z_]\w*+(?:\.[a-z_]\w*+)++(?:\.([A-Z])\w*+)?)")
_NOT_CODE = {
    "Java": "[(line_comment) (block_comment) (string_literal) (import_declaration) (package_declaration)] @skip",
    "Kotlin": "[(line_comment) (block_comment) (string_content) (import) (package_header)] @skip",
}
_TOP_LEVEL = {
    "Java": "class_declaration interface_declaration enum_declaration record_declaration annotation_type_declaration",
    "Kotlin": "class_declaration object_declaration function_declaration property_declaration type_alias",
}


def read(content: bytes, path: str, language: str) -> Facts:
    """References are imports (`a.b.Type`, `a.b.*`) and names written in full; mentions are the types the code uses."""
    tree = parsing.parse(content, language)
    if tree is None:
        return Facts(path=path, language=language)
    package, declares = "", []
    found: dict[str, None] = {}
    for node in tree.root_node.named_children:
        if node.type in ("package_declaration", "package_header"):
            package = _dotted(node)
        elif node.type in ("import_declaration", "import"):
            found[_dotted(node)] = None
        elif node.type in _TOP_LEVEL[language].split():
            declares.append(_name(node))
    code = parsing.without(content, parsing.captures(tree, language, _NOT_CODE[language]).get("skip", []))
    qualified = {name for name, type_begins in _QUALIFIED.findall(code) if type_begins}
    found.update(dict.fromkeys(name.decode("utf-8", "replace") for name in sorted(qualified)))
    return Facts(
        path=path,
        language=language,
        package=package,
        references=tuple(found),
        declares=tuple(name for name in declares if name),
        mentions=mentions(code) - frozenset(declares),
        parsed=True,
    )


def _dotted(node: Any) -> str:
    """`import static a.b.C.d;` → `a.b.C.d`; `import a.b.*` → `a.b.*`; `import a.b.C as D` → `a.b.C`."""
    said = re.sub(r"//[^\n]*+|/\*.*?(?:\*/|\Z)", "", parsing.text(node), flags=re.DOTALL)
    said = re.sub(
        r"^\s*(?:import|package)\s+(?:static\s+)?",
        "",
        said[said.find("import") if "import" in said else said.find("package") :],
    )
    return re.sub(r"[\s;`]", "", re.split(r"(?<!\s)\s++as\s++", said)[0])


def _name(node: Any) -> str:
    if node.type == "type_alias":
        return parsing.text(node.child_by_field_name("type"))
    if node.type == "property_declaration":
        variable = next((child for child in node.named_children if child.type == "variable_declaration"), None)
        return parsing.text(variable.named_child(0)) if variable is not None else ""
    return parsing.text(node.child_by_field_name("name"))


class Resolver:
    """An explicit import wins over a type of the same package, that over a package imported whole."""

    def __init__(self, tree: Tree) -> None:
        self.declarations = Declarations(tree, LANGUAGES)

    def targets(self, facts: Facts) -> Iterator[str]:
        wildcards, imported = [], set()
        for reference in facts.references:
            if reference.endswith(f".{WILDCARD}"):
                whole = reference[:-2]
                if whole in self.declarations.packages:
                    wildcards.append(whole)
                else:
                    yield from self.declarations.longest(whole, facts)
                continue
            imported.add(reference.rpartition(".")[2])
            yield from self.declarations.longest(reference, facts)
        packages = [facts.package, *wildcards]
        yield from self.declarations.in_packages(facts.mentions - imported, packages, facts)
