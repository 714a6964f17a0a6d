"""Names of archive members: which ones are harmful, and how to write them down."""

from __future__ import annotations

import re

NAME_BYTES = 1024


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


def _is_unicode(name: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def relative(name: str) -> str:
    return "/".join(step for step in name.split("/") if step not in ("", "."))


def printable(name: str) -> str:
    """The name with what can't be shown escaped, short enough to report."""
    return name.encode("utf-8", "backslashreplace").decode()[:200]
