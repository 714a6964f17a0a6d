"""What the trainer prints. Names of phases, sources and files come with shards, which may be a stranger's."""

from __future__ import annotations

import click


def inert(text: str) -> str:
    """The text with what no terminal shows (controls, bidirectional marks, halves of pairs) written out."""
    return "".join(sign if sign.isprintable() or sign in "\t\n" else f"<U+{ord(sign):04X}>" for sign in text)


def say(line: str) -> None:
    """One line on standard output, inert."""
    click.echo(inert(line))
