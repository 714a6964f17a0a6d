"""Is a measure the same from round to round? The slope of a line through the rounds after the first, with its interval.

The rounds are alike, so that memory, handles and threads at the end of each, and the bytes that a second of processor time
takes through a step, differ by chance alone where nothing is kept and nothing slows down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from scipy.stats import t as student

WARM_UP = 1  # rounds in which kernels are loaded, and heaps grow to what a round needs
CONFIDENCE = 0.95
SLIGHT = 0.03  # a change of all rounds together that is no finding
COARSE = 0.1  # an interval that lets all rounds together change by more, of the level, tells nothing


class Verdict(StrEnum):
    FLAT = "flat"
    RISES = "rises"
    FALLS = "falls"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Trend:
    """`first` and `last`: values after the warm-up and at the end. `slope` of a round, within `low` and `high`."""

    first: float
    last: float
    slope: float
    low: float
    high: float
    rounds: int
    level: float

    @property
    def verdict(self) -> Verdict:
        if self.rounds < 3:
            return Verdict.UNCLEAR
        span, slight = self.rounds - 1, SLIGHT * abs(self.level)
        if self.low > 0 and self.slope * span > slight:
            return Verdict.RISES
        if self.high < 0 and -self.slope * span > slight:
            return Verdict.FALLS
        return Verdict.UNCLEAR if (self.high - self.low) / 2 * span > COARSE * abs(self.level) else Verdict.FLAT


def trend(values: Sequence[float], warm_up: int = WARM_UP) -> Trend:
    """Of one value for each round, by least squares; the interval is Student's, of independent and like deviations."""
    kept = [float(value) for value in values[warm_up:]] or [float(values[-1])]
    count, level = len(kept), fmean(kept)
    if count < 3:
        return Trend(kept[0], kept[-1], 0.0, -math.inf, math.inf, count, level)
    middle = (count - 1) / 2
    spread = sum((place - middle) ** 2 for place in range(count))
    slope = sum((place - middle) * (value - level) for place, value in enumerate(kept)) / spread
    rest = sum((value - level - slope * (place - middle)) ** 2 for place, value in enumerate(kept))
    error = math.sqrt(rest / (count - 2) / spread) * float(student.ppf((1 + CONFIDENCE) / 2, count - 2))
    return Trend(kept[0], kept[-1], slope, slope - error, slope + error, count, level)
