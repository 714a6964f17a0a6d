"""Imports of Rust: the module tree that `mod` spans from each crate's root, and paths through it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree, ancestors, bounded, join, parent

LANGUAGES = ("Rust",)
MANIFESTS = ("Cargo.toml",)
DEEPEST = 64  # modules in modules: `#[path]` can name a file that contains it
AT = " in "  # separates a reference from the inline modules it stands in

_KEYWORD = re.compile(rb"\b(?:mod|use|extern|include)\b|\b(?:crate|super|self)(?=\s*::)")
_PATH = re.compile(rb"(?:crate|super|self)(?:\s*::\s*\w+)+")
_MOD = re.compile(rb"mod\s+(\w+)\s*;")
_INCLUDE = re.compile(rb'include\s*!\s*\(\s*"([^"]+)"\s*\)')
_ATTRIBUTE_PATH = re.compile(r'^#\[\s*path\s*=\s*"([^"]+)"')


def read(content: bytes, path: str, language: str) -> Facts:
    """References: `mod name`, `mod name file.rs` (from `#[path]`), `file x.rs` (`include!`) and paths like
    `crate::a::B`.

    Each is followed by ` in a::b` where it stands in inline modules `a { b { … } }`.
    """
    tree = parsing.parse(content, "Rust")
    if tree is None:
        return Facts(path=path, language=language)
    found: dict[str, None] = {}
    for node in parsing.tokens(tree, content, _KEYWORD):
        above = node.parent
        if above is None or "comment" in node.type or "string" in node.type or "comment" in above.type:
            continue
        references = _references(node, above, content)
        if references:
            inline = _inline(above)
            found.update(dict.fromkeys(reference + AT + inline if inline else reference for reference in references))
    return Facts(path=path, language=language, references=tuple(found), parsed=True)


def _references(node: Any, above: Any, content: bytes) -> list[str]:
    if node.type == "mod":
        if above.type == "mod_item":
            return [] if above.child_by_field_name("body") is not None else [_module(above)]
        match = _MOD.match(content, node.start_byte)  # inside a macro such as cfg_if!
        return [f"mod {match[1].decode()}"] if match else []
    if node.type == "use" and above.type == "use_declaration":
        return list(_use(above.child_by_field_name("argument"), ""))
    if node.type == "extern" and above.type == "extern_crate_declaration":
        return [f"::{parsing.text(above.child_by_field_name('name'))}"]
    if content.startswith(b"include", node.start_byte):
        match = _INCLUDE.match(content, node.start_byte)
        return [f"file {match[1].decode('utf-8', 'replace')}"] if match else []
    if node.type in ("crate", "super", "self"):
        match = _PATH.match(content, node.start_byte)
        return [re.sub(r"\s", "", match[0].decode())] if match and not _in_use(above) else []
    return []


def _in_use(node: Any) -> bool:
    while node is not None and node.type in ("scoped_identifier", "scoped_use_list", "use_list", "use_as_clause"):
        node = node.parent
    return node is not None and node.type in ("use_declaration", "use_wildcard")


def _module(item: Any) -> str:
    name = parsing.text(item.child_by_field_name("name"))
    before = item.prev_named_sibling
    while before is not None and before.type in ("attribute_item", "line_comment", "block_comment"):
        if match := _ATTRIBUTE_PATH.match(parsing.text(before)):
            return f"mod {name} {match[1]}"
        before = before.prev_named_sibling
    return f"mod {name}"


def _inline(node: Any) -> str:
    names = []
    while node is not None:
        if node.type == "mod_item" and node.child_by_field_name("body") is not None:
            names.append(parsing.text(node.child_by_field_name("name")))
        node = node.parent
    return "::".join(reversed(names))


def _use(node: Any, prefix: str) -> Iterator[str]:
    """The paths that a `use` tree spells out."""
    if node is None:
        return
    if node.type == "use_as_clause":
        yield from _use(node.child_by_field_name("path"), prefix)
    elif node.type == "scoped_use_list":
        head = re.sub(r"\s", "", parsing.text(node.child_by_field_name("path")))
        yield from _use(node.child_by_field_name("list"), f"{prefix}{head}::")
    elif node.type == "use_list":
        for child in node.named_children:
            yield from _use(child, prefix)
    elif node.type == "use_wildcard":
        yield re.sub(r"\s|::\*$", "", prefix + parsing.text(node))
    elif node.type == "self":
        yield prefix.removesuffix("::") or "self"
    elif "comment" not in node.type:
        yield re.sub(r"\s", "", prefix + parsing.text(node))


def read_manifest(content: bytes, path: str) -> Facts:
    """The crate's name, its library's name and file, its renamed dependencies, and the roots it names."""
    try:
        said: Mapping[str, Any] = tomllib.loads(content.decode("utf-8", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError):
        said = {}
    settings: dict[str, object] = {}
    package, library = said.get("package"), said.get("lib")
    if isinstance(package, dict) and isinstance(package.get("name"), str):
        settings["name"] = package["name"]
        settings["edition"] = package.get("edition")
    if isinstance(library, dict):
        settings["library"] = {key: library[key] for key in ("name", "path") if isinstance(library.get(key), str)}
    tables = [said.get(kind) for kind in ("bin", "example", "test", "bench")]
    targets = [target for table in tables if isinstance(table, list) for target in table]
    settings["roots"] = [target["path"] for target in targets if isinstance(target, dict) and "path" in target]
    renamed = {}
    dependencies = said.get("dependencies")
    for name, dependency in dependencies.items() if isinstance(dependencies, dict) else ():
        if isinstance(dependency, dict) and isinstance(dependency.get("package"), str):
            renamed[name.replace("-", "_")] = dependency["package"]
    return Facts(path=path, language="TOML", settings=bounded({**settings, "renamed": renamed}))


class Resolver:
    """Follows `mod` from every crate's root, then walks paths through the modules that were found."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.modules: dict[tuple[str, ...], str] = {}  # (root file, *module path) → file
        self.place: dict[str, tuple[str, ...]] = {}  # file → the first such key it was found under
        for root in self._roots:
            self._grow(root)

    @cached_property
    def _roots(self) -> list[str]:
        explicit, implied = [], []
        for path in self.tree.by_name.get("Cargo.toml", ()):
            home, settings = parent(path), self.tree.files[path].settings
            library = self._library_root(home, settings)
            roots = settings.get("roots")
            named = [join(home, str(root)) for root in roots] if isinstance(roots, list) else []
            explicit += [root for root in [library, *named] if root is not None and root in self.tree]
        folders = ("bin", "examples", "tests", "benches")
        homes = {parent(path) for path in self.tree.by_name.get("Cargo.toml", ())}
        for facts in self.tree.of(*LANGUAGES):
            folder, _, name = facts.path.rpartition("/")
            here, above = folder.rsplit("/", 1)[-1], parent(folder).rsplit("/", 1)[-1]
            main = name in ("lib.rs", "main.rs") and (here in ("src", "") or not homes)
            program = here in folders or (name == "main.rs" and above in folders)
            if main or program or (name == "build.rs" and folder in homes):
                implied.append(facts.path)
        return list(dict.fromkeys([*explicit, *sorted(implied, key=lambda path: (not path.endswith("lib.rs"), path))]))

    @staticmethod
    def _library_root(home: str, settings: Mapping[str, object]) -> str:
        library = settings.get("library")
        path = library.get("path") if isinstance(library, dict) else None
        return join(home, path or "src/lib.rs") or ""

    @cached_property
    def crates(self) -> Mapping[str, str]:
        """The library root of each crate of the repository, by the name that code calls it."""
        found: dict[str, str] = {}
        for path in self.tree.by_name.get("Cargo.toml", ()):
            settings = self.tree.files[path].settings
            library = settings.get("library")
            name = (library.get("name") if isinstance(library, dict) else None) or settings.get("name")
            root = self._library_root(parent(path), settings)
            if isinstance(name, str) and root in self.tree:
                found.setdefault(name.replace("-", "_"), root)
        return found

    def _grow(self, root: str) -> None:
        """Follows `mod` from a root; a file that two roots share has a place in both, the first one counts."""
        pending: list[tuple[str, ...]] = [] if root in self.place else [(root,)]
        self.modules.setdefault((root,), root)
        self.place.setdefault(root, (root,))
        while pending:
            key = pending.pop()
            file = self.modules[key]
            for reference in self.tree.files[file].references:
                if not reference.startswith("mod "):
                    continue
                name, inline, target = self._mod(file, reference, len(key) == 1)
                child = (*key, *inline, name)
                if target is not None and child not in self.modules and len(child) < DEEPEST:
                    self.modules[child] = target
                    self.place.setdefault(target, child)
                    pending.append(child)

    def _mod(self, file: str, reference: str, is_root: bool) -> tuple[str, list[str], str | None]:
        said, _, where = reference.partition(AT)
        inline = where.split("::") if where else []
        _, name, *explicit = said.split(" ", 2)
        folder, _, own = file.rpartition("/")
        base = folder if is_root or own == "mod.rs" else f"{folder}/{own.removesuffix('.rs')}".lstrip("/")
        if explicit:
            start = "/".join([base, *inline]) if inline else folder
            path = join(start, explicit[0])
            return name, inline, path if path in self.tree.files else None
        stem = "/".join(part for part in [base, *inline, name] if part)
        return name, inline, self.tree.first([f"{stem}.rs", f"{stem}/mod.rs"])

    def targets(self, facts: Facts) -> Iterator[str]:
        key = self.place.get(facts.path)
        for reference in facts.references:
            said, _, where = reference.partition(AT)
            if said.startswith("mod "):
                target = self._mod(facts.path, reference, key is None or len(key) == 1)[2]
            elif said.startswith("file "):
                target = join(parent(facts.path), said[5:])
            else:
                target = self._path(facts.path, key, said.split("::"), where.split("::") if where else [])
            if target is not None and target in self.tree:
                yield target

    def _path(self, file: str, key: tuple[str, ...] | None, parts: list[str], inline: list[str]) -> str | None:
        parts = [part.removeprefix("r#") for part in parts]
        first = parts[0]
        if key is not None and first in ("crate", "$crate"):
            return self._longest((key[0],), parts[1:])
        if key is not None and first in ("self", "super"):
            here = [*key, *inline]
            while parts and parts[0] in ("self", "super"):
                if parts[0] == "super" and len(here) > 1:
                    here.pop()
                parts = parts[1:]
            return self._longest(tuple(here), parts)
        if key is not None and first:
            local = self.modules.get((*key, *inline, first))
            if local is not None:
                return self._longest((*key, *inline), parts)
        name = parts[1] if first == "" and len(parts) > 1 else first
        root = self.crates.get(self._renamed(file, name))
        return self._longest((root,), parts[2:] if first == "" else parts[1:]) if root is not None else None

    def _renamed(self, file: str, name: str) -> str:
        for folder in ancestors(parent(file)):
            manifest = self.tree.files.get(f"{folder}/Cargo.toml".lstrip("/"))
            if manifest is not None:
                renamed = manifest.settings.get("renamed")
                return str(renamed.get(name, name)).replace("-", "_") if isinstance(renamed, dict) else name
        return name

    def _longest(self, start: tuple[str, ...], parts: list[str]) -> str | None:
        """The file of the deepest module on the way; that of the module around it where the last ones are inline."""
        for length in range(len(parts), -1, -1):
            file = self.modules.get((*start, *parts[:length]))
            if file is not None:
                return file
        while len(start) > 1:
            start = start[:-1]
            if (file := self.modules.get(start)) is not None:
                return file
        return None
