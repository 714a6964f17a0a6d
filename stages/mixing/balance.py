"""Balance: how many tokens of each cell go into each phase, so that all asked sums are met at once.

The shares of sources, those of languages and those of phases are linear in the amounts. A linear programme finds
whether they can be met within the limits of the cells and, where not, what is nearest: the fewest tokens out of
place. Iterative proportional fitting then finds, among all amounts with those sums, the ones closest to the natural
proportions (Bregman projections in relative entropy, with Dykstra's correction for the limits; Benamou et al., arXiv
1412.5154). Documents of more than half a sequence can't share one: where packing keeps documents whole, each phase gets
enough short ones to fill what these leave free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from winnow.stages.mixing.mixture import Cell, Mixture, MixtureError, Phase, affinity
from winnow.stages.mixing.sums import Amounts, Kind, Members, Sum, sums_of

ROUNDS = 4000
FITTED = 1e-6  # largest relative error of a sum at which fitting ends …
LOOSE = 1e-3  # … and above which the programme's own amounts are taken
NEWTON = 4  # steps towards the weight of a phase's gaps; a step may not be above 1, so that exp stays small
MET = 0.005  # a share is met within this part of it
PADDING = 0.5  # what a token of padding costs in the programme: less than any token out of place
MARGIN = 1.02  # short documents that a phase gets for each that it needs: best fit doesn't fill every gap
SLACK = 1e-9  # of the tokens: rounding of the programme
PRICED = 1e-6  # tokens of the whole that one more token of a scarce cell brings, at the least
ROOM = 0.99  # of the largest budget is used, so that documents are left to choose from where a source is the scarcest


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Tokens wanted of each cell in each phase [cells, phases], the sums they are to have, and what limits them.

    `scarce` are the cells (indices) whose tokens, more of them, would make the whole larger; none where a number of
    tokens was asked for.
    """

    amounts: Amounts
    budget: float
    sums: tuple[Sum, ...]
    scarce: tuple[int, ...] = ()

    @property
    def tokens(self) -> float:
        return float(self.amounts.sum())

    @property
    def unmet(self) -> list[str]:
        return self.unmet_by(self.amounts)

    def unmet_by(self, built: Amounts) -> list[str]:
        """One sentence for each share that can't be met or, of documents that are used whole or not at all, wasn't."""
        sentences = []
        for total in self.sums:
            feasible, reached = (float(tokens.ravel()[total.members].sum()) for tokens in (self.amounts, built))
            asked = [total.asked(tokens.ravel(), self.budget) for tokens in (self.amounts, built)]
            if abs(feasible - asked[0]) > MET * max(asked[0], 1.0):
                sentences.append(f"{total.name}: asked {asked[0]:,.0f} tokens, feasible {feasible:,.0f}")
            elif abs(reached - asked[1]) > MET * max(asked[1], 1.0):
                sentences.append(f"{total.name}: asked {asked[1]:,.0f} tokens, built {reached:,.0f} of whole documents")
        return sentences


def balance(
    cells: Sequence[Cell],
    available: Amounts,
    mixture: Mixture,
    phases: Sequence[Phase],
    sequences: Amounts | None = None,
) -> Solution:
    """The most natural feasible mixture of the `available` tokens of each cell.

    `sequences` [cells, phases]: how many sequences a token takes to itself, because its document can't share one with
    another like it; without it padding isn't thought of. Raises `MixtureError` where a source has a share and not a
    token.
    """
    capacity = available * np.array([mixture.cap(cell.source, cell.bucket) for cell in cells])
    _check(cells, capacity, mixture, phases)
    sums = sums_of(cells, mixture, phases)
    suits = affinity(np.array([cell.length for cell in cells]), capacity, phases)
    asked = np.any([total.members for total in sums if total.kind is Kind.SOURCE], axis=0)
    natural = (capacity[:, None] * suits).ravel() * asked
    gaps = _gaps(sequences, phases) if sequences is not None else np.zeros((len(phases), len(natural)))
    programme = _Programme(sums, capacity, natural > 0, gaps)
    budget, scarce = (float(mixture.tokens), ()) if mixture.tokens else programme.largest_budget()
    exact = programme.nearest(budget)
    amounts = _fit(sums, capacity, natural, exact, gaps)
    return Solution(amounts=amounts.reshape(len(cells), len(phases)), budget=budget, sums=tuple(sums), scarce=scarce)


