"""The training report: one static HTML page of loss curves, expert load and the cost of length."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.trainer.history import History
from winnow.trainer.page import chart, heading, label, paragraph, table, write_page
from winnow.trainer.printing import inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REPORT = "report.html"


def write_report(out: Path) -> Path:
    """Writes `out/report.html` from the history and, where it is there, the evaluation; needs matplotlib."""
    notes = list(History(out / "steps.jsonl"))
    evaluation = out / "evaluation.json"
    results = json.loads(evaluation.read_text()) if evaluation.exists() else {"phases": {}, "qd": {}}
    parts = [paragraph(_summary(notes))]
    if notes:
        parts += [
            heading("Loss by step"),
            chart(lambda axes: _draw_loss(axes, notes)),
            heading("Loss by source"),
            chart(lambda axes: _draw_sources(axes, notes)),
            heading("Router balance: MaxVio by layer"),
            chart(lambda axes: _draw_violation(axes, notes)),
            heading("Expert load at the end (1 is even)"),
            chart(lambda axes: _draw_load(axes, notes), height=2.6),
        ]
    if results["phases"]:
        parts += [heading("Held-out sequences"), _held_out_table(results["phases"])]
    if any(score.get("drafts") for score in results["phases"].values()):
        parts += [heading("Drafts of the prediction layers that the head keeps"), _drafts_table(results["phases"])]
    if results["qd"]:
        parts += [heading("Cost of length, on identical target tokens"), _length_table(results["qd"])]
    target = out / REPORT
    write_page(target, "Training report", parts)
    return target


def _summary(notes: list[dict[str, Any]]) -> str:
    if not notes:
        return "No step was taken yet."
    tokens = sum(note["tokens"] for note in notes)
    speed = np.median([note["tokens_per_second"] for note in notes])
    return (
        f"{len(notes)} steps, {tokens:,} tokens, {notes[-1]['sequences']:,} sequences. "
        f"Loss {notes[0]['loss']:.3f} → {notes[-1]['loss']:.3f} nats a token; median {speed:,.0f} tokens a second."
    )


def _draw_loss(axes: Axes, notes: list[dict[str, Any]]) -> None:
    steps = [note["step"] for note in notes]
    axes.plot(steps, [note["loss"] for note in notes], label="next token")
    ahead = [note.get("losses_ahead", [note["loss_ahead"]]) for note in notes]  # older runs told of one depth
    for depth in range(max(map(len, ahead), default=0)):
        points = [(step, losses[depth]) for step, losses in zip(steps, ahead, strict=True) if depth < len(losses)]
        name = "token after the next" if depth == 0 else f"{depth + 1} tokens after the next"
        axes.plot(*zip(*points, strict=True), label=name, alpha=0.6)
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
        axes.plot(*zip(*points, strict=True), label=label(name), lw=1)
    axes.set(xlabel="step", ylabel="nats a token")
    axes.legend(frameon=False, ncols=3)


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
    return table(rows)


def _drafts_table(phases: dict[str, Any]) -> str:
    rows = [("phase", "depth", "drafts", "kept")]
    for phase, score in phases.items():
        for draft in score.get("drafts", []):
            kept = f"{100 * draft['acceptance']:.1f} %"
            rows.append((phase, str(draft["depth"]), f"{draft['drafts']:,}", kept))
    return table(rows)


def _length_table(qd: dict[str, Any]) -> str:
    rows = [("window", "target tokens", "perplexity", "with the base length", "QD")]
    for length, figures in qd.items():
        base = f"{figures['base_perplexity']:.2f} ({figures['base']} tokens)"
        cost = f"{100 * figures['qd']:+.1f} %"
        rows.append((length, f"{figures['targets']:,}", f"{figures['perplexity']:.2f}", base, cost))
    return table(rows)
