"""Names of archive members: which ones are harmful, which are asked for, and how to write them down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

NAME_BYTES = 1024
CLASS_OR_LETTER = re.compile(r"\[(!?)([^\]]{0,80})\]|([^\W\d_])")


def harm(name: str) -> str | None:
    """The rule that a member's name breaks, if it does."""
    steps = re.split(r"[/\\]", name)
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[/\\]", name):
        return "absolute"
    if ".." in steps:
        return "traversal"
    if (
        not relative(name)
        or not _is_unicode(name)
        or len(name.encode()) > NAME_BYTES
        or any(ord(sign) < 32 for sign in name)
    ):
        return "name"
    return None


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is like one of the patterns, by their letters' case."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def in_any_case(patterns: Iterable[str]) -> tuple[str, ...]:
    """Patterns that names in any case fit: `*.htm` as `*.[hH][tT][mM]`."""
    return tuple(CLASS_OR_LETTER.sub(_either, pattern) for pattern in patterns)


def _either(found: re.Match[str]) -> str:
    letter = found[3]
    if letter is None:
        return f"[{found[1]}{found[2]}{found[2].swapcase()}]"
    lower, upper = letter.lower(), letter.upper()
    return f"[{lower}{upper}]" if lower != upper and len(lower) == len(upper) == 1 else letter


def _is_unicode(name: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def relative(name: str) -> str:
    return "/".join(step for step in name.split("/") if step not in ("", "."))


def printable(name: str) -> str:
    """The name with what can't be shown escaped, short enough to report."""
    return name.encode("utf-8", "backslashreplace").decode()[:200]
