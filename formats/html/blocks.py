"""A page cut into blocks of text in one pass over its bytes, without a tree of objects.

A block is what stands between two tags that begin a new line. It knows the element it stands in; elements know their
parents, so that what a tree would tell (depth, kinship, what an ancestor is called) can be asked later. Unclosed `<p>`,
`<li>`, `<td>` and the like are closed where browsers close them. Time and memory are linear in the page, whatever it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import PADDING
from winnow.formats.html.elements import (
    ADDRESS_END,
    ADDRESS_START,
    BLOCK_COLUMNS,
    DEEPEST,
    ELEMENT_COLUMNS,
    END,
    LINK_COLUMNS,
    START,
    WINDOWS_1252,
)
from winnow.formats.html.tags import markup
from winnow.formats.html.tokeniser import tokenise

LESS, LETTER_A, LOWER = 0x3C, 0x61, 0x20
MOST_ELEMENTS = 1 << 18  # what comes after is read as if it had no tags of its own


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a page in order. The columns of the tables are named in `tokeniser`."""

    source: npt.NDArray[np.uint8]
    text: npt.NDArray[np.uint8]
    blocks: npt.NDArray[np.int64]
    elements: npt.NDArray[np.int32]  # the first is the page itself
    traits: npt.NDArray[np.int64]  # of each element and all its ancestors, a bit for each of `markup.TRAITS`
    links: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.blocks)

    def string(self, block: int) -> str:
        """The text of one block."""
        start, end = self.blocks[block, START], self.blocks[block, END]
        return self.text[start:end].tobytes().decode("utf-8", "replace")

    def address(self, link: int) -> str:
        """Where a link points to, as it stands in the source."""
        start, end = self.links[link, ADDRESS_START], self.links[link, ADDRESS_END]
        return self.source[start:end].tobytes().decode("utf-8", "replace")


def cut(page: bytes) -> Blocks:
    """Cuts a page, as UTF-8, into blocks. Any bytes will do."""
    size = len(page)
    source = np.zeros(size + PADDING, np.uint8)
    source[:size] = np.frombuffer(page, np.uint8)
    less = source == LESS
    tags = min(int(np.count_nonzero(less)) + 2, MOST_ELEMENTS)
    anchors = min(int(np.count_nonzero(less[:-1] & (source[1:] | LOWER == LETTER_A))), MOST_ELEMENTS)
    text = np.empty(2 * size + 4 * tags + PADDING, np.uint8)  # `&nGt;`, 5 bytes, becomes 6; a break one more
    blocks = np.zeros((tags + 1, BLOCK_COLUMNS), np.int64)
    elements = np.zeros((tags + 1, ELEMENT_COLUMNS), np.int32)
    traits = np.zeros(tags + 1, np.int64)
    links = np.zeros((anchors + 1, LINK_COLUMNS), np.int64)
    stack = np.zeros((DEEPEST, 3), np.int32)
    counts = np.zeros(3, np.int64)
    tokenise(source, size, text, blocks, elements, traits, links, stack, counts, WINDOWS_1252, *markup())
    found, members, linked = (int(count) for count in counts)
    return Blocks(source, text, blocks[:found], elements[:members], traits[:members], links[:linked])
