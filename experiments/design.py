"""The design: which mixtures are tried, around one that is given and within what the caps of epochs allow.

Shares are drawn from Dirichlet distributions around the given ones, narrow and wide (as RegMix, arXiv 2407.01492, and
Olmix, arXiv 2602.12237, do), and of many such draws those are taken that lie farthest from each other: first the given
mixture itself, then always the draw with the largest distance to its nearest neighbour among the taken. So a larger
design holds a smaller one of the same seed, and proxies that are trained stay of use.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Shares = npt.NDArray[np.float64]

CANDIDATES = 2048
CONCENTRATIONS = (8.0, 120.0)  # a share of .3 varies with a deviation of .15 at the one, of .04 at the other
APART = 0.01  # of Hellinger's distance: what lies nearer is the same mixture
LEAST = 0.002  # a smaller share than this is none: below it a proxy sees a row or two


class NoRoom(ValueError):
    """The caps leave nothing to choose between."""


def design(
    given: Shares, most: Shares, count: int, seed: int, feasible: Callable[[Shares], bool] = lambda shares: True
) -> Shares:
    """`count` mixtures [count, sources] of sum 1, the first the given one, none above `most` in any source.

    `feasible` is asked of each before it is taken. Raises `NoRoom` where fewer than two mixtures can be had.
    """
    candidates = _candidates(given, most, seed)
    points = np.sqrt(candidates)  # Euclidean distances of these are Hellinger's
    nearest = np.linalg.norm(points - np.sqrt(given), axis=1)
    taken = [given]
    while len(taken) < count and nearest.max(initial=0.0) > APART:
        place = int(np.argmax(nearest))
        shares = candidates[place]
        if feasible(shares):
            taken.append(shares)
            nearest = np.minimum(nearest, np.linalg.norm(points - points[place], axis=1))
        nearest[place] = 0.0
    if len(taken) < 2:
        raise NoRoom("within its caps of epochs the mixture can't be any other")
    return np.array(taken)


def _candidates(given: Shares, most: Shares, seed: int) -> Shares:
    """Draws around the given shares, pressed below their caps; those that can't be are left out."""
    random = np.random.default_rng(seed)
    low, high = np.log(CONCENTRATIONS)
    scale = np.exp(random.uniform(low, high, CANDIDATES))
    drawn = np.array([random.dirichlet(np.maximum(factor * given, 0.05)) for factor in scale])
    drawn[drawn < LEAST] = 0.0
    pressed = np.array([within(shares / shares.sum(), most) for shares in drawn])
    return pressed[np.isfinite(pressed).all(axis=1)]


def within(shares: Shares, most: Shares) -> Shares:
    """The shares with what lies above a cap given to the others in proportion; NaN where there is no room for it."""
    found = shares.copy()
    for _ in range(len(found)):
        over = found > most
        if not over.any():
            return found
        found[over] = most[over]
        free = (found < most) & (found > 0)
        rest = 1.0 - found[~free].sum()
        if not free.any() or rest <= 0:
            break
        found[free] *= rest / found[free].sum()
    return found if (found <= most + 1e-9).all() and abs(found.sum() - 1) < 1e-9 else np.full_like(found, np.nan)
