"""How a profile names files: by their folder, by patterns, or one by one."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from winnow.formats.containers.records import PACKED


def cover(names: Sequence[str], folder: str, claimed: set[str]) -> list[str]:
    """The folders that hold these files and no repository; patterns for files that lie beside one."""
    here = [name for name in names if name.startswith(f"{folder}/")]
    if not here:
        return list(names)  # the folder is a file itself
    if not any(root.startswith(f"{folder}/") for root in claimed):
        return [folder]
    found: list[str] = []
    direct = [name for name in here if "/" not in name.removeprefix(f"{folder}/")]
    found += globs(direct)
    for inner in sorted({f"{folder}/{name.removeprefix(folder + '/').partition('/')[0]}" for name in here}):
        if inner not in direct:
            found += cover(here, inner, claimed)
    return found


def globs(names: Sequence[str]) -> list[str]:
    return sorted({f"{posixpath.dirname(name)}/*{suffix(name)}" for name in names})


def folders_of(names: Sequence[str]) -> list[str]:
    """The folders that these files lie in, without those that lie in one of the others."""
    found: list[str] = []
    for folder in sorted({posixpath.dirname(name) for name in names}):
        if not any(folder.startswith(f"{outer}/") for outer in found):
            found.append(folder)
    return found


def apart(names: Sequence[str], all_names: Sequence[str]) -> list[str]:
    """Patterns for these files, or each by its name in a folder where others of the suffix aren't among them."""
    own = set(names)
    mixed = {(posixpath.dirname(name), suffix(name)) for name in all_names if name not in own}
    lone = {name for name in names if (posixpath.dirname(name), suffix(name)) in mixed}
    return sorted([*lone, *globs([name for name in names if name not in lone])])


def suffix(name: str) -> str:
    """`.jsonl.zst` of `a.b.jsonl.zst`, `.gz` never alone."""
    base = name.rpartition("/")[2]
    inner = PACKED.sub("", base)
    return f"{posixpath.splitext(inner)[1]}{base.removeprefix(inner)}"


def pattern(name: str) -> str:
    """What a reader of a folder is asked for: the suffix without that of a compression, or the whole name without one."""
    inner = PACKED.sub("", name.rpartition("/")[2])
    return f"*{posixpath.splitext(inner)[1]}" if posixpath.splitext(inner)[1] else f"*{inner}"
