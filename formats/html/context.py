"""What a first judgement of all blocks says of each: its own chance, its neighbours', and that of the elements around it.

Content stands together. A reference made of links alone looks like a menu, but not in an article whose every other block
is content; a paragraph in a sidebar looks like content, but not among teasers. A second forest judges with these columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import kernel
from winnow.formats.html.blocks import Blocks
from winnow.formats.html.elements import ELEMENT, END, PARENT, START

LEVELS = 6
REACHES = (4, 16)
NAMES = (
    "own", "before1", "after1", "before2", "after2",
    *(f"within{reach}" for reach in REACHES), *(f"level{level}" for level in range(1, LEVELS + 1)), "page",
)  # fmt: skip
"""The columns: chances 0 … 1, those of several blocks weighted by the square root of their length; -1 beyond the page."""


def context(page: Blocks, chance: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """One row for each block, one column for each of `NAMES`."""
    columns = np.full((len(page), len(NAMES)), -1, np.float32)
    sums = np.zeros((len(page.elements), 2))
    weights = np.sqrt((page.blocks[:, END] - page.blocks[:, START]).astype(np.float64))
    gather(page.blocks, page.elements, weights, chance, sums, columns)
    return columns


@kernel
def gather(blocks, elements, weights, chance, sums, columns):
    """Fills `columns`; `sums` is scratch space: of each element with all inside it the weight, and the likely part of it."""
    count = blocks.shape[0]
    for block in range(count):
        element = blocks[block, ELEMENT]
        sums[element, 0] += weights[block]
        sums[element, 1] += weights[block] * chance[block]
    for element in range(elements.shape[0] - 1, 0, -1):
        parent = elements[element, PARENT]
        sums[parent, 0] += sums[element, 0]
        sums[parent, 1] += sums[element, 1]
    for block in range(count):
        row = columns[block]
        row[0] = chance[block]
        for distance in range(1, 3):
            if block >= distance:
                row[2 * distance - 1] = chance[block - distance]
            if block + distance < count:
                row[2 * distance] = chance[block + distance]
        column = 5
        for reach in REACHES:
            total = likely = 0.0
            for other in range(max(block - reach, 0), min(block + reach + 1, count)):
                total += weights[other]
                likely += weights[other] * chance[other]
            row[column] = likely / total
            column += 1
        holder = blocks[block, ELEMENT]
        for _ in range(LEVELS):
            row[column] = sums[holder, 1] / sums[holder, 0]
            column += 1
            holder = max(elements[holder, PARENT], 0)
        row[column] = sums[0, 1] / sums[0, 0]
