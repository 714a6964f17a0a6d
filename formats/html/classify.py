"""Content or boilerplate: two small forests of decision trees, learned by `train`, over the features of blocks.

The first judges each block by what it looks like, the second also by what the first says of all the others (`context`).
Trees are arrays; a walk over them is a numba loop, about 2 µs for a block and forest. `benchmarks/extract.py` compares
what they keep of pages of sites they haven't seen with the extractors that work on a DOM.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import md5
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import kernel
from winnow.formats.html.blocks import Blocks
from winnow.formats.html.context import context
from winnow.formats.html.copies import drop_copies
from winnow.formats.html.elements import CODED, ELEMENT, END, NUMBER, PARENT, PRESERVED, START
from winnow.formats.html.features import Matrix, features
from winnow.formats.html.tags import TAG, TRAITS

MODEL = "model.npz"
LEAF = 255
TABLE = TAG["table"]
HOPELESS = 0.5  # of the threshold: a page of menus alone stays empty
POSSIBLE = 0.1  # the chance from which a block counts when a page's doubt is told
DOUBT = (0.1, 0.5)  # of a page, from where to where its threshold falls
LENIENT = 0.03  # the threshold of a page in full doubt: lists of cards, what a service offers
FURNITURE = 1 << TRAITS.index("nav") | 1 << TRAITS.index("footer")
DATA = re.compile(rb"(?:\{|\[\s{0,9}\{)\s{0,9}\"[\w@.$-]{1,80}\"\s{0,9}:")
"""How a block begins that is JSON for a page's programs, and no text."""
SHORT_CELL = 400  # bytes; a table with a longer cell is layout


class Forest(NamedTuple):
    """Trees in preorder: the left child of a node is the next one, `right` counts on from it. Leaves have feature 255."""

    feature: npt.NDArray[np.uint8]
    right: npt.NDArray[np.uint8]
    number: npt.NDArray[np.float32]  # threshold of a node, value of a leaf (log-odds)
    roots: npt.NDArray[np.int32]
    bias: float


class Model(NamedTuple):
    """The forests, and the chance from which a block counts as content."""

    first: Forest
    second: Forest
    threshold: float


@cache
def model() -> Model:
    """The model that comes with the package."""
    with np.load(str(files("winnow.formats.html").joinpath(MODEL))) as stored:
        first, second = (
            Forest(*(stored[f"{name}.{field}"] for field in Forest._fields[:-1]), float(stored[f"{name}.bias"]))
            for name in ("first", "second")
        )
        return Model(first, second, float(stored["threshold"]))


def site_key(site: str) -> int:
    """32 bits that stand for a registered domain in the model."""
    return int.from_bytes(md5(site.encode()).digest()[:4], "little")


def learned_from(site: str) -> bool:
    """Whether the model has seen pages of a registered domain: what it does there tells nothing of other sites."""
    with np.load(str(files("winnow.formats.html").joinpath(MODEL))) as stored:
        return site_key(site) in stored["sites"].tolist()


def chances(page: Blocks, title: str = "") -> npt.NDArray[np.float32]:
    """For each block the chance, 0 … 1, that it is content."""
    return grow(model().second, beside(features(page, title), page, model().first))


def beside(matrix: Matrix, page: Blocks, first: Forest) -> Matrix:
    """The features of a page's blocks with the columns of `context`: what the second forest judges by."""
    return np.concatenate([matrix, context(page, grow(first, matrix))], axis=1)


