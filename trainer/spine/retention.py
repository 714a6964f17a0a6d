"""Retention: what the model of each stage makes of every stage's held-out text.

Held out means never read by any stage: a document that one stage keeps for evaluation may lie in the shards of another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

from winnow.trainer.evaluate import score
from winnow.trainer.export import import_checkpoint, load_run
from winnow.trainer.held_out import Split, split_of
from winnow.trainer.model import Transformer
from winnow.trainer.spine.chain import Ledger, Spine

RETENTION = "retention.json"
MOST_TOKENS = 8_192  # of a phase
Losses = dict[str, dict[str, dict[str, Any]]]


def retention(spine: Spine, ledger: Ledger) -> Losses:
    """Loss (nats a token that is learned) and tokens by model and by stage of the text; kept in `retention.json`."""
    path = spine.out / RETENTION
    told = json.loads(path.read_text()) if path.exists() else {}
    if told.get("of") == ledger.fingerprint():
        kept: Losses = told["losses"]
        return kept
    splits = {name: split_of(str(spine.run(name)), spine.model(name)) for name in spine.trained()}
    read = set(chain.from_iterable(split.read() for split in splits.values()))
    found = {
        name: {text: _score(model, split, read) for text, split in splits.items()}
        for name, model in _models(spine).items()
    }
    path.write_text(json.dumps({"of": ledger.fingerprint(), "losses": found}, indent=1) + "\n")
    return found


def change(losses: Losses, text: str, before: str, after: str) -> float | None:
    """By which share the loss on a stage's text has risen from one model to another; None where it can't be told."""
    try:
        return float(losses[after][text]["loss"] / losses[before][text]["loss"] - 1)
    except (KeyError, ZeroDivisionError):
        return None


def _models(spine: Spine) -> Mapping[str, Transformer]:
    """The model of each stage that trained one, aligned ones included."""
    found = {name: load_run(spine.model(name))[0] for name in spine.trained()}
    for stage in spine.stages:
        folder = spine.model(stage)
        if (folder / "config.json").exists():
            found[folder.name] = import_checkpoint(folder).float().eval()
    return found


def _score(model: Transformer, split: Split, read: set[str]) -> dict[str, Any]:
    rows = (split.unread(phase, read, max(1, MOST_TOKENS // phase.length)) for phase in split.phases())
    figures = score(model, chain.from_iterable(rows))
    return {name: figures[name] for name in ("tokens", "loss", "max_violation")}
