"""What the trainer's choices buy, on shards of the sample and by runs of about a minute on one core.

    python -m benchmarks.experiments shards DIR       # mid-training's sources, 2,048 token ids, lengths 256 and 1,024
    python -m benchmarks.experiments optimizers DIR   # Muon against AdamW, each at the best rate of a grid
    python -m benchmarks.experiments balance DIR      # steps of the routers' correction bias, 0 among them
    python -m benchmarks.experiments length DIR       # four times the length: rotary base 10,000 → 1,000,000, or kept

Each but the first trains models of the preset `tiny` and writes DIR/NAME.json and DIR/NAME.md: mean and standard
deviation over seeds. A seed changes the initial weights; the order of the data is the shards'. A model that was trained
is not trained again, so an experiment that was interrupted goes on. Losses are of held-out documents, in nats a token.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import yaml

from winnow.trainer.config import preset
from winnow.trainer.evaluate import evaluate_run
from winnow.trainer.loop import Training
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.parallel import World
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig

ROOT = Path(__file__).parents[1]
VOCABULARY = 2_048
SHORT, LONG = 256, 1_024
SEEDS = (0, 1, 2)
RATES = (2e-3, 4e-3, 8e-3, 16e-3)
BALANCE_RATES = (0.0, 1e-3, 1e-2)
BALANCE_STEPS = 600  # a bias that moves by 1e-3 has 390 steps on its way; with the 130 of a short run it gets a third
EVALUATED_TOKENS = 65_536
LAST = 20  # steps over which a training loss is averaged

Figures = dict[str, Any]
Table = list[dict[str, Any]]

BASE = RunConfig(
    model=preset("tiny", vocab_size=VOCABULARY),
    schedule=Schedule(steps=200, early_balance_rate=1e-3),
    optimizer=OptimizerConfig(learning_rate=8e-3),
    batch_tokens=1_024,
    micro_tokens=1_024,
    phases=(f"length-{SHORT}",),
    checkpoint_every=100,
    keep=1,
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("experiment", choices=["shards", *EXPERIMENTS])
    arguments.add_argument("folder", type=Path, help="where shards, models and tables go")
    asked = arguments.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.experiment == "shards":
        build_shards(asked.folder)
        return
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    table, remarks = EXPERIMENTS[asked.experiment](Runs(asked.folder))
    write(asked.folder / asked.experiment, table, remarks)


def build_shards(folder: Path) -> None:
    """Runs the pipeline on the sample with a small vocabulary and lengths of `SHORT`, `LONG` and, to hold whole
    repositories and books, two that the experiments don't read."""
    manifest = yaml.safe_load((ROOT / "manifests/mid.yaml").read_text())
    profile = yaml.safe_load((ROOT / "manifests/profiles/sample.yaml").read_text())
    manifest["curriculum"] = [
        {"length": SHORT, "share": 30, "rotary_base": 10_000},
        {"length": LONG, "share": 10, "rotary_base": 1_000_000},
        {"length": 4 * LONG, "share": 20, "rotary_base": 1_000_000},
        {"length": 16 * LONG, "share": 40, "rotary_base": 1_000_000},
    ]
    manifest["repositories"]["length"] = 16 * LONG
    profile["scale"] |= {"length_divisor": 1, "vocabulary_size": VOCABULARY, "tokenizer_sample_bytes": 4_000_000}
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    (folder / "profiles/tiny.yaml").write_text(yaml.safe_dump(profile, sort_keys=False))
    named = ["--stage", str(folder / "tiny.yaml"), "--profile", str(folder / "profiles/tiny.yaml")]
    command = [sys.executable, "-m", "winnow.pipeline.cli", "run", *named, "--out", str(folder / "run")]
    subprocess.run(command, check=True, cwd=ROOT)


class Runs:
    """Trained models of one folder, each known by its settings."""

    def __init__(self, folder: Path) -> None:
        self._run, self._models = str(folder / "run"), folder / "models"

    def __call__(self, config: RunConfig) -> Figures:
        """Trains and evaluates a model, or tells what is known of it."""
        digest = hashlib.blake2b(json.dumps(asdict(config), sort_keys=True).encode(), digest_size=8).hexdigest()
        folder = self._models / digest
        known = folder / "figures.json"
        if known.exists():
            return json.loads(known.read_text())
        training = Training(self._run, folder, config, World())
        training.resume()
        training.run()
        evaluation = evaluate_run(self._run, folder, most_tokens=EVALUATED_TOKENS)
        held_out = evaluation["phases"][f"length-{SHORT}"]
        notes = list(training.history)
        figures = {
            "loss": held_out["loss"],
            "tokens": held_out["tokens"],
            "max_violation": statistics.mean(held_out["max_violation"]),
            "qd": evaluation["qd"],
            "losses": [note["loss"] for note in notes],
            "speed": statistics.median(note["tokens_per_second"] for note in notes),
        }
        known.write_text(json.dumps(figures) + "\n")
        rate, balance = config.optimizer.learning_rate, config.schedule.early_balance_rate
        print(
            f"{config.optimizer.matrices} at {rate:g}, balance rate {balance:g}, base {config.rotary_base}, "
            f"seed {config.seed}: loss {figures['loss']:.4f}, MaxVio {figures['max_violation']:.2f}",
            *(f"QD({length}) {100 * found['qd']:+.1f} %" for length, found in figures["qd"].items()),
            flush=True,
        )
        return figures

    def seeds(self, config: RunConfig) -> list[Figures]:
        return [self(replace(config, seed=seed)) for seed in SEEDS]


