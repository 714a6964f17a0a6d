"""Evaluation on held-out text: perplexity and bits per byte by source, router balance, and what length costs.

QD(L) is the perplexity in windows of L tokens over that in windows of the base length, minus 1, on identical target
tokens: the last half base length of each window. Both windows end at the same token and differ only in how far back
they begin, so a model that reads long windows as well as short ones has QD ≤ 0. Each length has its own windows, cut
from the held-out documents that are long enough, so that a length is left out only where no document is.

What the acceptance of drafts counts, `drafts.py` says.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import torch

from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError
from winnow.trainer.batch import make_batch
from winnow.trainer.config import TrainingError
from winnow.trainer.drafts import Drafts
from winnow.trainer.export import load_run
from winnow.trainer.held_out import split_of
from winnow.trainer.model import Transformer
from winnow.trainer.prediction import mean_ahead
from winnow.trainer.printing import say
from winnow.trainer.router import max_violation

EVALUATION = "evaluation.json"
Score = dict[str, Any]


def evaluate_run(run: str, out: Path, *, most_tokens: int) -> dict[str, Any]:
    """Evaluates the last checkpoint in `out` on documents that it did not train on; writes `out/evaluation.json`.

    Reads at most `most_tokens` of each phase, and twice as many of each length to measure what it costs.
    """
    model, _ = load_run(out)
    split = split_of(run, out)
    read = split.read()
    spelled = spelling_lengths(split.tokenizer())
    results: dict[str, Any] = {"phases": {}, "qd": {}}
    for phase in split.phases():
        found = score(model, split.unread(phase, read, max(1, most_tokens // phase.length)), spelled)
        if found["tokens"]:
            results["phases"][phase.name] = found
    base, *longer = sorted({phase.length for phase in split.phases()})
    for length in longer:
        rows = (row for phase in split.index.phases if phase.length >= length for row in split.unread(phase, read))
        windows = list(islice(long_windows(rows, length), max(1, most_tokens // length)))
        if windows:
            results["qd"][str(length)] = length_cost(model, windows, base)
    (out / EVALUATION).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return results


def spelling_lengths(tokenizer: str) -> np.ndarray:
    """Bytes that each token stands for, int64 [vocabulary]; special tokens stand for none."""
    from winnow.tokenizer.load import load  # loads numba: only evaluation pays for it

    encoder = load(tokenizer)
    lengths = np.array([len(spelling) for spelling in encoder.spellings], dtype=np.int64)
    lengths[list(encoder.special.values())] = 0
    return lengths


@torch.no_grad()
def score(model: Transformer, rows: Iterator[Sequences], spelled: np.ndarray | None = None) -> Score:
    """Perplexity and bits per byte over all targets and by source, MaxVio of each sparse layer, acceptance of drafts."""
    nats: dict[str, float] = {}
    tokens: dict[str, int] = {}
    size: dict[str, int] = {}
    loads: torch.Tensor | int = 0
    depths = model.config.num_nextn_predict_layers
    ahead, ahead_tokens, drafts = [0.0] * depths, [0] * depths, Drafts()
    for row in rows:
        batch = make_batch(row, depths)
        states = model.read(batch)
        losses = model.losses(states, batch)
        drafts.add(model, states, batch)
        loads = loads + losses.loads
        for number, depth in enumerate(batch.depths):
            ahead[number] += float(losses.ahead[number])
            ahead_tokens[number] += len(depth.targets.tokens)
        sources = batch.sources[batch.next.index]
        for code, name in enumerate(batch.source_names):
            mine = sources == code
            nats[name] = nats.get(name, 0.0) + float(losses.next_each[mine].double().sum())
            tokens[name] = tokens.get(name, 0) + int(mine.sum())
            if spelled is not None:
                size[name] = size.get(name, 0) + int(spelled[batch.next.tokens[mine].numpy()].sum())
    return {
        **_figures(sum(nats.values()), sum(tokens.values()), sum(size.values())),
        "loss_ahead": mean_ahead(ahead, ahead_tokens),
        "losses_ahead": [nats / max(1, count) for nats, count in zip(ahead, ahead_tokens, strict=True)],
        "drafts": drafts.figures(),
        "sources": {name: _figures(nats[name], tokens[name], size.get(name, 0)) for name in sorted(nats)},
        "max_violation": [round(max_violation(load), 4) for load in loads] if torch.is_tensor(loads) else [],
    }


def _figures(nats: float, tokens: int, size: int) -> Score:
    loss = nats / max(1, tokens)
    figures = {"tokens": tokens, "loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    if size:
        figures["bits_per_byte"] = nats / math.log(2) / size
    return figures


def long_windows(rows: Iterator[Sequences], length: int) -> Iterator[np.ndarray]:
    """Runs of `length` tokens of one document, one after another, from segments at least as long."""
    for row in rows:
        for position, size in zip(row.positions.tolist(), row.lengths.tolist(), strict=True):
            for start in range(position, position + size - length + 1, length):
                yield row.input_ids[0, start : start + length]


@torch.no_grad()
def length_cost(model: Transformer, windows: Sequence[np.ndarray], base: int) -> Score:
    """Loss and perplexity of the last half base length of windows [L], read whole and from `base` tokens back; QD."""
    targets = base // 2
    loss, near = (_loss_at_end(model, windows, length, targets) for length in (len(windows[0]), base))
    return {
        "windows": len(windows),
        "targets": targets * len(windows),
        "loss": loss,
        "perplexity": math.exp(loss),
        "base": base,
        "base_perplexity": math.exp(near),
        "qd": math.exp(loss - near) - 1,
    }


def _loss_at_end(model: Transformer, windows: Sequence[np.ndarray], length: int, targets: int) -> float:
    """Mean loss of each window's last `targets` tokens, read with `length` tokens up to its end."""
    total = 0.0
    for window in windows:
        batch = make_batch(one_document(window[-length:]), model.config.num_nextn_predict_layers)
        total += float(model(batch).next_each[-targets:].double().sum())
    return total / (targets * len(windows))


