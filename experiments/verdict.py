"""A verdict: is one arm better than the other by more than the seeds explain?

Arms are trained with equal seeds, so each seed gives a difference of its own. What is said is their mean and its 95 %
interval by Student's t; a difference whose interval holds 0 is none.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Bits per byte of one arm less those of another: the mean over seeds, and half of its 95 % interval."""

    mean: float
    error: float
    seeds: int

    @property
    def clear(self) -> bool:
        return abs(self.mean) > self.error

    @property
    def verdict(self) -> str:
        if not self.clear:
            return "no difference"
        return "better" if self.mean < 0 else "worse"


def difference(one: Sequence[float], other: Sequence[float]) -> Difference:
    """Of arms with the same seeds, in the same order. One seed alone shows nothing: its error is infinite."""
    from scipy.stats import t

    found = [a - b for a, b in zip(one, other, strict=True)]
    if len(found) < 2:
        return Difference(mean=statistics.mean(found), error=math.inf, seeds=len(found))
    spread = statistics.stdev(found) / math.sqrt(len(found))
    return Difference(
        mean=statistics.mean(found), error=float(t.ppf((1 + CONFIDENCE) / 2, len(found) - 1)) * spread, seeds=len(found)
    )


def sentence(name: str, other: str, differences: Mapping[str, Difference]) -> str:
    """`curated is better than raw by .021 ± .006 on code, no difference on web`."""
    said = [
        f"{found.verdict} by {_short(abs(found.mean))} ± {_short(found.error)} on {domain}"
        for domain, found in differences.items()
        if found.clear
    ]
    level = [domain for domain, found in differences.items() if not found.clear]
    if not said:
        return f"{name} and {other}: no difference on any of {', '.join(level)}"
    tail = f"; no difference on {', '.join(level)}" if level else ""
    return f"{name} against {other}: {', '.join(said)}{tail}"


def _short(value: float) -> str:
    """Three decimal places without the leading 0."""
    return f"{value:.3f}".removeprefix("0")
