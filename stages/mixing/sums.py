"""Sums: what a mixture asks for, as sums over the tokens that each phase takes of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from winnow.stages.mixing.mixture import OTHER, Cell, Mixture, Phase

Amounts = npt.NDArray[np.float64]
Members = npt.NDArray[np.bool_]


class Kind(Enum):
    """What a sum is of; the value is what a token out of place costs there: sources first, phases last."""

    SOURCE = 4.0
    LANGUAGE = 2.0
    PHASE = 1.0


@dataclass(frozen=True, kw_only=True)
class Sum:
    """The tokens of `members` shall be `share` of the budget or, where `whole` is given, of the tokens of `whole`."""

    name: str
    kind: Kind
    members: Members
    share: float
    whole: Members | None = None

    def coefficients(self) -> Amounts:
        return self.members - (0.0 if self.whole is None else self.share * self.whole)

    def asked(self, amounts: Amounts, budget: float) -> float:
        return self.share * (budget if self.whole is None else float(amounts[self.whole].sum()))


def sums_of(cells: Sequence[Cell], mixture: Mixture, phases: Sequence[Phase]) -> list[Sum]:
    """Every sum that is asked for, over the flat amounts [cells × phases]."""
    sources = np.repeat([cell.source for cell in cells], len(phases))
    languages = np.repeat([cell.language for cell in cells], len(phases))
    phase_of = np.tile(np.arange(len(phases)), len(cells))
    shares = np.array([phase.share for phase in phases]) / sum(phase.share for phase in phases)
    sums = [
        Sum(name=f"phase {phase.name}", kind=Kind.PHASE, members=phase_of == place, share=shares[place])
        for place, phase in enumerate(phases)
    ]
    shared = [place for place, phase in enumerate(phases) if not (phase.sources or phase.languages)]
    own = [[place] for place in range(len(phases)) if place not in shared]
    for places in ([shared] if shared else []) + own:
        where = np.isin(phase_of, places)
        changed = phases[places[0]]
        suffix = f" in phase {changed.name}" if places in own else " in the other phases" if own else ""
        for source, share in mixture.source_shares(changed.sources).items():
            members, share = where & (sources == source), share * shares[places].sum()
            sums.append(Sum(name=f"source {source}{suffix}", kind=Kind.SOURCE, members=members, share=share))
        parts = mixture.language_shares(changed.languages)
        named = where & np.isin(languages, [language for language in parts if language != OTHER])
        whole = where if OTHER in parts else named
        for language, share in parts.items():
            members = where & ~named if language == OTHER else where & (languages == language)
            name = f"language {language}{suffix}"
            sums.append(Sum(name=name, kind=Kind.LANGUAGE, members=members, share=share, whole=whole))
    return sums
