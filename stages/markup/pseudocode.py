"""Algorithms of LaTeX's packages `algorithmic` and `algpseudocode`: their commands, which differ in capitals, as words."""

from __future__ import annotations

LINES = {"state": "", "statex": "", "if": "if {} then", "elsif": "else if {} then", "elseif": "else if {} then"}
LINES |= {"else": "else", "endif": "end if", "for": "for {} do", "forall": "for all {} do", "endfor": "end for"}
LINES |= {"while": "while {} do", "endwhile": "end while", "repeat": "repeat", "until": "until {}", "loop": "loop"}
LINES |= {"endloop": "end loop", "require": "Require: ", "ensure": "Ensure: ", "procedure": "procedure {}({})"}
LINES |= {"endprocedure": "end procedure", "function": "function {}({})", "endfunction": "end function"}
WORDS = {"return": "return ", "print": "print ", "comment": "// {}", "call": "{}({})"}
WORDS |= {"to": " to ", "and": " and ", "or": " or ", "not": "not ", "true": "true", "false": "false"}
ALONE = {"RETURN", "PRINT"}
"""Words that `algorithmic` sets on a line of their own; in `algpseudocode` they stand after `\\State`."""


def is_pseudocode(command: str) -> bool:
    return command.lower() in LINES or command.lower() in WORDS


def pseudocode(command: str) -> tuple[bool, str]:
    """Whether a command begins a line, and what it says, `{}` for each of its arguments."""
    name = command.lower()
    return name in LINES or command in ALONE, LINES.get(name, WORDS.get(name, ""))