def optimizers(runs: Runs) -> tuple[Table, list[str]]:
    """Muon against AdamW for the matrices, each at the best of the same learning rates."""
    table: Table = []
    best: dict[str, list[Figures]] = {}
    for matrices in ("adamw", "muon"):
        tried = {rate: runs(_with_optimizer(matrices, rate))["loss"] for rate in RATES}
        table += [{"matrices": matrices, "rate": rate, "seeds": 1, "loss": loss} for rate, loss in tried.items()]
        rate = min(tried, key=tried.__getitem__)
        best[matrices] = runs.seeds(_with_optimizer(matrices, rate))
        table.append({"matrices": matrices, "rate": rate, **spread(best[matrices], loss="loss")})
    remarks = []
    for seed, adamw, muon in zip(SEEDS, best["adamw"], best["muon"], strict=True):
        wanted = statistics.mean(adamw["losses"][-LAST:])
        steps = first_step_below(muon["losses"], wanted)
        remarks.append(
            f"seed {seed}: Muon's training loss, mean of {LAST} steps, is at AdamW's last ({wanted:.3f}) "
            f"after {steps} of {len(muon['losses'])} steps"
        )
    return table, remarks


def _with_optimizer(matrices: str, rate: float) -> RunConfig:
    return replace(BASE, optimizer=OptimizerConfig(matrices=matrices, learning_rate=rate))


def first_step_below(losses: Sequence[float], wanted: float) -> int | None:
    """How many steps until the mean of the last `LAST` losses is at most `wanted`; None where it never is."""
    for steps in range(LAST, len(losses) + 1):
        if statistics.mean(losses[steps - LAST : steps]) <= wanted:
            return steps
    return None


def balance(runs: Runs) -> tuple[Table, list[str]]:
    """What each step of the correction bias does to the load of the experts and to the loss."""
    table = []
    schedule = replace(BASE.schedule, steps=BALANCE_STEPS)
    for rate in BALANCE_RATES:
        found = runs.seeds(replace(BASE, schedule=replace(schedule, early_balance_rate=rate)))
        table.append({"balance rate": rate, **spread(found, max_violation="MaxVio", loss="loss")})
    return table, []


def length(runs: Runs) -> tuple[Table, list[str]]:
    """Perplexity at four times the base length, with the rotary base raised there or kept."""
    both = replace(BASE, phases=(f"length-{SHORT}", f"length-{LONG}"), schedule=replace(BASE.schedule, steps=300))
    table = []
    for name, base in (("raised to 1e6", None), ("kept at 1e4", 10_000.0)):
        found = [figures["qd"][str(LONG)] for figures in runs.seeds(replace(both, rotary_base=base))]
        cost = spread(found, perplexity="perplexity", base_perplexity=f"with {SHORT}", qd="QD")
        table.append({"rotary base": name, **cost})
    return table, []


def spread(found: Sequence[Figures], **columns: str) -> dict[str, Any]:
    """Mean and standard deviation over seeds of some figures, under the columns' names."""
    cells: dict[str, Any] = {"seeds": len(found)}
    for key, column in columns.items():
        values = [figures[key] for figures in found]
        cells[column], cells[f"± {column}"] = statistics.mean(values), statistics.stdev(values)
    return cells


def write(target: Path, table: Table, remarks: Sequence[str]) -> None:
    """Writes `target`.json and `target`.md, and prints the latter."""
    columns = list(dict.fromkeys(column for row in table for column in row))
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for row in table:
        cells = [row.get(column, "") for column in columns]
        lines.append("| " + " | ".join(f"{c:.4g}" if isinstance(c, float) else str(c) for c in cells) + " |")
    text = "\n".join([*lines, "", *remarks])
    target.with_suffix(".json").write_text(json.dumps({"table": table, "remarks": remarks}, indent=1) + "\n")
    target.with_suffix(".md").write_text(text + "\n")
    print(text)


EXPERIMENTS: dict[str, Callable[[Runs], tuple[Table, list[str]]]] = {
    "optimizers": optimizers,
    "balance": balance,
    "length": length,
}


if __name__ == "__main__":
    main()
