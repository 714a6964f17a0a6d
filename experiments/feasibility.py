"""Feasibility: which shares a full run can have, by its tokens, its caps of epochs and its languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from winnow.experiments.corpus import Corpus
from winnow.experiments.regression import Floats
from winnow.stages.mixing.balance import balance
from winnow.stages.mixing.mixture import Cell, Mixture, MixtureError, Phase

MET = 0.01  # of a run's tokens may be out of place in a mixture that is tried


def most_shares(corpus: Corpus, sources: Sequence[str], tokens: int) -> Floats:
    """The largest share of each source that its tokens and epochs allow in a full run of so many tokens."""
    capacity = dict.fromkeys(sources, 0.0)
    for cell in corpus.plan["cells"]:
        if cell["source"] in capacity:
            capacity[cell["source"]] += cell["available"] * corpus.mixture.cap(cell["source"], cell["bucket"])
    return np.minimum(1.0, np.array([capacity[source] for source in sources]) / tokens)


def mixture_with(mixture: Mixture, sources: Sequence[str], shares: Floats, tokens: int) -> Mixture:
    """The manifest's mixture with other shares of its sources; languages and caps stay."""
    weights = {source: float(share) for source, share in zip(sources, shares, strict=True) if share > 0}
    return replace(mixture, sources=weights, tokens=tokens, temperature=1.0)


def unmet(corpus: Corpus, mixture: Mixture) -> list[str]:
    """What a full run couldn't meet of a mixture: its sources, languages and caps, on the tokens that the run has."""
    available: dict[Cell, float] = {}
    for cell in corpus.plan["cells"]:
        key = Cell(cell["source"], cell["language"], cell["bucket"], 1)
        available[key] = available.get(key, 0.0) + cell["available"]
    cells = [cell for cell in sorted(available) if available[cell]]
    phase = Phase(name="all", length=1, share=1.0, splits=True)
    try:
        solved = balance(cells, np.array([available[cell] for cell in cells]), mixture, [phase])
    except MixtureError as error:
        return [str(error)]
    said = []
    for total in solved.sums:
        there = float(solved.amounts.ravel()[total.members].sum())
        wanted = total.asked(solved.amounts.ravel(), solved.budget)
        if abs(there - wanted) > MET * solved.budget:
            said.append(f"{total.name}: asked {wanted:,.0f} tokens, feasible {there:,.0f}")
    return said
