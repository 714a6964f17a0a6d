"""The text of blocks with its links: as Markdown, or without; marks that only link to their own heading always without."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Callable
from urllib.parse import urljoin

import numpy as np

from winnow.formats.html.blocks import Blocks
from winnow.formats.html.characters import HASH
from winnow.formats.html.elements import ADDRESS_START, END, PRESERVED, START, TEXT_END, TEXT_START

PERMALINK_BYTES = 8
NO_PERMALINK = re.compile(r"[\w*†‡]")  # these are words, numbers, and marks of notes
NO_TARGET = ("#", "javascript:", "data:", "about:")
TO_QUOTE = re.compile(r"[\s<>()]")


def strings(page: Blocks, *, links: bool, url: str | None = None) -> Callable[[int], str]:
    """A `Blocks.string` that writes links as `[text](address)` or as their text, and drops `¶` after a heading.

    Addresses are made absolute by `url`. Listings stay as they are.
    """
    text = page.text[: int(page.blocks[-1, END]) + 1 if len(page) else 0].tobytes()
    starts, ends, listings = (page.blocks[:, column].tolist() for column in (START, END, PRESERVED))
    dropped = _permalinks(page, text)
    written = range(len(page.links)) if links else sorted(dropped)
    first = page.links[list(written), TEXT_START].tolist()

    def plain(start: int, end: int) -> str:
        return text[start:end].decode("utf-8", "replace")

    def string(block: int) -> str:
        start, end = starts[block], ends[block]
        nearest = bisect_left(first, start)
        if listings[block] or nearest == len(first) or first[nearest] >= end:
            return plain(start, end)
        pieces: list[str] = []
        at = start
        for link in written[nearest:]:
            begin, stop = (int(page.links[link, column]) for column in (TEXT_START, TEXT_END))
            if begin >= end:
                break
            begin, stop = max(begin, at), min(stop, end)
            if link in dropped:
                before = plain(at, begin)
                in_brackets = before.endswith("[") and plain(stop, stop + 1) == "]"
                pieces.append(before.removesuffix("[") if in_brackets else before)
                at = stop + in_brackets
            elif not (plain(max(begin - 1, 0), begin) == "`" == plain(stop, stop + 1)):
                pieces += (plain(at, begin), _link(plain(begin, stop), page.address(link), url))
                at = stop
        pieces.append(plain(at, end))
        return "".join(pieces).strip()

    return string


def _permalinks(page: Blocks, text: bytes) -> set[int]:
    """The links to a place of the same page that have no word to say: `¶`, `#`, `🔗`, `↩`."""
    lengths = page.links[:, TEXT_END] - page.links[:, TEXT_START]
    within = page.source[page.links[:, ADDRESS_START]] == HASH
    short = np.flatnonzero(within & (lengths > 0) & (lengths <= PERMALINK_BYTES))
    places = zip(
        short.tolist(), page.links[short, TEXT_START].tolist(), page.links[short, TEXT_END].tolist(), strict=True
    )
    return {link for link, start, end in places if not NO_PERMALINK.search(text[start:end].decode("utf-8", "replace"))}


def _link(label: str, address: str, url: str | None) -> str:
    """A link as Markdown, or its text where it leads nowhere."""
    address = html.unescape(address).strip()
    if not label.strip() or not address or address.lower().startswith(NO_TARGET):
        return label
    try:
        address = urljoin(url, address) if url else address
    except ValueError:
        return label
    blank = " " if label[0].isspace() else ""
    return f"{blank}[{label.strip()}]({TO_QUOTE.sub(lambda sign: f'%{ord(sign[0]):02X}', address)})"
