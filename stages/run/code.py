"""Code that a user brought: a kind of source, a recipe, a scorer, an embedder, a block, named by its dotted path.

Its digest is part of the identity of the units that run it, so an edited module is worked again. The digest is over the
source of the module and of what it imports, as far as that is the user's too: modules of the same top package and, where
they lie outside of installed packages, their neighbours in the same folder. Nothing is imported to find that out.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from winnow.stages.run.digests import DIGEST_BYTES

OWN = "winnow"  # ours: its steps and kinds have versions
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*[.:][^\W\d]\w*")
_INSTALLED = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib", "platstdlib")}
_LOADED: dict[str, str] = {}


class ForeignCodeError(RuntimeError):
    """A worker has other code of the user's than the machine that planned the run."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """A module of the user's and the digest of its source."""

    module: str
    digest: str

    def check(self) -> None:
        """Raises `ForeignCodeError` where this process runs other code: another copy, or one loaded before an edit."""
        here = _LOADED.setdefault(self.module, code_digest(self.module))
        if here != self.digest:
            raise ForeignCodeError(
                f"this worker has other code of {self.module} than the machine that planned the run: bring it the same "
                "files and start it anew"
            )


def brought(name: str, what: str) -> ModuleType:
    """The user's module of this dotted path, imported; `what` says for which name of theirs it is, such as `kind 'a.b'`.

    Raises `LookupError` where there is none; what the module itself fails to import is told as Python does.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise LookupError(
            f"there is no module {error.name!r} for {what}: PYTHONPATH says where Python looks for it"
        ) from None


def code_of(value: Any) -> tuple[Code, ...]:
    """The user's modules that a value names, at any depth: `package.module:Name` or `package.module.Name`."""
    return tuple(Code(module=name, digest=code_digest(name)) for name in sorted(set(_named(value))))


def module_code(name: str) -> tuple[Code, ...]:
    """The code of one module by its dotted path; none for a module of ours or of Python."""
    return (Code(module=name, digest=code_digest(name)),) if _is_users(name) and _file_of(name) else ()


def code_digest(name: str) -> str:
    """The digest of a module's source and of the user's modules that it imports, 32 hexadecimal digits."""
    summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for module, path in sorted(sources(name).items()):
        content = path.read_bytes()
        summary.update(f"{module} {len(content)}\n".encode() + content)
    return summary.hexdigest()


def sources(name: str) -> dict[str, Path]:
    """The module and what it imports, lazily too, of the same top package or folder: dotted path → file."""
    found: dict[str, Path] = {}
    top, waiting = name.partition(".")[0], [name]
    home = _home(top)
    while waiting:
        module = waiting.pop()
        path = _file_of(module)
        if module in found or path is None:
            continue
        found[module] = path
        if parent := module.rpartition(".")[0]:
            waiting.append(parent)
        if path.suffix == ".py":
            imported = imports_of(path.read_bytes(), module, is_package=path.name == "__init__.py")
            waiting.extend(other for other in imported if other.partition(".")[0] == top or _is_near(other, home))
    return found


def imports_of(source: bytes, module: str, *, is_package: bool = False) -> Iterator[str]:
    """The dotted paths that a module's source imports anywhere, names taken for modules too; none if it can't be read."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _DOTTED.fullmatch(value):
            module = re.split("[.:]", value)[:-1]
            if _is_users(value) and _file_of(".".join(module)) is not None:
                yield ".".join(module)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _named(inner)


def _is_users(name: str) -> bool:
    top = re.split("[.:]", name)[0]
    return top != OWN and top not in sys.stdlib_module_names


def _home(top: str) -> Path | None:
    """The folder that holds a top module, where that isn't one of installed packages."""
    path = next(iter(_folders_of(top)), None) or _file_of(top)  # a package's folder, or a module's file
    folder = path.parent.resolve() if path is not None else None
    return None if folder in _INSTALLED else folder


def _is_near(name: str, home: Path | None) -> bool:
    return home is not None and _is_users(name) and _home(name.partition(".")[0]) == home


def _folders_of(top: str) -> list[Path]:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return []
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []


def _file_of(name: str) -> Path | None:
    """The file of a module, without importing anything; None where there is none."""
    top, _, rest = name.partition(".")
    if not rest:
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError, AttributeError):
            return None
        return Path(spec.origin) if spec and spec.origin and Path(spec.origin).is_file() else None
    *inner, last = rest.split(".")
    for folder in _folders_of(top):
        place = folder.joinpath(*inner)
        candidates = [place / last / "__init__.py", place / f"{last}.py", *sorted(place.glob(f"{last}.*.so"))]
        for path in candidates:
            if path.is_file():
                return path
    return None
