"""Templates, and what they need to draw: whatever a document or a name holds is escaped and inert in every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from winnow.pipeline.terminal import inert
from winnow.stages.shards.inspection import COLOURS, colour_of
from winnow.viewer.measures import BINS, Histogram

HERE = Path(__file__).parent
STATIC = HERE / "static"
HTMX = "vendor/htmx.min.js"


@dataclass(frozen=True)
class Bar:
    """A bin of a histogram in per cent of the plot's height; `outside` of every bound that is drawn."""

    x: int
    height: float
    outside: bool
    title: str


@dataclass(frozen=True)
class Line:
    """A bound in bins from the left."""

    x: float
    side: str  # minimum or maximum
    key: str
    value: float
    name: str
    beyond: bool  # further out than the axis


def bars(histogram: Histogram) -> list[Bar]:
    """The bins, on a scale of square roots, so that a few documents in the tail can be seen beside a million."""
    most = max(histogram.counts) or 1
    found = []
    for place, count in enumerate(histogram.counts):
        low, high = (histogram.axis.value((place + end) / BINS) for end in (0, 1))
        middle = (low + high) / 2
        outside = any(
            (bound.rule.minimum is not None and middle < bound.rule.minimum)
            or (bound.rule.maximum is not None and middle > bound.rule.maximum)
            for bound in histogram.bounds
        )
        height = 100 * (count / most) ** 0.5
        found.append(Bar(place, round(height, 2), outside, f"{low:.4g} … {high:.4g}: {count:,} documents"))
    return found


def lines(histogram: Histogram) -> list[Line]:
    found = []
    for bound in histogram.bounds:
        for side in ("minimum", "maximum"):
            value = getattr(bound.rule, side)
            if value is not None:
                beyond = not histogram.axis.low <= value <= histogram.axis.high
                place = histogram.axis.place(float(value))
                found.append(Line(round(BINS * place, 3), side, bound.key, float(value), bound.name, beyond))
    return found


def templates() -> Environment:
    """Every string that a template prints goes through `inert`, and then through the escapes of HTML."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.filters.update(
        count=_count, counted=_counted, short=_short, path=lambda text: quote(str(text)), tint=_tint, share=_share
    )
    environment.globals.update(bars=bars, lines=lines, BINS=BINS, htmx=(STATIC / HTMX).exists())
    return environment


def _harmless(value: Any) -> Any:
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _count(number: float | None) -> str:
    return "–" if number is None else f"{number:,.0f}"


def _counted(number: float, one: str, many: str = "") -> str:
    return f"{_count(number)} {one if number == 1 else many or f'{one}s'}"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _short(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _tint(name: str) -> str:
    """The class of a source's colour: the same in every page, and as `winnow inspect` has it."""
    return f"tint-{_order(COLOURS).index(colour_of(name))}"


def _order(names: Sequence[str]) -> list[str]:
    return list(names)
