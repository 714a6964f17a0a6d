"""A page that a browser shows offline: one file of HTML, with charts as inline SVG and tables."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winnow.trainer.printing import inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
"""


def write_page(target: Path, title: str, parts: Iterable[str]) -> None:
    """Writes a page of these pieces of HTML under its title."""
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
    target.write_text("\n".join([head, f"<h1>{title}</h1>", *parts]) + "\n", encoding="utf-8")


def heading(text: str) -> str:
    return f"<h2>{text}</h2>"


def paragraph(text: str) -> str:
    """Text as a paragraph; signs that mean something in HTML are written out."""
    return f"<p>{html.escape(inert(text))}</p>"


def chart(draw: Callable[[Axes], None], height: float = 3.4) -> str:
    """One chart as inline SVG, with the same bytes for the same history; needs matplotlib."""
    import matplotlib
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.hashsalt": "winnow",
        "svg.fonttype": "none",
        "font.size": 9,
        "text.parse_math": False,  # a dollar in a source's name begins no formula
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(9, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()[stream.getvalue().index("<svg") :]


def label(name: str) -> str:
    """A name for a legend, which leaves out those that begin with an underscore."""
    return f" {inert(name)}" if name.startswith("_") else inert(name)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, the first of them the head."""
    head, *body = (
        "".join(f"<{tag}>{html.escape(inert(cell))}</{tag}>" for cell in row)
        for tag, row in (("th" if number == 0 else "td", row) for number, row in enumerate(rows))
    )
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in body) + "</table>"
