"""Where the matches of one text in another lie closest together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Offsets, kernel


@kernel
def densest_windows(
    groups: Offsets,
    positions: npt.NDArray[np.int32],
    places: Offsets,
    spans: Offsets,
    last_seen: Offsets,
    first: Offsets,
    last: Offsets,
    distinct: Offsets,
) -> None:
    """For each group of matches, by place: the run within `spans[g]` terms that has most distinct positions.

    Rows `first[g] … last[g] - 1` are that run, `distinct[g]` its positions. `last_seen` is scratch of zeros, longer
    than any position.
    """
    for group in range(groups.size - 1):
        start = groups[group]
        best = 0
        current = 0
        for at in range(groups[group], groups[group + 1]):
            last_seen[positions[at]] += 1
            current += last_seen[positions[at]] == 1
            while places[at] - places[start] > spans[group]:
                last_seen[positions[start]] -= 1
                current -= last_seen[positions[start]] == 0
                start += 1
            if current > best:
                best = current
                first[group] = start
                last[group] = at + 1
        for at in range(start, groups[group + 1]):
            last_seen[positions[at]] = 0
        distinct[group] = best
