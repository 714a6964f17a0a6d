"""Shares of right answers: of all items, of those that the training data hold, and of those that they don't."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from winnow.stages.decontaminate.held import Held
from winnow.trainer.benchmarks.questions import Question

ALL, KEPT, DROPPED, NOT_FOUND = "all", "found in training data", "found in what was dropped", "not found"
GROUPS = (ALL, KEPT, DROPPED, NOT_FOUND)
Z = 1.96


def scores(
    judged: Iterable[tuple[Question, bool]], held: Mapping[tuple[str, str], Held]
) -> dict[str, dict[str, dict[str, Any]]]:
    """By benchmark and group: `items`, `right`, their `share`, and its 95 % interval by Wilson's score; no empty groups."""
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: {group: [0, 0] for group in GROUPS})
    for question, right in judged:
        where = held.get((question.benchmark, question.item))
        group = KEPT if where is Held.KEPT else DROPPED if where is Held.DROPPED else NOT_FOUND
        for name in (ALL, group):
            counts[question.benchmark][name][0] += 1
            counts[question.benchmark][name][1] += right
    return {
        benchmark: {
            group: {"items": items, "right": right, "share": right / items, "interval": interval(right, items)}
            for group, (items, right) in groups.items()
            if items
        }
        for benchmark, groups in counts.items()
    }


def interval(right: int, items: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    share, weight = right / items, Z * Z / items
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)
