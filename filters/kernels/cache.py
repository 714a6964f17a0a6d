"""Where compiled kernels are kept: a folder named after the sources that they were compiled from.

numba keeps machine code by the file of the function that is called, and doesn't notice a change in a function that this
one calls from another file. A folder per state of a module and of all that it imports does: an edited kernel is never
run in its old form, and an edit compiles anew only what can reach it.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

ROOT = Path(__file__).absolute().parents[3]  # where `winnow` lies: links are not followed
IMPORT = re.compile(r"^from (winnow\b[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)
"""An import from a package that holds kernels. Indented ones don't count: no kernel runs what a function imports."""


def kernel_folder(function: Callable[..., Any], root: Path = ROOT) -> str:
    """The folder of the present state of all that `function` is compiled from.

    A kernel made by a factory also depends on the functions that it was given, wherever those were defined.
    """
    modules = {function.__module__}
    for cell in function.__closure__ or ():
        modules.add(getattr(cell.cell_contents, "__module__", None) or function.__module__)
    reached = sorted(set().union(*(sources_of(module, root) for module in modules)))
    summary = hashlib.blake2b(digest_size=8)
    for module in reached:
        summary.update(_digest(module, root))
    return str(kernels() / summary.hexdigest())


@cache
def kernels() -> Path:
    """Where compiled kernels go: inside the virtual environment or, where that can't be written, the user's cache."""
    inside = Path(sys.prefix) / "var" / "winnow-kernels"
    nearest = next(folder for folder in (inside, *inside.parents) if folder.exists())
    return inside if os.access(nearest, os.W_OK) else Path(user_cache_dir("winnow")) / "kernels"


@cache
def sources_of(module: str, root: Path = ROOT) -> frozenset[str]:
    """The module and every module of ours that it imports, directly or not, by their sources under `root`."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached and _source(name, root) is not None:
            reached.add(name)
            waiting.extend(_imported(name, root))
    return frozenset(reached)


@cache
def _imported(module: str, root: Path) -> tuple[str, ...]:
    """What the module's own import lines name; `from a.b import c` may mean the module `a.b.c` as well as `a.b`."""
    content = _source(module, root) or b""
    found = IMPORT.findall(content.decode())
    return tuple(
        name
        for place, names in found
        for name in (place, *(f"{place}.{part.split()[0]}" for part in names.strip("()").split(",") if part.strip()))
    )


@cache
def _source(module: str, root: Path) -> bytes | None:
    path = root.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate.read_bytes()
    return None


@cache
def _digest(module: str, root: Path) -> bytes:
    return hashlib.blake2b(module.encode() + b"\0" + (_source(module, root) or b""), digest_size=16).digest()