def one_document(tokens: np.ndarray) -> Sequences:
    """One sequence that is a single document."""
    segment = {
        "document": "",
        "source": "",
        "language": None,
        "position": 0,
        "length": len(tokens),
        "offset": 0,
        "continued": False,
    }
    return Sequences(
        input_ids=np.asarray(tokens)[None], segments=pa.array([segment], type=SEGMENT), bounds=np.array([0, 1])
    )


def print_results(results: Mapping[str, Any], say: Callable[[str], None] = say) -> None:
    for name, phase in results["phases"].items():
        say(f"{name}: MaxVio by layer {', '.join(str(v) for v in phase['max_violation'])}")
        for source, figures in [*phase["sources"].items(), ("all", phase)]:
            bits = f"  {figures['bits_per_byte']:.3f} bits per byte" if "bits_per_byte" in figures else ""
            say(f"  {source:<20} {figures['tokens']:>8,} tokens  perplexity {figures['perplexity']:>10.2f}{bits}")
        for draft in phase["drafts"]:
            say(f"  drafts of depth {draft['depth']}: {draft['acceptance']:.1%} of {draft['drafts']:,} kept")
    for length, figures in results["qd"].items():
        say(
            f"window {length:>7}: perplexity {figures['perplexity']:.2f}, with {figures['base']} tokens "
            f"{figures['base_perplexity']:.2f}: QD {100 * figures['qd']:+.1f} % ({figures['windows']} windows)"
        )


@click.command()
@click.option("--run", required=True, help="The run whose shards the model was trained on.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder that holds the checkpoints.")
@click.option("--most-tokens", default=200_000, show_default=True, help="Most held-out tokens to read of a phase.")
def main(run: str, out: Path, most_tokens: int) -> None:
    """Evaluates the last checkpoint on held-out sequences."""
    try:
        torch.set_flush_denormal(True)
        print_results(evaluate_run(run, out, most_tokens=most_tokens))
    except (TrainingError, ShardError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
