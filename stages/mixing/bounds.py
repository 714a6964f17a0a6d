"""Bounds: from tokens wanted of each cell to the documents that make them up.

Copy k of a document whose draw falls into bin b lies at k × BINS + b on the line of its cell, and each phase takes what
lies between two bounds. So nothing is used twice but by its epochs, and a larger budget extends a smaller one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.stages.mixing.mixture import Cell

BINS = 1 << 16  # of the draw; a bin is the grain of a bound: one document of a small cell, 15 ppm of a large one
FIT = 0.0005  # part of a source's tokens in a language that may be missing before last documents are chosen to fit
SUITS = 0.01  # part of a cell's tokens that must be wanted in a phase for it to make up for what the phase lacks

Longs = npt.NDArray[np.int64]
Amounts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """The documents of one cell: the bins that aren't empty, ascending, the tokens and the documents in each."""

    bins: Longs
    tokens: Longs
    documents: Longs

    @property
    def whole(self) -> int:
        return int(self.tokens.sum())

    def sequences(self, length: int) -> float:
        """Sequences of so many tokens that its documents, cut only where they must be, take to themselves.

        What is left of a document after full sequences takes one where it is longer than a half, half of one where it
        is longer than a third (two such share one), else none: it fills gaps. Documents that share a bin are taken to
        be of equal length.
        """
        mean = self.tokens / self.documents
        rest = mean % length
        taken = mean // length + np.where(rest > length / 2, 1.0, np.where(rest > length / 3, 0.5, 0.0))
        return float((self.documents * taken).sum())

    def bound(self, wanted: Amounts) -> tuple[Longs, Longs]:
        """The bounds below which the tokens are nearest to `wanted`, the last one at most that, and those tokens."""
        edges = np.append(self.bins, BINS)  # below edges[i] lie sums[i] tokens
        edges[0] = 0
        sums = np.concatenate([[0], np.cumsum(self.tokens)])
        copies = np.floor(wanted / self.whole).astype(np.int64)
        rest = wanted - copies * self.whole
        chosen = np.searchsorted(sums, rest, side="right") - 1
        above = np.minimum(chosen + 1, len(self.bins))
        chosen[:-1] = np.where(sums[above] - rest < rest - sums[chosen], above, chosen)[:-1]
        bounds, below = copies * BINS + edges[chosen], copies * self.whole + sums[chosen]
        return np.minimum(bounds, bounds[-1]), np.minimum(below, below[-1])

    def fitting(self, bound: int, tokens: float, most: float) -> tuple[list[int], int]:
        """Bins beyond the bound, on its own copy, that together come near to `tokens`, and their tokens.

        The largest that fits, again and again; at last the smallest of the others, where that leaves less too much than
        would be missing without it, and not above `most`.
        """
        beyond = np.flatnonzero(self.bins >= bound % BINS)
        beyond = beyond[np.argsort(-self.tokens[beyond], kind="stable")]
        chosen, reached = [], 0
        for place in beyond[np.searchsorted(-self.tokens[beyond], -tokens) :]:
            if reached + self.tokens[place] <= tokens:
                chosen.append(int(self.bins[place]))
                reached += int(self.tokens[place])
        others = beyond[~np.isin(self.bins[beyond], chosen)]
        if len(others):
            above = reached + int(self.tokens[others[-1]])
            if above - tokens < tokens - reached and above <= most:
                return [*chosen, int(self.bins[others[-1]])], above
        return chosen, reached


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """For each cell the bounds of the phases on its line, and the bins beyond the last one that are taken besides."""

    edges: Longs  # [cells, phases + 1]
    extras: Longs  # [extras, 3]: cell, phase, bin
    built: Longs  # tokens [cells, phases]

    def take(self, cells: Longs, bins: Longs) -> Longs:
        """How many copies each phase takes of documents in these cells and bins [documents, phases]."""
        # Copies whose place k × BINS + bin lies below an edge: ⌈(edge − bin) ÷ BINS⌉.
        below = -((bins[:, None] - self.edges[cells]) // BINS)
        taken = np.diff(below, axis=1)
        for cell, phase, chosen in self.extras:
            taken[(cells == cell) & (bins == chosen), phase] += 1
        return taken


def place_bounds(
    cells: Sequence[Cell], lines: Sequence[Line], amounts: Amounts, capacity: Amounts, *, by_source: bool = False
) -> Bounds:
    """Bounds for `amounts` [cells, phases], none beyond the `capacity` [cells] that epochs allow.

    A bound lies between documents, so a cell gets a little less than it should. Where that matters documents beyond its
    last bound are chosen to fit; what is missing then goes to the next cell of the same source and language, and what a
    phase lacks to the next cell that suits it, with `by_source` to one of the same source. Cells that are used up come
    first, then those of the longest documents, so that little is missing at the end.
    """
    edges = np.zeros((len(cells), amounts.shape[1] + 1), np.int64)
    built = np.zeros(amounts.shape, np.int64)
    extras: list[tuple[int, int, int]] = []
    asked = amounts.sum(axis=1)
    groups = [(cell.source, cell.language) for cell in cells]
    tolerance = {group: FIT * sum(asked[place] for place in _places(groups, group)) for group in set(groups)}
    missing = dict.fromkeys(groups, 0.0)
    lacks: dict[str, Amounts] = defaultdict(lambda: np.zeros(amounts.shape[1]))
    mean = [line.whole / len(line.bins) for line in lines]
    for place in sorted(range(len(cells)), key=lambda place: (asked[place] < capacity[place] - 1, -mean[place], place)):
        if not asked[place]:
            continue
        group, line = groups[place], lines[place]
        lacking = lacks[cells[place].source if by_source else ""]
        # The thousandth of a token keeps rounding errors of the solution from costing a document.
        total = max(min(asked[place] + missing[group] + 1e-3, capacity[place]), 0.0)
        suits = amounts[place] > SUITS * asked[place]
        wanted = np.maximum(amounts[place] + np.where(suits, lacking, 0), 0)
        wanted = np.cumsum(wanted if wanted.any() else amounts[place])
        edges[place, 1:], reached = line.bound(wanted * (total / wanted[-1]))
        built[place] = np.diff(reached, prepend=0)
        if total - reached[-1] > tolerance[group]:
            bins, tokens = line.fitting(int(edges[place, -1]), total - reached[-1], capacity[place] - reached[-1])
            phase = int(np.argmax(np.where(suits, lacking + amounts[place] - built[place], -np.inf)))
            extras.extend((place, phase, chosen) for chosen in bins)
            built[place, phase] += tokens
        missing[group] += asked[place] - built[place].sum()
        lacking += amounts[place] - built[place]
    return Bounds(edges=edges, extras=np.array(extras, np.int64).reshape(-1, 3), built=built)


def _places(groups: Sequence[tuple[str, str]], group: tuple[str, str]) -> list[int]:
    return [place for place, other in enumerate(groups) if other == group]
