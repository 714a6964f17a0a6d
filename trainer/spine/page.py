"""The page of the chain: what one model learned through its stages, kept, cost, and was rewarded for."""

from __future__ import annotations

import json
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.stages.run.workspace import Workspace, digest_file
from winnow.trainer.evaluate import EVALUATION
from winnow.trainer.history import History
from winnow.trainer.page import chart, heading, label, paragraph, table, write_page
from winnow.trainer.safety.command import REPORT, rows_of
from winnow.trainer.spine.chain import LOCK, REWARD, Ledger, Spine, name_of
from winnow.trainer.spine.retention import Losses, change

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE = "report.html"
SAFETY = "safety"  # `winnow-train safety URL --out runs/spine/safety`
Note = dict[str, Any]
Histories = dict[str, list[Note]]


def write_spine_page(spine: Spine, ledger: Ledger, losses: Losses) -> Path:
    """Writes `report.html` of what is there, the whole chain or its beginning; needs matplotlib."""
    notes = {name: list(History(spine.model(name) / "steps.jsonl")) for name in spine.trained()}
    notes = {name: steps for name, steps in notes.items() if steps}
    results = {name: _told(spine.model(name) / EVALUATION) for name in notes}
    parts = [paragraph(_summary(spine, notes)), heading("Runs"), _runs(spine)]
    if notes:
        parts += [
            heading("Loss by tokens, stage after stage"),
            chart(lambda axes: _draw_losses(axes, notes)),
            heading("Loss by stage and source"),
            _sources(notes, results),
        ]
    if losses:
        parts += [
            heading("Retention: loss of each model on each stage's held-out text"),
            *map(paragraph, verdicts(losses, list(notes))),
            _retention(losses, list(notes)),
        ]
    if notes:
        parts += [
            heading("Router balance: MaxVio, mean of the layers"),
            chart(lambda axes: _draw_violation(axes, notes)),
            _violations(results),
        ]
    if any(result.get("qd") for result in results.values()):
        parts += [heading("Cost of length (QD), on identical target tokens"), _lengths(results)]
    if judge := _told(spine.model(REWARD) / "reward.json"):
        parts += [heading("Reward model, on held-out pairs"), _reward(judge)]
    for stage in spine.stages:
        for way in ("GRPO", "PPO"):
            told = _told(spine.model(stage) / f"{way.lower()}.json")
            if not told:
                continue
            steps = list(History(spine.model(stage) / "steps.jsonl"))
            parts += [
                heading(f"Reinforcement ({way}): rewards on held-out prompts"),
                _rewards(told),
                chart(lambda axes, steps=steps: _draw_rewards(axes, steps)),  # type: ignore[misc]
                heading(f"Reinforcement ({way}): divergence from the model that it began as"),
                chart(lambda axes, steps=steps: _draw_divergence(axes, steps), height=2.4),  # type: ignore[misc]
            ]
    if safety := _told(spine.out / SAFETY / REPORT):
        parts += [
            heading("Safety: refusals of the served model, by category"),
            paragraph("Of prompts that expect an answer these are false refusals. In brackets the 95 % interval."),
            table(rows_of(safety)),
        ]
    parts += [heading("Time"), _times(ledger)]
    target = spine.out / PAGE
    write_page(target, "One model through its stages", parts)
    return target


def verdicts(losses: Losses, stages: list[str]) -> list[str]:
    """A sentence for each stage: what it did to its own held-out text, and to that of the stage before."""
    told = []
    for before, after in pairwise(stages):
        own, earlier = (change(losses, text, before, after) for text in (after, before))
        if own is not None and earlier is not None:
            told.append(
                f"{after}: its own held-out text {100 * own:+.1f} % against the model before, {before}'s {100 * earlier:+.1f} %"
            )
    return told


