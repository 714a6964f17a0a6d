"""Does curation pay? Two small models, one on the curated shards, one on the same sources as they came.

Both see the same number of sequences of one length, from the same sources in the same shares, and start from the same
weights; they differ in what was trained on. `unfiltered` is every ingested document, neither filtered nor
de-duplicated, concatenated and cut. Text like an arm's own favours that arm, so both are scored on two held-out sets:
`curated`, the last sequences of the curated phase, and `unfiltered`, documents as they came. Neither arm trains on a
document of either set, nor on one that repeats a quarter of its text from them. What repeats less isn't noticed.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import torch

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError
from winnow.stages.shards.shard import INDEX, Phase, ShardIndex, ShardPhase, build_index, write_shard
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load as load_tokenizer
from winnow.trainer.config import PRESETS, TrainingError, preset
from winnow.trainer.evaluate import score, spelling_lengths
from winnow.trainer.held_out import documents_of, tail
from winnow.trainer.loop import Training
from winnow.trainer.overlap import overlap, windows_of
from winnow.trainer.parallel import World
from winnow.trainer.printing import say
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig

HELD_OUT = 0.1  # of the phase's sequences
MOST_HELD_OUT = 32_768  # tokens of each held-out set
MOST_OVERLAP = 0.25
ARMS = ("curated", "unfiltered")


@dataclass(frozen=True)
class Document:
    """A document of an arm, encoded, with the end-of-text token."""

    id: str
    source: str
    tokens: np.ndarray


HeldOut = dict[str, list[Sequences]]
"""The rows of each held-out set, by the arm whose text it is."""


def build_arms(run: str, out: Path, phase_name: str | None, tokens: int) -> tuple[ShardPhase, HeldOut]:
    """Writes `out/curated` and `out/unfiltered`, of about `tokens` tokens; returns the phase and the held-out rows.

    Raises `TrainingError` where the run kept no documents or its phase is too small.
    """
    workspace = Workspace(run)
    index_path = workspace.path(INDEX)
    index = ShardIndex.from_json(workspace.read_bytes(INDEX), index_path)
    phase = index.phase(phase_name) if phase_name else next(phase for phase in index.phases if phase.sequences)
    withheld = max(2, round(HELD_OUT * phase.sequences))
    size = min(withheld, max(2, MOST_HELD_OUT // phase.length))
    held_out = {"curated": list(tail(index_path, phase.name, withheld, size))}
    shares = _shares(held_out["curated"])

    encoder = load_tokenizer(workspace.path(str(index.tokenizer["path"])))
    pool = sorted(unfiltered(workspace, encoder, shares.keys()), key=lambda document: _order(document.id))
    if not pool:
        raise TrainingError(f"{workspace.path('documents')} holds no document of {', '.join(shares)}")
    apart = chosen(pool, shares)
    held_out["unfiltered"] = list(cut(apart, phase.length, np.dtype(index.dtype)))
    rows = [row for part in held_out.values() for row in part]
    seen = windows_of(np.concatenate([row.input_ids[0] for row in rows]))
    excluded = documents_of(rows) | {document.id for document in apart}

    curated = [
        row
        for row in ShardReader(index_path, phase.name, batch=1, withheld=withheld, lanes=1)
        if is_new(row, excluded, seen)
    ]
    if len(curated) < 4:
        raise TrainingError(f"phase {phase.name!r} has {len(curated)} sequences beside the held-out ones: too few")
    curated = curated[: -(-tokens // phase.length)]
    _write(out / "curated", phase, index, iter(curated))
    rest = (one for one in pool if one.id not in excluded and overlap(one.tokens, seen) < MOST_OVERLAP)
    shares = _shares(curated)
    full = (len(curated) + 1) * phase.length / sum(shares.values())  # as many rows, though these have no padding
    wanted = {source: round(full * share) for source, share in shares.items()}
    raw = cut(chosen(rest, wanted), phase.length, np.dtype(index.dtype))
    _write(out / "unfiltered", phase, index, islice(raw, len(curated)))
    return phase, held_out


def is_new(row: Sequences, excluded: set[str], seen: np.ndarray) -> bool:
    """Whether no segment of the row is of an excluded document or repeats the windows `seen`."""
    parts = (row.input_ids[0, start : start + size] for start, size in zip(row.positions, row.lengths, strict=True))
    return excluded.isdisjoint(documents_of([row])) and all(overlap(part, seen) < MOST_OVERLAP for part in parts)


def _shares(rows: list[Sequences]) -> dict[str, int]:
    """Tokens of each source."""
    shares: dict[str, int] = {}
    for row in rows:
        for source, length in zip(row.segments.field("source").to_pylist(), row.lengths.tolist(), strict=True):
            shares[source] = shares.get(source, 0) + length
    return shares


def _order(document: str) -> bytes:
    return hashlib.blake2b(document.encode(), digest_size=8).digest()


def unfiltered(workspace: Workspace, encoder: Encoder, sources: Any) -> Iterator[Document]:
    """Every document of the named sources as it was ingested."""
    end = encoder.special.get("<|endoftext|>")
    for name in workspace.list("documents", ".parquet"):
        table = workspace.read_table(name, columns=["id", "source", "text"])
        table = table.filter(pa.compute.is_in(table["source"], pa.array(list(sources))))
        encoded = encoder.encode(table["text"])
        bounds = encoded.offsets
        for row, (key, source) in enumerate(zip(table["id"].to_pylist(), table["source"].to_pylist(), strict=True)):
            tokens = encoded.ids[bounds[row] : bounds[row + 1]]
            yield Document(key, source, tokens if end is None else np.append(tokens, encoded.ids.dtype.type(end)))


def chosen(documents: Iterable[Document], wanted: dict[str, int]) -> list[Document]:
    """The first documents of each source until its tokens are full; the last one is cut to fit."""
    left = dict(wanted)
    taken = []
    for document in documents:
        room = left.get(document.source, 0)
        if room > 0:
            tokens = document.tokens[:room]
            left[document.source] -= len(tokens)
            taken.append(Document(document.id, document.source, tokens))
    return taken


def cut(documents: list[Document], length: int, dtype: np.dtype[Any]) -> Iterator[Sequences]:
    """Documents one after another, cut into rows of `length`; what is left at the end is dropped."""
    row: list[tuple[dict[str, Any], np.ndarray]] = []
    filled = 0
    for document in documents:
        offset = 0
        while offset < len(document.tokens):
            part = document.tokens[offset : offset + length - filled]
            segment = {
                "document": document.id,
                "source": document.source,
                "language": None,
                "position": filled,
                "length": len(part),
                "offset": offset,
                "continued": offset + len(part) < len(document.tokens),
            }
            row.append((segment, part))
            filled, offset = filled + len(part), offset + len(part)
            if filled == length:
                yield Sequences(
                    input_ids=np.concatenate([tokens for _, tokens in row])[None].astype(dtype),
                    segments=pa.array([segment for segment, _ in row], type=SEGMENT),
                    bounds=np.array([0, len(row)]),
                )
                row, filled = [], 0


def _write(folder: Path, phase: ShardPhase, index: ShardIndex, rows: Iterator[Sequences]) -> None:
    workspace = Workspace(str(folder))
    write_shard(workspace, f"shards/{phase.name}/part-00000.parquet", rows)
    same = Phase(name=phase.name, length=phase.length, rotary_base=phase.rotary_base)
    build_index(workspace, stage=index.stage, dtype=np.dtype(index.dtype), tokenizer=index.tokenizer, phases=[same])


def compare(
    run: str, out: Path, *, name: str, steps: int, batch_tokens: int, seeds: int, phase: str | None
) -> dict[str, Any]:
    """Trains both arms with every seed and scores them; writes `out/ablation.json`."""
    trained_on, held_out = build_arms(run, out, phase, steps * batch_tokens)
    workspace = Workspace(run)
    index = ShardIndex.from_json(workspace.read_bytes(INDEX), workspace.path(INDEX))
    spelled = spelling_lengths(workspace.path(str(index.tokenizer["path"])))
    scores: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for seed in range(seeds):
        for arm in ARMS:
            config = RunConfig(
                model=preset(name, vocab_size=index.tokenizer["vocabulary_size"]),
                schedule=Schedule(steps=steps),
                batch_tokens=batch_tokens,
                micro_tokens=batch_tokens,
                held_out=0.0,
                seed=seed,
                checkpoint_every=10,
                keep=1,
            )
            training = Training(str(out / arm), out / f"{arm}-{seed}", config, World())
            training.resume()
            training.run()
            model = training.model.eval()
            found = {text: score(model, iter(rows), spelled) for text, rows in held_out.items()}
            scores[arm].append(found)
            losses = "  ".join(f"on {text} text {figures['loss']:.4f}" for text, figures in found.items())
            say(f"seed {seed}  {arm:<10}  loss {losses}")
    results = {
        "phase": trained_on.name,
        "tokens": steps * batch_tokens,
        "held_out": {text: figures["tokens"] for text, figures in scores[ARMS[0]][0].items()},
        "arms": {arm: {text: _spread(found, text) for text in held_out} for arm, found in scores.items()},
        "seeds": scores,
    }
    (out / "ablation.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return results


def _spread(scores: list[dict[str, Any]], text: str) -> dict[str, float]:
    losses = [found[text]["loss"] for found in scores]
    deviation = statistics.stdev(losses) if len(losses) > 1 else 0.0
    bits = statistics.mean(found[text]["bits_per_byte"] for found in scores)
    return {"mean": statistics.mean(losses), "deviation": deviation, "bits_per_byte": bits}


@click.command(context_settings={"show_default": True})
@click.option("--run", required=True, help="A finished run, with its documents.")
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--preset", "name", default="nano", type=click.Choice(list(PRESETS)))
@click.option("--phase", default=None, help="Which phase to compare on; the first by default.")
@click.option("--steps", default=40)
@click.option("--batch-tokens", default=2_048)
@click.option("--seeds", default=3)
def main(run: str, out: Path, name: str, phase: str | None, steps: int, batch_tokens: int, seeds: int) -> None:
    """Trains on curated and on unfiltered documents and reports both losses on a held-out set."""
    try:
        torch.set_flush_denormal(True)
        out.mkdir(parents=True, exist_ok=True)
        results = compare(run, out, name=name, steps=steps, batch_tokens=batch_tokens, seeds=seeds, phase=phase)
    except (TrainingError, ShardError) as error:
        raise click.ClickException(str(error)) from error
    for arm, texts in results["arms"].items():
        for text, found in texts.items():
            say(
                f"trained on {arm:<10}  loss on {text} text {found['mean']:.4f} ± {found['deviation']:.4f} over {seeds} "
                f"seeds, {found['bits_per_byte']:.4f} bits per byte"
            )


if __name__ == "__main__":
    main()
