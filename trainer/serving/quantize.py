"""`winnow-train quantize`: an export in fewer bits by several tools, and a table of what each costs.

Every variant reads the same held-out windows, of documents that no step of the training has read, and is compared with the
model in bf16. llama.cpp and llm-compressor work in environments of their own (`make quantize-test` makes them); the table
leaves out, by name, what has no environment.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import ShardError
from winnow.tokenizer.load import load
from winnow.trainer.batch import make_batch
from winnow.trainer.config import TrainingError
from winnow.trainer.evaluate import one_document
from winnow.trainer.export import import_checkpoint
from winnow.trainer.held_out import Split, split_of
from winnow.trainer.model import Transformer
from winnow.trainer.printing import say
from winnow.trainer.serving.gguf import convert

REPORT = "quantization.json"
SCHEMES = ("fp8", "int8", "int4")
GGUF = ("bf16", "q8_0", "q4_0")
SHORTEST = 32  # tokens of a window
HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Pythons of the environments of llama.cpp and llm-compressor, and llama.cpp's sources."""

    llama: Path
    llama_cpp: Path
    compress: Path
    threads: int = 1  # on a machine that does other work, two of them wait for each other


def held_out_windows(split: Split, most: int) -> Iterator[list[int]]:
    """Token ids of unread documents' pieces, about `most` tokens in all.

    A piece has at least `SHORTEST` tokens and no special one: at those llama.cpp ends an answer and tells no probability.
    """
    read = split.read()
    special = list(load(split.tokenizer()).special.values())
    for phase in split.phases():
        for row in split.unread(phase, read):
            for position, length in zip(row.positions.tolist(), row.lengths.tolist(), strict=True):
                ids = row.input_ids[0, position : position + length].astype(np.int64)
                for piece in np.split(ids, np.flatnonzero(np.isin(ids, special))):
                    text = piece[1:] if len(piece) and piece[0] in special else piece
                    if len(text) >= SHORTEST and most > 0:
                        most -= len(text)
                        yield text.tolist()


def training_windows(split: Split, count: int) -> list[list[int]]:
    """The first sequences of the shortest phase, which the training has read."""
    name = min(split.phases(), key=lambda phase: phase.length).name
    rows = ShardReader(split.index_path, name, batch=1, lanes=1)
    return [row.input_ids[0].tolist() for row in islice(rows, count)]


@torch.no_grad()
def perplexity(model: Transformer, windows: Sequence[Sequence[int]]) -> float:
    """Of every token but each window's first."""
    depths = model.config.num_nextn_predict_layers
    losses = [model(make_batch(one_document(np.array(window)), depths)).next_each.double() for window in windows]
    return math.exp(float(torch.cat(losses).mean()))


def quantize(run: str, trained: Path, out: Path, tools: Tools, most_tokens: int) -> dict[str, Any]:
    """Writes each variant of `trained/huggingface` into `out`, and `out/quantization.json` with a row for each."""
    model = trained / "huggingface"
    split = split_of(run, trained)
    windows = list(held_out_windows(split, most_tokens))
    if not windows:
        raise TrainingError(f"{run}: no held-out document that training hasn't read has {SHORTEST} tokens in a piece")
    out.mkdir(parents=True, exist_ok=True)
    held_out, seen = out / "held_out.jsonl", out / "calibration.jsonl"
    held_out.write_text("".join(json.dumps(window) + "\n" for window in windows))
    seen.write_text("".join(json.dumps(window) + "\n" for window in training_windows(split, 128)))
    report: dict[str, Any] = {
        "windows": len(windows),
        "tokens": sum(map(len, windows)) - len(windows),
        "rows": {"bf16": _bf16(model, windows)},
        "left_out": {},
    }
    for kind in GGUF:
        file = out / f"{kind}.gguf"
        if tools.llama.exists():
            convert(model, file, tools.llama_cpp, kind, prediction=False)
            command: list[str | Path] = [
                tools.llama,
                HERE / "llama.py",
                "score",
                file,
                held_out,
                "--threads",
                str(tools.threads),
            ]
            report["rows"][f"gguf {kind}"] = _told(command)
        else:
            report["left_out"][f"gguf {kind}"] = f"{tools.llama} is missing: make quantize-test makes it"
    for scheme in SCHEMES:
        if tools.compress.exists():
            given: list[str | Path] = ["--scheme", scheme, "--windows", held_out, "--calibration", seen]
            report["rows"][scheme] = _told([tools.compress, HERE / "compress.py", model, out / scheme, *given])
        else:
            report["left_out"][scheme] = f"{tools.compress} is missing: make quantize-test makes it"
    (out / REPORT).write_text(json.dumps(report, indent=1) + "\n")
    return report


def _bf16(folder: Path, windows: Sequence[Sequence[int]]) -> dict[str, Any]:
    model = import_checkpoint(folder).to(torch.bfloat16).eval()
    parameters = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("prediction."))
    return {"perplexity": perplexity(model, windows), "bytes": 2 * parameters}


def _told(command: Sequence[str | Path]) -> dict[str, Any]:
    """What a tool prints on its last line. Raises `TrainingError` with its last words where it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TrainingError(f"{Path(command[1]).name} ended with status {done.returncode}: {done.stderr[-1500:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(report: Mapping[str, Any]) -> str:
    """Rows of Markdown: size and perplexity beside bf16's, tokens a second where the variant runs here."""
    base = report["rows"]["bf16"]
    lines = ["| variant | MB | of bf16 | perplexity | against bf16 | tokens/s |", "|---|---|---|---|---|---|"]
    for name, row in report["rows"].items():
        change = 100 * (row["perplexity"] / base["perplexity"] - 1)
        speed = f"{row['tokens_per_second']:,.0f}" if "tokens_per_second" in row else "–"
        lines.append(
            f"| {name} | {row['bytes'] / 1e6:.1f} | {row['bytes'] / base['bytes']:.2f} | {row['perplexity']:.2f} "
            f"| {change:+.2f} % | {speed} |"
        )
    lines += [f"{name}: left out, {reason}" for name, reason in report["left_out"].items()]
    return "\n".join(lines)


@click.command()
@click.option("--run", required=True, help="The run whose shards the model was trained on.")
@click.option("--model", required=True, type=click.Path(path_type=Path), help="The --out of its training.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where variants and the table go.")
@click.option("--llama", default=".venv-llama/bin/python", type=click.Path(path_type=Path), show_default=True)
@click.option("--llama-cpp", default=".venv-llama/llama.cpp", type=click.Path(path_type=Path), show_default=True)
@click.option("--compress", default=".venv-compress/bin/python", type=click.Path(path_type=Path), show_default=True)
@click.option("--threads", default=1, show_default=True, help="Of llama.cpp.")
@click.option("--most-tokens", default=20_000, show_default=True, help="Held-out tokens to read.")
def main(
    run: str, model: Path, out: Path, llama: Path, llama_cpp: Path, compress: Path, threads: int, most_tokens: int
) -> None:
    """FP8, INT8 and INT4 of a trained model by llm-compressor, GGUF by llama.cpp, and what each costs in perplexity."""
    torch.set_flush_denormal(True)
    tools = Tools(llama=llama.absolute(), llama_cpp=llama_cpp, compress=compress.absolute(), threads=threads)
    try:
        say(table(quantize(run, model, out, tools, most_tokens)))
    except (TrainingError, ShardError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