def _told(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _summary(spine: Spine, notes: Histories) -> str:
    tokens = sum(note["tokens"] for steps in notes.values() for note in steps)
    steps = sum(map(len, notes.values()))
    size = ""
    if notes:
        config = _told(spine.model(list(notes)[-1]) / "huggingface" / "config.json")
        size = (
            f" {config['num_hidden_layers']} layers of width {config['hidden_size']}, "
            f"{config['n_routed_experts']} experts, vocabulary {config['vocab_size']:,}, "
            f"context {config['max_position_embeddings']:,}."
            if config
            else ""
        )
    way = " → ".join(map(name_of, spine.stages))
    return f"Profile {Path(spine.profile).stem}: {way}. {steps:,} steps, {tokens:,} tokens.{size}"


def _runs(spine: Spine) -> str:
    """Each run with its parent, and what earlier runs' documents took from it."""
    rows = [("stage", "lock", "after", "documents read", "near-duplicates", "tokens of the shards")]
    for stage in spine.stages:
        run = spine.run(stage)
        lock = _told(run / LOCK)
        if not lock:
            continue
        counts = {step["step"]: step["counts"] for step in lock["steps"]}
        index = _told(run / "shards" / "index.json")
        tokens = sum(phase["tokens"] for phase in index.get("phases", []))
        dropped = counts.get("deduplicate.minhash.drop", {}).get("dropped", 0)
        rows.append(
            (
                name_of(stage),
                digest_file(Workspace(str(run)), LOCK)[:8],
                next((f"{parent['stage']} {parent['lock'][:8]}" for parent in lock.get("after", [])), "–"),
                f"{counts.get('ingest', {}).get('documents', 0):,}",
                f"{dropped:,}",
                f"{tokens:,}" if tokens else "–",
            )
        )
    return table(rows)


def _draw_losses(axes: Axes, notes: Histories) -> None:
    begin = 0
    for name, steps in notes.items():
        places = [begin + tokens for tokens in accumulate(note["tokens"] for note in steps)]
        axes.plot([place / 1e6 for place in places], [note["loss"] for note in steps], lw=1, label=label(name))
        begin = places[-1]
    axes.set(xlabel="million tokens", ylabel="nats a token")
    axes.legend(frameon=False, ncols=len(notes))


def _sources(notes: Histories, results: dict[str, dict[str, Any]]) -> str:
    """Training loss of each source in the stage's first and last tenth, and on held-out text."""
    rows = [("stage", "source", "tokens", "first tenth", "last tenth", "held out", "bits per byte")]
    for name, steps in notes.items():
        tenth = max(1, len(steps) // 10)
        held_out = _held_out(results[name])
        for source in sorted({source for note in steps for source in note["sources"]}):
            tokens = sum(note["sources"].get(source, (0, 0))[1] for note in steps)
            nats, bits = held_out.get(source, (None, None))
            rows.append(
                (
                    name,
                    source,
                    f"{tokens:,}",
                    _mean(steps[:tenth], source),
                    _mean(steps[-tenth:], source),
                    f"{nats:.3f}" if nats is not None else "–",
                    f"{bits:.3f}" if bits is not None else "–",
                )
            )
    return table(rows)


def _mean(steps: list[Note], source: str) -> str:
    found = [note["sources"][source] for note in steps if note["sources"].get(source, (0, 0))[1]]
    tokens = sum(count for _, count in found)
    return f"{sum(nats * count for nats, count in found) / tokens:.3f}" if tokens else "–"


def _held_out(results: dict[str, Any]) -> dict[str, tuple[float, float | None]]:
    """Loss and bits per byte of each source over all phases."""
    nats: dict[str, float] = {}
    bits: dict[str, float] = {}
    tokens: dict[str, int] = {}
    for phase in results.get("phases", {}).values():
        for source, figures in phase["sources"].items():
            nats[source] = nats.get(source, 0.0) + figures["loss"] * figures["tokens"]
            bits[source] = bits.get(source, 0.0) + figures.get("bits_per_byte", np.nan) * figures["tokens"]
            tokens[source] = tokens.get(source, 0) + figures["tokens"]
    return {
        source: (nats[source] / count, None if np.isnan(bits[source]) else bits[source] / count)
        for source, count in tokens.items()
        if count
    }


def _retention(losses: Losses, stages: list[str]) -> str:
    texts = [name for name in stages if any(name in row for row in losses.values())]
    rows = [("model after", *(f"text of {name}" for name in texts))]
    rows += [(model, *(f"{row[text]['loss']:.3f}" for text in texts)) for model, row in losses.items()]
    first = next(iter(losses.values()))
    rows.append(("tokens", *(f"{first[text]['tokens']:,}" for text in texts)))
    return table(rows)


def _draw_violation(axes: Axes, notes: Histories) -> None:
    begin = 0
    for name, steps in notes.items():
        values = [float(np.mean(note["max_violation"])) for note in steps if note["max_violation"]]
        axes.plot(range(begin, begin + len(values)), values, lw=1, label=label(name))
        begin += len(steps)
    axes.set(xlabel="step", ylabel="fullest expert over the mean, − 1", ylim=(0, None))
    axes.legend(frameon=False, ncols=len(notes))


def _violations(results: dict[str, dict[str, Any]]) -> str:
    rows = [("stage", "phase", "MaxVio on held-out text, by layer")]
    for name, result in results.items():
        for phase, figures in result.get("phases", {}).items():
            rows.append((name, phase, ", ".join(f"{value:.2f}" for value in figures["max_violation"])))
    return table(rows)


def _lengths(results: dict[str, dict[str, Any]]) -> str:
    rows = [("stage", "window", "windows", "perplexity", "with the base length", "QD")]
    for name, result in results.items():
        for length, figures in result.get("qd", {}).items():
            rows.append(
                (
                    name,
                    length,
                    str(figures["windows"]),
                    f"{figures['perplexity']:.2f}",
                    f"{figures['base_perplexity']:.2f} ({figures['base']} tokens)",
                    f"{100 * figures['qd']:+.1f} %",
                )
            )
    return table(rows)


def _reward(report: dict[str, Any]) -> str:
    rows = [("", "pairs", "accuracy", "of each head", "calibration error", "variance over the heads")]
    for when in ("before", "after"):
        figures = report[when]
        rows.append(
            (
                when,
                str(figures["pairs"]),
                f"{figures['accuracy']:.3f}",
                ", ".join(f"{share:.3f}" for share in figures["accuracy_of_heads"]),
                f"{figures['calibration_error']:.3f}",
                f"{figures['variance']:.4f}",
            )
        )
    return paragraph(f"{report['learned']:,} pairs learned.") + table(rows)


def _rewards(report: dict[str, Any]) -> str:
    rows = [("reward", "before", "after")]
    before = {name: f"{value:.3f}" for name, value in report["before"].items()}
    rows += [(_short(name), before.get(name, "–"), f"{after:.3f}") for name, after in report["after"].items()]
    kl = f"{report['kl']:.4f}" if report["kl"] is not None else "unknown"
    return table(rows) + paragraph(f"{report['held_out']} prompts; KL divergence at the end {kl}.")


def _draw_rewards(axes: Axes, steps: list[Note]) -> None:
    names = [name for name in steps[0] if name == "reward" or (name.startswith("rewards/") and name.endswith("/mean"))]
    for name in names if steps else ():
        axes.plot(range(len(steps)), [note.get(name, np.nan) for note in steps], lw=1, label=label(_short(name)))
    axes.set(xlabel="step", ylabel="mean reward of the answers drawn")
    axes.legend(frameon=False, ncols=4)


def _draw_divergence(axes: Axes, steps: list[Note]) -> None:
    axes.plot(range(len(steps)), [note.get("kl", np.nan) for note in steps], lw=1)
    axes.set(xlabel="step", ylabel="KL, nats a token")


def _short(name: str) -> str:
    inner = name.removeprefix("rewards/").removesuffix("/mean")
    return {"rewards/reward/mean": "reward model", "reward": "sum of all"}.get(name, inner)


def _times(ledger: Ledger) -> str:
    rows = [("link", "seconds", "processor seconds")]
    rows += [
        (name, f"{entry.seconds:,.0f}", f"{entry.processor_seconds:,.0f}") for name, entry in ledger.entries.items()
    ]
    total, used = (
        sum(getattr(entry, name) for entry in ledger.entries.values()) for name in ("seconds", "processor_seconds")
    )
    return table([*rows, ("all", f"{total:,.0f}", f"{used:,.0f}")])
