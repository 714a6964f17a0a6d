"""How a profile names files: by their folder, by patterns, or one by one."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from glob import escape

from winnow.formats.containers.records import PACKED
from winnow.formats.markup.mail import MAILDIR

MOST_PATTERNS = 24  # that one entry of a profile names for files whose suffixes say nothing


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
    """What a reader of a folder is asked for: the suffix without that of a compression, or the whole name without one.

    Of a message in a Maildir folder, no two of which are called alike, it is the folder.
    """
    if MAILDIR.search(name):
        return f"*{posixpath.basename(posixpath.dirname(name))}/[0-9]*"
    inner = PACKED.sub("", name.rpartition("/")[2])
    return f"*{escape(posixpath.splitext(inner)[1] or inner)}"


def patterns(known: Iterable[str], others: Iterable[str]) -> list[str]:
    """Patterns for files of `known` suffixes and for `others`; of many for the others the most frequent, digits alike.

    A tree of documentation has hundreds of names like `NEWS.3-2`, most of them once: a profile that listed them all
    would be read by nobody, and hold for no other tree.
    """
    named, counted = set(map(pattern, known)), Counter(map(pattern, others))
    if len(named | counted.keys()) <= MOST_PATTERNS:
        return sorted(named | counted.keys())
    alike: Counter[str] = Counter()
    for one in counted.keys() - named:
        alike[re.sub(r"\d", "[0-9]", one)] += counted[one]
    most = sorted(alike, key=lambda one: (-alike[one], one))[: max(0, MOST_PATTERNS - len(named))]
    return sorted({*named, *most})


def asked_for(name: str, asked: Iterable[str]) -> bool:
    """Whether a reader of a folder takes the file by one of these patterns, unpacked or as it is."""
    return any(fnmatchcase(PACKED.sub("", name), one) or fnmatchcase(name, one) for one in asked)
