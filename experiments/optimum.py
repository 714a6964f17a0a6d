"""The optimum: the shares that an objective is best at, within caps, floors and what was tried.

The objective is a weighted mean of domains' bits per byte. A floor says by how much a domain may be worse than with the
given mixture. Surfaces are convex, so a local optimum is the optimum; a share never leaves the range that the design
tried, where the surfaces were never asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.experiments.regression import Floats, Surface, fit
from winnow.pipeline.configuration.reading import ConfigurationError, nearest

SLACK = 1e-6  # bits: by how much a floor may be missed for rounding's sake


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Weights of domains, of sum 1, and for some the part by which their bits may grow over the given mixture's."""

    weights: Mapping[str, float]
    floors: Mapping[str, float]

    def __call__(self, bits: Mapping[str, npt.ArrayLike]) -> Floats:
        """The weighted mean of bits by domain."""
        return np.asarray(sum(weight * np.asarray(bits[domain]) for domain, weight in self.weights.items()))


def objective(weights: Sequence[str], floors: Sequence[str], domains: Sequence[str]) -> Objective:
    """From `code=2` and `web=0.5` as they were given; all domains weigh the same where none is named.

    Raises `ConfigurationError` for a domain that there isn't, or a number that can't be.
    """
    given = {name: _number("--objective", name, text) for name, text in map(_pair, weights)}
    bounds = {name: _number("--floor", name, text or "0") / 100 for name, text in map(_pair, floors)}
    for option, names in (("--objective", given), ("--floor", bounds)):
        for name in names:
            if name not in domains:
                raise ConfigurationError(f"{option} {name}: nothing of that name is held out{nearest(name, domains)}")
    chosen = given or dict.fromkeys(domains, 1.0)
    whole = sum(chosen.values())
    if whole <= 0:
        raise ConfigurationError("--objective: the weights add up to nothing")
    return Objective(weights={name: weight / whole for name, weight in chosen.items() if weight}, floors=bounds)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _number(option: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ConfigurationError(f"{option} {name}={text}: {text!r} is no number") from None
    if not 0 <= value < float("inf"):
        raise ConfigurationError(f"{option} {name}={text}: must not be negative")
    return value


def best(
    surfaces: Mapping[str, Surface], wanted: Objective, given: Floats, low: Floats, high: Floats, starts: Floats
) -> Floats:
    """The best shares [sources] between `low` and `high`; the given ones where nothing within the floors is better."""
    from scipy.optimize import minimize

    def value(shares: Floats) -> float:
        return float(wanted({domain: surface(shares) for domain, surface in surfaces.items()}))

    def slope(shares: Floats) -> Floats:
        parts = [weight * _gradient(surfaces[domain], shares) for domain, weight in wanted.weights.items()]
        return np.sum(parts, axis=0)

    limits = {domain: float(surfaces[domain](given)) * (1 + part) for domain, part in wanted.floors.items()}
    constraints = [
        {"type": "eq", "fun": lambda shares: shares.sum() - 1, "jac": lambda shares: np.ones_like(shares)},
        *(
            {
                "type": "ineq",
                "fun": lambda shares, domain=domain, limit=limit: limit - float(surfaces[domain](shares)),
                "jac": lambda shares, domain=domain: -_gradient(surfaces[domain], shares),
            }
            for domain, limit in limits.items()
        ),
    ]
    found, least = given, value(given)
    for start in starts:
        solved = minimize(
            value, start, jac=slope, bounds=list(zip(low, high, strict=True)), constraints=constraints, method="SLSQP"
        )
        shares = np.clip(solved.x, low, high)
        within = all(float(surfaces[domain](shares)) <= limit + SLACK for domain, limit in limits.items())
        if solved.success and within and abs(shares.sum() - 1) < 1e-6 and value(shares) < least:
            found, least = shares, value(shares)
    return found


def _gradient(surface: Surface, shares: Floats) -> Floats:
    """Of a surface's bits in the shares."""
    return (surface(shares) - surface.floor) * surface.slopes


@dataclass(frozen=True)
class Uncertainty:
    """Jackknife standard errors: of the gain in the objective, of each domain's change, of each share."""

    gain: float
    domains: Mapping[str, float]
    shares: Floats


def uncertainty(
    shares: Floats,
    bits: Mapping[str, Floats],
    wanted: Objective,
    given: Floats,
    found: Floats,
    low: Floats,
    high: Floats,
) -> Uncertainty:
    """How much the found mixture and what is said of it hang on single proxies: each is left out once."""
    gains, changes, solutions = [], [], []
    for row in range(len(shares)):
        kept = np.arange(len(shares)) != row
        surfaces = {domain: fit(shares[kept], values[kept]) for domain, values in bits.items()}
        change = {domain: float(surface(found) - surface(given)) for domain, surface in surfaces.items()}
        gains.append(-float(wanted(change)))
        changes.append(list(change.values()))
        solutions.append(best(surfaces, wanted, given, low, high, found[None]))
    return Uncertainty(
        gain=float(_jackknife(np.array(gains))),
        domains=dict(zip(bits, _jackknife(np.array(changes)).tolist(), strict=True)),
        shares=_jackknife(np.array(solutions)),
    )


def _jackknife(values: Floats) -> npt.NDArray[np.float64]:
    """The standard error of what was computed n times, each time without one observation: over the first axis."""
    n = len(values)
    return np.asarray(np.sqrt((n - 1) / n * ((values - values.mean(axis=0)) ** 2).sum(axis=0)))


def rounded(shares: Floats, places: int = 1) -> Floats:
    """Per cent with so many decimal places that add up to 100: by largest remainder."""
    unit = 10**places
    exact = 100 * unit * shares / shares.sum()
    whole = np.floor(exact)
    short = round(100 * unit - whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:short]] += 1
    return np.asarray(whole / unit)
