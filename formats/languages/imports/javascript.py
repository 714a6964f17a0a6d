"""Imports of JavaScript and TypeScript: relative, `index`, aliases of `tsconfig`, packages of the same monorepo."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree, ancestors, bounded, join, parent

LANGUAGES = ("JavaScript", "TypeScript", "Vue", "Svelte", "Astro")
MANIFESTS = ("package.json", "tsconfig*.json", "jsconfig.json")
SUFFIXES = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".vue", ".svelte", ".astro")
SOURCE_OF = {  # what stands for a file that isn't there: the source of a built one, the declarations of a source
    ".js": (".ts", ".tsx", ".d.ts"), ".jsx": (".tsx",), ".mjs": (".mts", ".d.mts"), ".cjs": (".cts", ".d.cts"),
    ".ts": (".d.ts",), ".tsx": (".d.ts",), ".mts": (".d.mts",), ".cts": (".d.cts",),
}  # fmt: skip

_KEYWORD = re.compile(rb"\b(?:import|from|require)\b|///\s*<reference\s+path")
_REFERENCE = re.compile(r"///\s*<reference\s+path\s*=\s*[\"']([^\"']+)")
_DECLARATION = re.compile(r"\.d\.[cm]?ts$")
_SCRIPT = re.compile(rb"<script\b[^>]*+(?:>(.*?)(</script>|\Z))?+", re.DOTALL | re.IGNORECASE)


def read(content: bytes, path: str, language: str) -> Facts:
    """References are the specifiers as written: `./a`, `@scope/package/b`, `react`."""
    if language in ("Vue", "Svelte", "Astro"):
        content = b"\n".join(match[1] for match in _SCRIPT.finditer(content[: parsing.MAXIMAL_BYTES]) if match[2])
        grammar = "TypeScript"
    else:
        grammar = "TSX" if path.endswith(".tsx") else language
    if not _KEYWORD.search(content):
        return Facts(path=path, language=language, parsed=True)
    tree = parsing.parse(content, grammar)
    if tree is None:
        return Facts(path=path, language=language)
    found: dict[str, None] = {}
    for node in parsing.tokens(tree, content, _KEYWORD):
        specifier = _specifier(node)
        if specifier:
            found[specifier] = None
    return Facts(path=path, language=language, references=tuple(found), parsed=True)


def _specifier(node: Any) -> str | None:
    if node.type == "comment":
        match = _REFERENCE.match(parsing.text(node))
        return f"./{match[1]}" if match else None
    above = node.parent
    if above is not None and above.type == "import":  # of `import(…)`
        above = above.parent
    if above is None:
        return None
    if node.type in ("import", "from", "require"):
        source = above.child_by_field_name("source")
        if source is not None:
            return parsing.string_value(source)
    if above.type == "call_expression" and (node.type == "import" or parsing.text(node) == "require"):
        arguments = above.child_by_field_name("arguments")
        first = arguments.named_child(0) if arguments is not None and arguments.named_child_count else None
        return parsing.string_value(first)
    return None


def read_manifest(content: bytes, path: str) -> Facts:
    """What `package.json` and `tsconfig.json` say of names and aliases; a manifest that isn't JSON says nothing."""
    try:
        said = json.loads(_plain_json(content.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        said = None
    settings: dict[str, object] = {}
    if isinstance(said, dict):
        if path.endswith("package.json"):
            keys = ("name", "main", "module", "types", "typings", "source", "browser", "exports", "imports")
            settings = {key: said[key] for key in keys if key in said}
        else:
            options = said.get("compilerOptions")
            options = options if isinstance(options, dict) else {}
            settings = {key: options[key] for key in ("baseUrl", "paths") if key in options}
            if isinstance(said.get("extends"), str):
                settings["extends"] = said["extends"]
    return Facts(path=path, language="JSON", settings=bounded(settings))


# A string or a comment that never ends runs to the end of the text: nothing reads that as JSON.
_COMMENT = re.compile(r'("(?:[^"\\]++|\\.)*+(?:"|\Z|\\))|//[^\n]*+|/\*.*?(?:\*/|\Z)', re.DOTALL)
_TRAILING = re.compile(r'("(?:[^"\\]++|\\.)*+(?:"|\Z|\\))|,(?=\s*+[}\]])', re.DOTALL)


def _plain_json(text: str) -> str:
    """JSON as `tsconfig` allows it, without its comments and trailing commas."""
    text = _COMMENT.sub(lambda match: match[1] or "", text.removeprefix("\ufeff"))
    return _TRAILING.sub(lambda match: match[1] or "", text)


class Resolver:
    """Finds a specifier's file as a bundler does that knows TypeScript."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def targets(self, facts: Facts) -> Iterator[str]:
        folder = parent(facts.path)
        for specifier in facts.references:
            specifier = specifier.split("?", 1)[0].split("!")[-1]
            find = self._declaration if _DECLARATION.search(facts.path) else self.file
            found = next((path for base in self._bases(folder, specifier) if (path := find(base))), None)
            if found is not None:
                yield found

    def _declaration(self, base: str) -> str | None:
        """What a declaration file means: the declarations of a built file rather than the file itself."""
        stem, suffix = posixpath.splitext(base)
        return self.tree.first(stem + ending for ending in SOURCE_OF.get(suffix, ())) or self.file(base)

    def file(self, base: str) -> str | None:
        """The file that `base` names: itself, with a suffix, its TypeScript source, or the index of a folder."""
        if base in self.tree:
            return base
        stem, suffix = posixpath.splitext(base)
        candidates = [base + ending for ending in SUFFIXES]
        candidates += [stem + ending for ending in SOURCE_OF.get(suffix, ())]
        found = self.tree.first(candidates)
        if found is None and base in self.tree.folders:
            prefix = f"{base}/" if base else ""
            manifest = self.tree.files.get(f"{prefix}package.json")
            entry = next(self._entries(base, manifest.settings, "."), None) if manifest else None
            found = entry or self.tree.first(f"{prefix}index{ending}" for ending in SUFFIXES)
        return found

    def _bases(self, folder: str, specifier: str) -> Iterator[str]:
        if specifier.startswith("."):
            base = join(folder, specifier)
            if base is not None:
                yield base
            return
        if specifier.startswith("/"):
            return
        for alias in self._aliases(folder):
            yield from alias.bases(specifier)
        if specifier.startswith("#"):
            yield from self._own(folder, specifier)
            return
        parts = specifier.split("/")
        name = "/".join(parts[: 2 if specifier.startswith("@") else 1])
        if (home := self.packages.get(name)) is not None:
            yield from self._package(home, specifier[len(name) + 1 :])

    def _package(self, home: str, below: str) -> Iterator[str]:
        settings = self.tree.files[f"{home}/package.json".lstrip("/")].settings
        yield from self._entries(home, settings, f"./{below}" if below else ".")
        prefix = f"{home}/" if home else ""
        if below:
            yield f"{prefix}{below}"
            yield f"{prefix}src/{below}"
        else:
            yield from (f"{prefix}src/index", f"{prefix}index", f"{prefix}lib/index", f"{prefix}src/main")

    def _own(self, folder: str, specifier: str) -> Iterator[str]:
        """`#name`: the `imports` of the nearest package."""
        for home in ancestors(folder):
            manifest = self.tree.files.get(f"{home}/package.json".lstrip("/"))
            if manifest is not None:
                yield from _mapped(home, manifest.settings.get("imports"), specifier)
                return

    def _entries(self, home: str, settings: Mapping[str, object], key: str) -> Iterator[str]:
        """Files of the repository that a package gives for `.` or `./below`: its sources before what is built."""
        for base in _mapped(home, settings.get("exports"), key):
            yield from (path for path in (base, *_sources(base)) if path in self.tree)
        if key == ".":
            for field in ("source", "types", "typings", "module", "main", "browser"):
                entry = settings.get(field)
                main = join(home, entry) if isinstance(entry, str) else None
                if main:
                    yield from (
                        path for path in (main, f"{main}.js", f"{main}/index.js", *_sources(main)) if path in self.tree
                    )

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """The folder of each package that the repository itself holds, by the package's name."""
        found: dict[str, str] = {}
        for path in self.tree.by_name.get("package.json", ()):
            name = self.tree.files[path].settings.get("name")
            if isinstance(name, str) and name and "node_modules/" not in path:
                found.setdefault(name, parent(path))
        return found

    def _aliases(self, folder: str) -> list[Aliases]:
        for place in ancestors(folder):
            if place in self._configurations:
                return self._configurations[place]
        return []

    @cached_property
    def _configurations(self) -> Mapping[str, list[Aliases]]:
        found: dict[str, list[Aliases]] = {}
        for path in sorted(self.tree.files):
            name = path.rsplit("/", 1)[-1]
            if name == "jsconfig.json" or (name.startswith("tsconfig") and name.endswith(".json")):
                aliases = self._configuration(path, 0)
                if aliases is not None:
                    found.setdefault(parent(path), []).append(aliases)
        return found

    def _configuration(self, path: str, inherited: int) -> Aliases | None:
        settings = self.tree.files[path].settings
        base, paths = settings.get("baseUrl"), settings.get("paths")
        if not isinstance(base, str) and not isinstance(paths, dict):
            extends = settings.get("extends")
            if not isinstance(extends, str) or not extends.startswith(".") or inherited > 8:
                return None
            start = join(parent(path), extends)
            above = self.tree.first([start, f"{start}.json", f"{start}/tsconfig.json"]) if start is not None else None
            return self._configuration(above, inherited + 1) if above else None
        root = join(parent(path), base if isinstance(base, str) else ".")
        table = paths if isinstance(paths, dict) else {}
        rules = {str(key): [str(item) for item in value] for key, value in table.items() if isinstance(value, list)}
        return Aliases(root or "", isinstance(base, str), rules)


class Aliases:
    """`compilerOptions.paths` and `baseUrl` of one `tsconfig.json`."""

    def __init__(self, root: str, based: bool, rules: Mapping[str, list[str]]) -> None:
        self.root = root
        self.based = based
        self.rules = sorted(rules.items(), key=lambda rule: (-len(rule[0].split("*")[0]), rule[0]))

    def bases(self, specifier: str) -> Iterator[str]:
        for pattern, replacements in self.rules:
            head, star, tail = pattern.partition("*")
            if specifier == pattern or (star and specifier.startswith(head) and specifier.endswith(tail)):
                middle = specifier[len(head) : len(specifier) - len(tail)] if star else ""
                for replacement in replacements:
                    base = join(self.root, replacement.replace("*", middle))
                    if base is not None:
                        yield base
        if self.based:
            base = join(self.root, specifier)
            if base is not None:
                yield base


def _mapped(home: str, table: object, key: str) -> Iterator[str]:
    """The paths that `exports` or `imports` of a package give for a key, conditions in their order."""
    if isinstance(table, str):
        table = {".": table}
    if not isinstance(table, dict):
        return
    if not any(str(name).startswith((".", "#")) for name in table):
        table = {".": table}
    for pattern, value in table.items():
        head, star, tail = str(pattern).partition("*")
        if key == pattern or (star and key.startswith(head) and key.endswith(tail) and len(key) >= len(head + tail)):
            middle = key[len(head) : len(key) - len(tail)] if star else ""
            for target in sorted(_leaves(value), key=lambda leaf: _DECLARATION.search(leaf) is not None):
                base = join(home, target.replace("*", middle))
                if base:
                    yield base


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)


def _sources(base: str) -> Iterator[str]:
    """Where the source of a built file usually lies: `dist/a.js` comes from `src/a.ts`."""
    stem = re.sub(r"(\.d)?\.[cm]?[jt]sx?$", "", base)
    moved = re.sub(r"(^|/)(?:dist|lib|build|out|esm|cjs|es)/(?:(?:esm|cjs|es)/)?", r"\1src/", stem, count=1)
    for place in dict.fromkeys([stem, moved]):
        yield from (f"{place}{suffix}" for suffix in (".ts", ".tsx", ".js", ".mjs"))
