"""The search as a page: each domain's bits against each share, the surface through them, the winner with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from winnow.experiments.found import validation
from winnow.experiments.proxy import Scored
from winnow.experiments.search import Result
from winnow.pipeline.terminal import inert

TEMPLATE = "search.html.jinja"
PAGE = "search.html"
WIDTH, HEIGHT, EDGE = 150, 90, 6  # of one plot, in the units of its SVG
STEPS = 24  # points of a drawn line


@dataclass(frozen=True)
class Plot:
    """A domain's bits against one source's share: points of proxies, and the surface along the way to that source.

    The line goes through the found mixture: a source grows or shrinks, the others keep their proportions. `span`: its
    ends, per cent and bits.
    """

    source: str
    points: list[tuple[float, float]]
    line: list[tuple[float, float]]
    given: float
    found: float
    span: tuple[float, float, float, float]


def write_page(folder: Path, result: Result, validated: Sequence[Scored]) -> Path:
    """Writes `search.html`, one self-contained page without a script; returns its path."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.finalize = lambda value: inert(value) if type(value) is str else value
    page = environment.get_template(TEMPLATE).render(
        result=result,
        plots={domain: plots(result, domain) for domain in result.surfaces},
        validation=validation(result, validated) if validated else {},
        seeds=len({one.seed for one in validated}),
        width=WIDTH,
        height=HEIGHT,
    )
    path = folder / PAGE
    path.write_text(page, "utf-8")
    return path


def plots(result: Result, domain: str) -> list[Plot]:
    """One plot a source, all of a domain on one scale of bits."""
    surface = result.surfaces[domain]
    bits = np.array([one.bits_per_byte[domain] for one in result.scored])
    shares = result.shares
    lines = []
    for place in range(len(result.sources)):
        low, high = shares[:, place].min(), shares[:, place].max()
        along = np.linspace(low, high, STEPS)
        lines.append((along, surface(np.array([towards(result.found, place, share) for share in along]))))
    bottom = min(bits.min(), *(said.min() for _, said in lines))
    top = max(bits.max(), *(said.max() for _, said in lines))
    drawn = []
    for place, source in enumerate(result.sources):
        along, said = lines[place]
        left, right = float(along[0]), float(along[-1])

        def across(share: float, left: float = left, right: float = right) -> float:
            return _scaled(share, left, right, WIDTH)

        def up(value: float) -> float:
            return HEIGHT - _scaled(value, bottom, top, HEIGHT)

        drawn.append(
            Plot(
                source=source,
                points=[(across(x), up(y)) for x, y in zip(shares[:, place], bits, strict=True)],
                line=[(across(x), up(y)) for x, y in zip(along, said, strict=True)],
                given=across(float(result.given[place])),
                found=across(float(result.found[place])),
                span=(100 * left, 100 * right, float(bottom), float(top)),
            )
        )
    return drawn


def towards(shares: np.ndarray, place: int, share: float) -> np.ndarray:
    """The mixture with one source at this share and the others in their proportions."""
    others = 1 - shares[place]
    found = shares * ((1 - share) / others if others > 0 else 0.0)
    found[place] = share
    return found


def _scaled(value: float, low: float, high: float, size: int) -> float:
    """Where a value lies between `low` and `high` on `size` units with an edge, to a tenth."""
    part = (value - low) / (high - low) if high > low else 0.5
    return round(EDGE + float(np.clip(part, 0, 1)) * (size - 2 * EDGE), 1)
