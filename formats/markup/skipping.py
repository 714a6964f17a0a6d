"""What belongs to a command of LaTeX, and goes with it where it is left out: arguments, what it defines, a bare length."""

from __future__ import annotations

import re

from winnow.formats.markup.macros import Source

OPTION = re.compile(r"[ \t]*\[[^\[\]]*\]")
BLANK = re.compile(r"\s*(?=\{)")
DEFINED = re.compile(r"\s*+\{?+\s*+\\(?:[A-Za-z@]++|.)\s*+\}?+(?:\[[^\[\]]*+\]|#\d)*+")
LENGTH = re.compile(
    r"\s*+=?+(?:\s*+(?:width|height|depth|plus|minus)?+\s*+-?+"
    r"(?:(?:\d++(?:\.\d++)?+|\.\d++)\s*+(?:true)?+(?:pt|pc|in|bp|cm|mm|em|ex|sp|fil+)|\\[A-Za-z]++))*+"
)


def argument_of(source: str, command: str) -> str | None:
    """The first argument of the first use of a command."""
    match = re.search(rf"\\{command}\s*(?:\[[^\]]*\]\s*)?(?=\{{)", source)
    found = Source(source).group(match.end()) if match else None
    return found[0] if found else None


def skip_arguments(source: Source, position: int, count: int) -> int:
    """Past the optional arguments and up to `count` groups."""
    position = skip_options(source, position)
    for _ in range(count):
        blank = BLANK.match(source, position)
        found = source.group(blank.end()) if blank else None
        if found is None:
            return position
        position = skip_options(source, found[1])
    return position


def skip_options(source: Source, position: int) -> int:
    while (option := OPTION.match(source, position)) is not None:
        position = option.end()
    return position


def skip_definition(source: Source, position: int, groups: int) -> int:
    """Past the name that is defined, its parameters, and what it is to mean."""
    named = DEFINED.match(source, position)
    return skip_arguments(source, named.end(), groups) if named else position


def skip_length(source: Source, position: int) -> int:
    """Past `3pt plus 1fil`, `=\\textwidth` and the like."""
    length = LENGTH.match(source, position)
    return length.end() if length else position
