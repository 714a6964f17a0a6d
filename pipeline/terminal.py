"""What is printed: documents, names and errors made harmless to a terminal, and to whoever reads them.

A document can hold escapes that clear the screen, retitle the window or answer in the user's name, and bidirectional
controls that show one text and hold another. Every command prints through here; a credential in an address is
struck out, too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import IO

import click
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.control import Control
from rich.segment import Segment

from winnow.pipeline.credentials import redacted

_HARMFUL = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def inert(text: str) -> str:
    """The text with controls and bidirectional marks written out (`␛`, `<U+202E>`); tabs and line ends stay."""
    return _HARMFUL.sub(_shown, text)


def console(file: IO[str] | None = None) -> Console:
    """A console on standard output, or on a file, that prints whatever it is given inert and without credentials."""
    made = Console(highlight=False, file=file)
    made.push_render_hook(_Guard())
    return made


def say(line: object, *, err: bool = False) -> None:
    """One line on standard output or standard error, inert and without credentials."""
    click.echo(inert(redacted(str(line))), err=err)


def hand_over(text: str) -> None:
    """A document on standard output: inert on a terminal, byte for byte into a pipe or file."""
    click.echo(inert(text) if sys.stdout.isatty() else text)


def _shown(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x20:
        return chr(0x2400 + number)
    return "␡" if number == 0x7F else f"<U+{number:04X}>"


class _Guard(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [each if isinstance(each, Control) else _Inert(each) for each in renderables]


class _Inert:
    """What another renderable shows, inert. Colours are no part of a segment's text, so they stay."""

    def __init__(self, held: ConsoleRenderable) -> None:
        self.held = held

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        segments: Iterable[Segment] = console.render(self.held, options)
        for segment in segments:
            if segment.control:
                yield segment
            else:
                yield Segment(inert(redacted(segment.text)), segment.style)