def content(page: Blocks, title: str = "", *, one_work: bool = False) -> npt.NDArray[np.bool_]:
    """Which blocks of a page are content; a data table is content as a whole or not at all.

    The model learned from articles and documentation. Of a page where it doubts (`doubt`) less certainty is asked: cards of
    a list, which look like teasers, are what such a page is for. Not of a page that says it is `one_work`, an article or a
    product: its cards are of others. And not of what stands in `<nav>` and `<footer>`.

    A page none of whose blocks is likely enough is judged by half the chance of its best, if that isn't hopeless: one short
    article among hundreds of links.
    """
    chance = chances(page, title)
    usual = threshold = model().threshold
    if not one_work:
        first, full = DOUBT
        share = min(max(doubt(page, chance, usual) - first, 0.0) / (full - first), 1.0)
        threshold += (LENIENT - usual) * share
    furniture = page.traits[page.blocks[:, ELEMENT]] & FURNITURE != 0
    best = float(chance.max(initial=0.0))
    if usual * HOPELESS <= best < threshold:
        usual = threshold = best / 2
    keep: npt.NDArray[np.bool_] = chance >= np.where(furniture, usual, threshold)
    agree_in_tables(page, chance, keep, threshold)
    drop_data(page, keep)
    drop_copies(page, keep)
    return keep


def drop_data(page: Blocks, keep: npt.NDArray[np.bool_]) -> None:
    """Keeps no block that is JSON, which only the programs of a page read, unless it is a listing."""
    begins, ends = page.text[page.blocks[:, START]], page.text[np.maximum(page.blocks[:, END] - 1, 0)]
    braced = np.isin(begins, tuple(b"{[")) & np.isin(ends, tuple(b"}]"))
    for block in np.flatnonzero(keep & braced & (page.blocks[:, PRESERVED] == 0) & (page.blocks[:, CODED] == 0)):
        start, end = page.blocks[block, START], page.blocks[block, END]
        keep[block] = DATA.match(page.text[start:end].tobytes()) is None


def doubt(page: Blocks, chance: npt.NDArray[np.float32], threshold: float) -> float:
    """How much of the text that may be content falls short of the threshold, 0 … 1; 0 where none may be.

    Of articles and documentation seldom more than a tenth, of lists and shop windows most.
    """
    lengths = page.blocks[:, END] - page.blocks[:, START]
    possible = int(lengths[chance >= POSSIBLE].sum())
    return 1 - int(lengths[chance >= threshold].sum()) / possible if possible else 0.0


def grow(forest: Forest, matrix: Matrix) -> npt.NDArray[np.float32]:
    """The chance that a forest gives each row of a matrix."""
    chance = np.empty(len(matrix), np.float32)
    walk(forest.feature, forest.right, forest.number, forest.roots, forest.bias, matrix, chance)
    return chance


def agree_in_tables(
    page: Blocks, chance: npt.NDArray[np.float32], keep: npt.NDArray[np.bool_], threshold: float
) -> None:
    """Gives all cells of a table of short cells the verdict of their mean, weighted by length."""
    tables = np.zeros(len(page.elements), np.int32)
    find_tables(page.elements, tables)
    of_block = tables[page.blocks[:, ELEMENT]]
    lengths = (page.blocks[:, END] - page.blocks[:, START]).astype(np.float64)
    inside = np.flatnonzero(of_block)
    if not len(inside):
        return
    longest = np.zeros(len(page.elements))
    np.maximum.at(longest, of_block[inside], lengths[inside])
    size = np.bincount(of_block[inside], lengths[inside], len(longest))
    mean = np.bincount(of_block[inside], lengths[inside] * chance[inside], len(longest)) / np.maximum(size, 1)
    inside = inside[longest[of_block[inside]] <= SHORT_CELL]
    keep[inside] = mean[of_block[inside]] >= threshold


@kernel
def find_tables(elements, tables):
    """The innermost table that each element stands in, 0 for none."""
    for element in range(1, elements.shape[0]):
        tables[element] = element if elements[element, NUMBER] == TABLE else tables[elements[element, PARENT]]


@kernel
def walk(feature, right, number, roots, bias, matrix, chance):
    for row in range(matrix.shape[0]):
        total = bias
        for tree in range(roots.size):
            node = np.int64(roots[tree])
            while feature[node] != LEAF:
                if matrix[row, feature[node]] <= number[node]:
                    node += 1
                else:
                    node += right[node]
            total += number[node]
        chance[row] = 1.0 / (1.0 + np.exp(-total))
