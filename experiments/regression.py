"""Regression: a domain's bits per byte as a function of the shares of sources.

bits(p) = c + exp(b + t · p), the form of the data mixing laws (Ye et al. 2024, arXiv 2403.16952) and of Olmix (arXiv
2602.12237), whose default it is. The constant c and a ridge on the slopes t are chosen by
leave-one-out error; given these, b and t are linear in log(bits − c). With few proxies the ridge draws slopes towards
none, so that what the data don't show isn't believed. It is convex in p, so it has one optimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FLOORS = (0.0, 0.5, 0.8, 0.9, 0.95)  # c as a part of the least bits seen
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # beside the mean variance of a share


@dataclass(frozen=True)
class Surface:
    """c, b and t of one domain."""

    floor: float
    bias: float
    slopes: Floats

    def __call__(self, shares: Floats) -> Floats:
        """Bits per byte of mixtures [..., sources]."""
        return np.asarray(self.floor + np.exp(self.bias + shares @ self.slopes))


def fit(shares: Floats, bits: Floats) -> Surface:
    """The surface through mixtures [N, sources] with their bits [N]."""
    _, floor, ridge = min(
        (_left_out(shares, bits, floor, ridge), floor, ridge) for floor, ridge in product(FLOORS, RIDGES)
    )
    slopes, bias, _ = _solve(shares, np.log(bits - floor * bits.min()), ridge)
    return Surface(floor * float(bits.min()), bias, slopes)


def cross_validated(shares: Floats, bits: Floats) -> Floats:
    """What surfaces fitted without each mixture say of it [N]: c and ridge are chosen anew each time."""
    rows = np.arange(len(bits))
    return np.array([float(fit(shares[rows != row], bits[rows != row])(shares[row])) for row in rows])


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's ρ; 0 where one of them is constant."""
    from scipy.stats import rankdata

    ranks = rankdata(one) - (len(one) + 1) / 2, rankdata(other) - (len(other) + 1) / 2
    size = float(np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1]))
    return float(ranks[0] @ ranks[1]) / size if size else 0.0


def _solve(shares: Floats, logs: Floats, ridge: float) -> tuple[Floats, float, Floats]:
    """Slopes, bias, and the leverage of each mixture."""
    mean = shares.mean(axis=0)
    centred = shares - mean
    penalty = ridge * len(logs) * float(centred.var(axis=0).mean()) + 1e-12
    gram = np.linalg.inv(centred.T @ centred + penalty * np.eye(shares.shape[1]))
    slopes = gram @ centred.T @ (logs - logs.mean())
    leverage = np.einsum("ij,jk,ik->i", centred, gram, centred) + 1 / len(logs)
    return slopes, float(logs.mean() - mean @ slopes), leverage


def _left_out(shares: Floats, bits: Floats, floor: float, ridge: float) -> float:
    """Mean squared error in bits of what each mixture's neighbours say of it, by the leverages (PRESS)."""
    base = floor * bits.min()
    logs = np.log(bits - base)
    slopes, bias, leverage = _solve(shares, logs, ridge)
    said = logs - (logs - bias - shares @ slopes) / np.maximum(1 - leverage, 1e-6)
    return float(np.mean((base + np.exp(np.minimum(said, 50.0)) - bits) ** 2))