def _check(cells: Sequence[Cell], capacity: Amounts, mixture: Mixture, phases: Sequence[Phase]) -> None:
    asked = set(mixture.source_shares()).union(*(phase.sources for phase in phases))
    if not asked:
        raise MixtureError("the mixture names no source with a share above 0")
    if empty := sorted(asked - {cell.source for cell, tokens in zip(cells, capacity, strict=True) if tokens > 0}):
        raise MixtureError(
            f"the mixture asks for {', '.join(empty)}, but not a token of it is left (nothing survived the filters, or "
            "its epochs are 0): take it out of the mixture, loosen its filters or give it more input"
        )


def _gaps(sequences: Amounts, phases: Sequence[Phase]) -> Amounts:
    """For each phase the free tokens that a token of each flat amount leaves (above 0) or fills (-1)."""
    lengths = np.array([phase.length for phase in phases])
    gaps: Amounts = np.eye(len(phases))[:, None, :] * (MARGIN * sequences * lengths - 1)
    return gaps.reshape(len(phases), -1)


class _Programme:
    """The linear programme over the amounts, in units of the tokens there are."""

    def __init__(self, sums: Sequence[Sum], capacity: Amounts, allowed: Members, gaps: Amounts) -> None:
        self._unit = float(capacity.sum())
        self._matrix = np.stack([total.coefficients() for total in sums])
        self._shares = np.array([0.0 if total.whole is not None else total.share for total in sums])
        self._costs = np.array([total.kind.value for total in sums])
        self._capacity = capacity / self._unit
        self._gaps = gaps
        self._cells = np.repeat(np.eye(len(capacity)), len(gaps), axis=1)
        self._allowed = allowed

    def nearest(self, budget: float, *, limited: bool = True) -> Amounts:
        """Amounts within the limits (or without limits) with the fewest tokens out of place."""
        scale = budget / self._unit if limited else 1.0
        size, sums, phases = self._matrix.shape[1], len(self._shares), len(self._gaps)
        found, _ = self._solve(
            np.concatenate([np.zeros(size), self._costs, self._costs, np.full(phases, PADDING)]),
            np.hstack([self._matrix, np.eye(sums), -np.eye(sums), np.zeros((sums, phases))]),
            self._shares * scale,
            padding=True,
            limited=limited,
        )
        return found[:size] * (self._unit if limited else 1.0)

    def largest_budget(self) -> tuple[float, tuple[int, ...]]:
        """The most tokens for which the shares are as asked or, where no amount has them, as near as any amount has;
        and the cells that keep it from being more.
        """
        reached = self._matrix @ self.nearest(1.0, limited=False)
        misplaced = float(self._costs @ np.abs(reached - self._shares))
        size, sums = self._matrix.shape[1], len(self._shares)
        found, prices = self._solve(
            np.concatenate([np.zeros(size + 2 * sums), [-1.0]]),
            np.hstack([self._matrix, np.eye(sums), -np.eye(sums), -self._shares[:, None]]),
            np.zeros(sums),
            padding=False,
            limited=True,
            most=np.concatenate([np.zeros(size), self._costs, self._costs, [-misplaced - SLACK]]),
        )
        return ROOM * float(found[-1]) * self._unit, tuple(np.flatnonzero(prices < -PRICED).tolist())

    def _solve(
        self,
        costs: Amounts,
        matrix: Amounts,
        sums: Amounts,
        *,
        padding: bool,
        limited: bool,
        most: Amounts | None = None,
    ) -> tuple[Amounts, Amounts]:
        """The variables, and what one more token of each cell would change (nothing without `limited`).

        `padding`: the last variables are the tokens of each phase that nothing fills. `most`: what mayn't exceed 0.
        """
        from scipy.optimize import linprog

        extra = len(costs) - self._matrix.shape[1]
        rows, bounds = [], []
        if limited:
            rows.append(np.hstack([self._cells, np.zeros((len(self._cells), extra))]))
            bounds.append(self._capacity)
        if padding:
            phases = len(self._gaps)
            rows.append(np.hstack([self._gaps, np.zeros((phases, extra - phases)), -np.eye(phases)]))
            bounds.append(np.zeros(phases))
        if most is not None:
            rows.append(most[None, :])
            bounds.append(np.zeros(1))
        solved = linprog(
            costs,
            A_ub=np.vstack(rows) if rows else None,
            b_ub=np.concatenate(bounds) if rows else None,
            A_eq=matrix,
            b_eq=sums,
            bounds=[(0, None if allowed else 0) for allowed in self._allowed] + [(0, None)] * extra,
            method="highs-ds",
        )
        if not solved.success:
            raise MixtureError(f"the mixture has no solution: {solved.message}")
        prices = solved.ineqlin.marginals[: len(self._cells)] if limited else []
        return np.asarray(solved.x, dtype=np.float64), np.asarray(prices, dtype=np.float64)


