"""Imports of Ruby: `require_relative`, `require` below the load paths, `autoload`, and Rails' constants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree, join, nearness, parent

LANGUAGES = ("Ruby",)
LOAD_FOLDERS = ("lib", "ext", "spec", "test", "app")

_CALL = re.compile(rb"\b(?:require_relative|require|load|autoload)\b")
_CONSTANT = re.compile(rb"\b[A-Z]\w*(?:::[A-Z]\w*)*")


def read(content: bytes, path: str, language: str) -> Facts:
    """References: `./a` (relative to the file) and `a/b` (below a load path); mentions are constants, `A::B` whole."""
    tree = parsing.parse(content, "Ruby")
    if tree is None:
        return Facts(path=path, language=language)
    found: dict[str, None] = {}
    for node in parsing.tokens(tree, content, _CALL):
        call = node.parent
        if node.type != "identifier" or call is None or call.type != "call":
            continue
        arguments = call.child_by_field_name("arguments")
        last = arguments.named_child(arguments.named_child_count - 1) if arguments is not None else None
        value = parsing.string_value(last)
        if value:
            found[f"./{value}" if parsing.text(node) == "require_relative" else value] = None
    skip = parsing.captures(tree, "Ruby", "[(comment) (string) (regex) (heredoc_body)] @skip").get("skip", [])
    names = _CONSTANT.findall(parsing.without(content, skip))
    mentioned = frozenset(name.decode("utf-8", "replace") for name in names)
    return Facts(path=path, language=language, references=tuple(found), mentions=mentioned, parsed=True)


class Resolver:
    """Load paths are the folders `lib`, `ext`, `spec`, `test` and the root; below `app/*` constants name files."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @cached_property
    def features(self) -> dict[str, list[str]]:
        """The files of each feature name (`a/b`): what follows a load folder in their path."""
        found: dict[str, list[str]] = {}
        for facts in self.tree.of(*LANGUAGES):
            parts = facts.path.removesuffix(".rb").split("/")
            starts = [0] + [i + 1 for i, part in enumerate(parts[:-1]) if part in LOAD_FOLDERS]
            for start in starts:
                found.setdefault("/".join(parts[start:]), []).append(facts.path)
        return found

    @cached_property
    def constants(self) -> dict[str, str]:
        """The file below `app/<kind>/` that a constant's name stands for, as Rails' loader has it."""
        found: dict[str, str] = {}
        for facts in self.tree.of(*LANGUAGES):
            match = re.search(r"(?:^|/)app/[^/]++/(?:concerns/)?(.+)", facts.path.removesuffix(".rb"))
            if match and facts.path.endswith(".rb"):
                camel = "::".join("".join(word.title() for word in part.split("_")) for part in match[1].split("/"))
                found.setdefault(camel.lower(), facts.path)
        return found

    def targets(self, facts: Facts) -> Iterator[str]:
        folder = parent(facts.path)
        for reference in facts.references:
            name = reference.removesuffix(".rb")
            if name.startswith("."):
                base = join(folder, name)
                found = self.tree.first([f"{base}.rb", str(base)]) if base is not None else None
            else:
                paths = self.features.get(name, [])
                found = min(paths, key=lambda path: nearness(folder, path)) if paths else None
            if found is not None:
                yield found
        if self.constants:
            for constant in sorted(facts.mentions):
                target = self.constants.get(constant.lower())
                if target is not None:
                    yield target
