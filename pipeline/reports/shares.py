"""A mixture as it was asked for and as it was built: shares by source and by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MARGINALS = ("sources", "languages")
NAMELESS = "not known"  # documents without a language


@dataclass(frozen=True, kw_only=True)
class Share:
    """One source or language: per cent asked (None where nothing was asked), per cent built, tokens built."""

    name: str
    asked: float | None
    built: float
    tokens: int


def shares(mixture: Mapping[str, Any]) -> dict[str, list[Share]]:
    """The marginals that a shard index tells of: what was asked for in that order, then the rest by their tokens."""
    found = {}
    for marginal in MARGINALS:
        asked: Mapping[str, float] = mixture.get("asked", {}).get(marginal) or {}
        built: Mapping[str, int] = mixture.get("built", {}).get(marginal) or {}
        whole, total = sum(asked.values()) or 1, sum(built.values()) or 1
        others = sorted(built.keys() - asked.keys(), key=lambda name: (-built[name], name))
        found[marginal] = [
            Share(
                name=name or NAMELESS,
                asked=100 * asked[name] / whole if name in asked else None,
                built=100 * built.get(name, 0) / total,
                tokens=built.get(name, 0),
            )
            for name in (*asked, *others)
        ]
    return {marginal: rows for marginal, rows in found.items() if rows}
