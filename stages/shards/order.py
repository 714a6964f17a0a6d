"""The order in which a phase's sequences are read: lanes of row groups, the same for any number of ranks.

The rows of a phase, as they were written or shuffled, are one line cut into `lanes` stretches of equal length; position p
of the order is row p div lanes of stretch p mod lanes. So rank r of W, which reads the positions r, r + W, …, keeps to
stretches of its own wherever W divides the lanes, and a row group is decoded by one rank (and by a second one where a cut
goes through it) instead of by all. As the order doesn't know of ranks, a run that stopped after n sequences goes on from n
on any other number of them.

A seed shuffles the row groups and the rows inside each. A batch then takes its rows from as many row groups as there are
lanes, and no batch of one epoch comes back in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.stages.shards.shard import ShardFile, ShardPhase

LANES = 64  # ranks that divide it read without overlap; as many row groups (1 MB each) are open at a time
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """A row group: its file, its number there, its rows, and which of the phase's groups it is as written."""

    file: ShardFile
    number: int
    rows: int
    written: int


class Places(NamedTuple):
    """Where positions of the order lie, int64 [n] each: lane, group (in `Order.groups`), and row of it as written."""

    lane: Longs
    group: Longs
    row: Longs


class Order:
    """The order of a phase's first `total` sequences as written, or shuffled by `seed`."""

    def __init__(self, phase: ShardPhase, total: int, *, lanes: int = LANES, seed: Sequence[int] | None = None) -> None:
        if lanes < 1:
            raise ValueError(f"{lanes} lanes: an order needs at least one")
        groups = list(_groups(phase.files, total))
        self._seed = seed
        if seed is not None:
            groups = [groups[i] for i in np.random.default_rng([*seed, len(groups)]).permutation(len(groups))]
        self.groups = groups
        self.total = total
        self.lanes = lanes if lanes < total else 1  # one row a lane is the order as written
        self.firsts: Longs = np.cumsum([0] + [group.rows for group in groups], dtype=np.int64)

    @property
    def as_written(self) -> bool:
        """Whether position g is row g of the files."""
        return self._seed is None and self.lanes == 1

    def places(self, positions: Longs) -> Places:
        """Where the sequences at these positions (each below `total`) lie."""
        lane, inside = positions % self.lanes, positions // self.lanes
        shorter, longer = divmod(self.total, self.lanes)  # the first `longer` stretches hold one row more
        line = lane * shorter + np.minimum(lane, longer) + inside
        group = np.searchsorted(self.firsts, line, side="right") - 1
        row = line - self.firsts[group]
        if self._seed is not None:
            for number in np.unique(group).tolist():
                here = group == number
                row[here] = self._shuffled(number)[row[here]]
        return Places(lane, group, row)

    def _shuffled(self, group: int) -> Longs:
        """The rows of a group as written, in the order in which a seed takes them."""
        found = self.groups[group]
        return np.random.default_rng([*(self._seed or ()), found.written]).permutation(found.rows)


def _groups(files: Sequence[ShardFile], total: int) -> Sequence[Group]:
    """The row groups that hold the first `total` sequences as written."""
    groups: list[Group] = []
    left = total
    for file in files:
        for number in range(-(-file.sequences // file.group)):
            rows = min(file.group, file.sequences - number * file.group, left)
            if rows > 0:
                groups.append(Group(file, number, rows, len(groups)))
                left -= rows
    return groups
