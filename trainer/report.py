"""The training report: one static HTML page of loss curves, expert load and the cost of length."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.trainer.history import History
from winnow.trainer.printing import inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REPORT = "report.html"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
"""


def write_report(out: Path) -> Path:
    """Writes `out/report.html` from the history and, where it is there, the evaluation; needs matplotlib."""
    notes = list(History(out / "steps.jsonl"))
    evaluation = out / "evaluation.json"
    results = json.loads(evaluation.read_text()) if evaluation.exists() else {"phases": {}, "qd": {}}
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Training report</title><style>{_STYLE}</style>",
        "<h1>Training report</h1>",
        _summary(notes),
    ]
    if notes:
        parts += [
            "<h2>Loss by step</h2>",
            _chart(lambda axes: _draw_loss(axes, notes)),
            "<h2>Loss by source</h2>",
            _chart(lambda axes: _draw_sources(axes, notes)),
            "<h2>Router balance: MaxVio by layer</h2>",
            _chart(lambda axes: _draw_violation(axes, notes)),
            "<h2>Expert load at the end (1 is even)</h2>",
            _chart(lambda axes: _draw_load(axes, notes), height=2.6),
        ]
    if results["phases"]:
        parts += ["<h2>Held-out sequences</h2>", _held_out_table(results["phases"])]
    if results["qd"]:
        parts += ["<h2>Cost of length, on identical target tokens</h2>", _length_table(results["qd"])]
    target = out / REPORT
    target.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return target


def _summary(notes: list[dict[str, Any]]) -> str:
    if not notes:
        return "<p>No step was taken yet.</p>"
    tokens = sum(note["tokens"] for note in notes)
    speed = np.median([note["tokens_per_second"] for note in notes])
    return (
        f"<p>{len(notes)} steps, {tokens:,} tokens, {notes[-1]['sequences']:,} sequences. "
        f"Loss {notes[0]['loss']:.3f} → {notes[-1]['loss']:.3f} nats a token; median {speed:,.0f} tokens a second.</p>"
    )


def _chart(draw: Callable[[Axes], None], height: float = 3.4) -> str:
    """One chart as inline SVG, with the same bytes for the same history."""
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


def _draw_loss(axes: Axes, notes: list[dict[str, Any]]) -> None:
    steps = [note["step"] for note in notes]
    axes.plot(steps, [note["loss"] for note in notes], label="next token")
    axes.plot(steps, [note["loss_ahead"] for note in notes], label="token after the next", alpha=0.6)
    for before, note in pairwise(notes):
        if note["phase"] != before["phase"]:
            axes.axvline(note["step"], color="grey", lw=0.8, ls=":")
            axes.annotate(inert(note["phase"]), (note["step"], axes.get_ylim()[1]), rotation=90, va="top", color="grey")
    axes.set(xlabel="step", ylabel="nats a token")
    axes.legend(frameon=False)


def _draw_sources(axes: Axes, notes: list[dict[str, Any]]) -> None:
    names = sorted({name for note in notes for name in note["sources"]})
    for name in names:
        points = [(note["step"], note["sources"][name][0]) for note in notes if note["sources"].get(name, [0, 0])[1]]
        axes.plot(*zip(*points, strict=True), label=_label(name), lw=1)
    axes.set(xlabel="step", ylabel="nats a token")
    axes.legend(frameon=False, ncols=3)


def _label(name: str) -> str:
    """A name for a legend, which leaves out those that begin with an underscore."""
    return f" {inert(name)}" if name.startswith("_") else inert(name)


def _draw_violation(axes: Axes, notes: list[dict[str, Any]]) -> None:
    values = np.array([note["max_violation"] for note in notes])
    for layer in range(values.shape[1] if values.ndim == 2 else 0):
        axes.plot(values[:, layer], label=f"sparse layer {layer + 1}", lw=1)
    axes.set(xlabel="step", ylabel="fullest expert over the mean, − 1")
    axes.legend(frameon=False, ncols=3)


def _draw_load(axes: Axes, notes: list[dict[str, Any]]) -> None:
    """The load of the last tenth of the steps, as a multiple of the mean."""
    last = [np.array(note["loads"], dtype=float) for note in notes[-max(1, len(notes) // 10) :]]
    if not last or not last[0].size:
        return
    load = np.sum(last, axis=0)
    image = axes.imshow(load / load.mean(axis=1, keepdims=True), aspect="auto", cmap="viridis", vmin=0)
    axes.set(xlabel="expert", ylabel="sparse layer", yticks=range(len(load)))
    axes.figure.colorbar(image, ax=axes)


def _held_out_table(phases: dict[str, Any]) -> str:
    rows = [("phase", "source", "tokens", "perplexity", "bits per byte")]
    for phase, score in phases.items():
        for source, figures in [*score["sources"].items(), ("all", score)]:
            bits = f"{figures['bits_per_byte']:.3f}" if "bits_per_byte" in figures else "–"
            rows.append((phase, source, f"{figures['tokens']:,}", f"{figures['perplexity']:.2f}", bits))
    return _table(rows)


def _length_table(qd: dict[str, Any]) -> str:
    rows = [("window", "target tokens", "perplexity", "with the base length", "QD")]
    for length, figures in qd.items():
        base = f"{figures['base_perplexity']:.2f} ({figures['base']} tokens)"
        cost = f"{100 * figures['qd']:+.1f} %"
        rows.append((length, f"{figures['targets']:,}", f"{figures['perplexity']:.2f}", base, cost))
    return _table(rows)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    head, *body = ["".join(f"<{tag}>{html.escape(inert(cell))}</{tag}>" for cell in row) for tag, row in _tagged(rows)]
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in body) + "</table>"


def _tagged(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, tuple[str, ...]]]:
    return [("th" if number == 0 else "td", row) for number, row in enumerate(rows)]