def _fit(sums: Sequence[Sum], capacity: Amounts, natural: Amounts, exact: Amounts, gaps: Amounts) -> Amounts:
    """The amounts closest to `natural` with the sums of `exact` and no more padding than it has; `exact` itself where
    fitting doesn't get there.
    """
    families = []
    for kind in Kind:
        members = [total.members for total in sums if total.kind is kind]
        if members:
            group = np.where(np.any(members, axis=0), np.argmax(members, axis=0), len(members))
            families.append((group, np.append([exact[inside].sum() for inside in members], 0), len(members)))
    cells = np.repeat(np.arange(len(capacity)), len(gaps))
    filling = _Filling(gaps, np.maximum(gaps @ exact, 0))
    amounts = natural * (exact.sum() / natural.sum())
    correction = np.ones(len(capacity))
    error = np.inf
    for _ in range(ROUNDS):
        loose = amounts * correction[cells]
        tokens = np.bincount(cells, loose, len(capacity))
        factor = np.minimum(1.0, np.divide(capacity, tokens, out=np.ones_like(tokens), where=tokens > 0))
        amounts = loose * factor[cells]
        correction = 1 / factor
        amounts = filling.project(amounts)
        error = 0.0
        for group, wanted, count in families:
            reached = np.bincount(group, amounts, count + 1)
            factors = np.divide(wanted, reached, out=np.ones_like(reached), where=reached > 0)
            factors[count] = 1.0
            amounts = amounts * factors[group]
            error = max(error, float(np.abs(factors - 1).max()))
        tokens = np.bincount(cells, amounts, len(capacity))
        error = max(error, float(np.max(np.divide(tokens, capacity, out=np.zeros_like(tokens), where=tokens > 0))) - 1)
        error = max(error, filling.excess(amounts))
        if error < FITTED:
            break
    return amounts if error < LOOSE else exact


class _Filling:
    """Projects amounts to where each phase has no more padding than allowed: the gaps that documents leave are filled.

    Long documents get fewer and short ones more by exp(-weight × gap), with the smallest weight that is enough; as in
    Dykstra's algorithm a weight that isn't needed any longer is taken back.
    """

    def __init__(self, gaps: Amounts, allowed: Amounts) -> None:
        self._gaps, self._allowed = gaps, allowed
        self._weights = np.zeros(len(gaps))

    def project(self, amounts: Amounts) -> Amounts:
        step = np.zeros(len(self._gaps))
        for _ in range(NEWTON):
            moved = amounts * np.exp(-step @ self._gaps)
            slope = (self._gaps**2) @ moved
            step += np.divide(self._gaps @ moved - self._allowed, slope, out=np.zeros_like(slope), where=slope > 0)
            step = np.clip(step, np.maximum(-self._weights, -1.0), 1.0)
        self._weights += step
        return amounts * np.exp(-step @ self._gaps)

    def excess(self, amounts: Amounts) -> float:
        """The largest part of all tokens that a phase's padding is above what is allowed."""
        return float(np.max(self._gaps @ amounts - self._allowed, initial=0.0) / amounts.sum())
