"""Which licence a file of a repository is under: its own header's, else the nearest licence file's or package's above
it.

What is nearer wins: a file's header over its folder, a folder over the one around it. In one folder a package's
metadata (`MIT OR Apache-2.0`) say how several licence files belong together; a lone licence file is believed before
them.
"""

from __future__ import annotations

import email.parser
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from winnow.formats.languages.imports.facts import ancestors, parent
from winnow.formats.licences import expressions

_LICENSE_FILE = re.compile(
    r"""(?xi) ^(?: (?:un)?licen[cs]es? (?:[-_.][^/]*)? | copying (?:[-_.][^/]*)?
      | [\w.]+[-_.]licen[cs]e (?:\.(?:txt|md|rst))?
      | mit-licen[cs]e[^/]* | copyright (?:\.(?:txt|md))? ) $"""
)
_NOT_TEXT = re.compile(
    r"(?i)\.(?:py|js|ts|tsx|jsx|go|rs|java|kt|c|h|cc|cpp|cs|rb|php|html?|css|json|ya?ml|toml|sh|svg|png|spdx)$"
)
_METADATA = {
    "package.json",
    "composer.json",
    "cargo.toml",
    "pyproject.toml",
    "setup.cfg",
    "pkg-info",
    "metadata",
    "pom.xml",
}


@dataclass(frozen=True)
class Grant:
    """A licence expression, and what it was found in: `header`, or the path of a licence file or of metadata."""

    expression: str | None
    found: str | None


@dataclass
class Grants:
    """The licences of a repository by folder, gathered from its licence files and package metadata."""

    _texts: dict[str, dict[str, str | None]] = field(default_factory=dict)
    _metadata: dict[str, tuple[str, str]] = field(default_factory=dict)
    _memory: dict[str, Grant] = field(default_factory=dict)

    def wants(self, path: str) -> bool:
        """Whether `take` has a use for this file."""
        folder, _, name = path.rpartition("/")
        return name.lower() in _METADATA or _is_license(folder, name) or name.endswith(".gemspec")

    def take(self, path: str, content: bytes) -> None:
        """Learns what a licence file or a package's metadata say."""
        folder, _, name = path.rpartition("/")
        if _is_license(folder, name):
            text = content[: 4 * expressions.MAXIMAL_TEXT].decode("utf-8", "replace")
            self._texts.setdefault(folder, {})[path] = expressions.of_text(text)
        elif name.lower() in _METADATA or name.endswith(".gemspec"):
            expression = _declared(name.lower(), content)
            if expression is not None:
                known = self._metadata.get(folder)
                if known is None or path < known[1]:
                    self._metadata[folder] = (expression, path)

    def strip(self, top: str) -> None:
        """Forgets a folder that everything lies in, so that paths are those inside it."""
        inside = top.removesuffix("/")
        cut = len(inside) + 1 if inside else 0
        self._texts = {
            folder[cut:]: {path[cut:]: found for path, found in texts.items()} for folder, texts in self._texts.items()
        }
        self._metadata = {folder[cut:]: (said, path[cut:]) for folder, (said, path) in self._metadata.items()}

    def of(self, path: str, text: str) -> Grant:
        """The licence of one file; None where nothing says."""
        own = expressions.of_header(text)
        return Grant(own, "header") if own is not None else self.of_folder(parent(path))

    def of_folder(self, folder: str) -> Grant:
        """The licence of a folder's files: that of the nearest folder that says one."""
        known = self._memory.get(folder)
        if known is None:
            found = (grant for place in ancestors(folder) if (grant := self._here(place)) is not None)
            known = self._memory[folder] = next(found, Grant(None, None))
        return known

    def _here(self, folder: str) -> Grant | None:
        texts = {path: found for path, found in sorted(self._texts.get(folder, {}).items()) if found is not None}
        metadata = self._metadata.get(folder)
        if len(texts) > 1 and metadata is not None:
            return Grant(*metadata)
        if texts:
            return Grant(expressions.all_of(texts.values()), next(iter(texts)))
        if self._texts.get(folder) and metadata is None:
            return Grant(None, min(self._texts[folder]))  # a licence that nobody knows must not pass for the one above
        return Grant(*metadata) if metadata is not None else None


def _is_license(folder: str, name: str) -> bool:
    reuse = folder.rsplit("/", 1)[-1] == "LICENSES"  # REUSE keeps texts there for files that name them
    return not reuse and _LICENSE_FILE.match(name) is not None and _NOT_TEXT.search(name) is None


def _declared(name: str, content: bytes) -> str | None:
    """The expression that a package's metadata declare."""
    said = content.decode("utf-8", "replace")
    found = [expression for value in _fields(name, said) if (expression := expressions.declared(value)) is not None]
    return expressions.all_of(found[:1])


def _fields(name: str, said: str) -> Iterator[str]:
    try:
        if name in ("package.json", "composer.json"):
            yield from _json(json.loads(said))
        elif name in ("cargo.toml", "pyproject.toml"):
            yield from _toml(tomllib.loads(said))
    except (ValueError, RecursionError):
        return
    if name in ("pkg-info", "metadata"):
        headers = email.parser.HeaderParser().parsestr(said)
        yield from (str(headers[key]) for key in ("License-Expression", "License") if headers[key])
        yield from map(str, headers.get_all("Classifier", []))
    elif name == "setup.cfg":
        yield from re.findall(r"(?m)^license\s*=\s*(.+)$", said)
        yield from re.findall(r"License :: .*", said)
    elif name == "pom.xml":
        yield from re.findall(r"<license>\s*<name>([^<]+)</name>", said)
    elif name.endswith(".gemspec"):
        yield from re.findall(r"\.licenses?\s*+=\s*+\[?+\s*+[\"']([^\"']+)", said)


def _json(said: Any) -> Iterator[str]:
    value = said.get("license", said.get("licenses")) if isinstance(said, dict) else None
    values = value if isinstance(value, list) else [value]
    names = [item.get("type") if isinstance(item, dict) else item for item in values]
    if names and all(isinstance(name, str) for name in names):
        yield " OR ".join(f"({name})" if len(names) > 1 else str(name) for name in names)


def _toml(said: Any) -> Iterator[str]:
    package = said.get("package") or said.get("project") or said.get("tool", {}).get("poetry") or {}
    value = package.get("license") if isinstance(package, dict) else None
    value = value.get("text") if isinstance(value, dict) else value
    if isinstance(value, str):
        yield value
    if isinstance(package, dict) and isinstance(package.get("classifiers"), list):
        yield from map(str, package["classifiers"])
