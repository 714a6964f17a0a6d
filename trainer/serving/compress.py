"""An export with fewer bits by llm-compressor, and its perplexity with them.

    .venv-compress/bin/python trainer/serving/compress.py MODEL OUT --scheme int8 --windows held_out.jsonl

llm-compressor asks for other packages than the trainer, so this file runs in an environment of its own and imports nothing
of Winnow. What it writes is the layout `compressed-tensors`, which vLLM serves on a GPU. Embeddings, head and routers stay
in bf16, the correction bias in fp32; the prediction layer isn't written, as transformers doesn't load it. The last line
that it prints is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from llmcompressor import oneshot
from llmcompressor.modifiers.gptq import GPTQModifier
from llmcompressor.modifiers.quantization import QuantizationModifier
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

APART = ["lm_head", "re:.*mlp.gate$"]  # few weights, on which every token and every choice of an expert depends
GROUP = 32  # weights of a row that share a scale; narrow experts have no room for the usual 128
CALIBRATION = 128  # windows


def recipe(scheme: str) -> Any:
    """FP8 and INT8 by their largest values, activations scaled token by token; INT4 weights alone, by GPTQ."""
    if scheme != "int4":
        return QuantizationModifier(
            targets="Linear", scheme={"fp8": "FP8_DYNAMIC", "int8": "W8A8"}[scheme], ignore=APART
        )
    weights = QuantizationArgs(num_bits=4, type="int", symmetric=True, strategy="group", group_size=GROUP)
    group = QuantizationScheme(targets=["Linear"], weights=weights)
    return GPTQModifier(config_groups={"group_0": group}, ignore=APART)


@torch.no_grad()
def perplexity(model: PreTrainedModel, windows: Sequence[Sequence[int]]) -> float:
    """Of every token but each window's first."""
    nats, count = 0.0, 0
    for window in windows:
        ids = torch.tensor([window])
        logits = model(ids, use_cache=False).logits[0, :-1].float()
        nats += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").double())
        count += len(window) - 1
    return math.exp(nats / count)


def read(path: Path | None) -> list[list[int]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of an export")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--scheme", choices=["fp8", "int8", "int4"], required=True)
    parser.add_argument("--windows", type=Path, help="held-out token ids to score, a list of them in each line")
    parser.add_argument("--calibration", type=Path, help="the same of text that was trained on; int4 asks for it")
    given = parser.parse_args()
    if given.scheme == "int4" and not given.calibration:
        parser.error("int4 asks for --calibration: GPTQ weighs what a weight's rounding costs on real text")
    windows = read(given.windows)
    told: dict[str, Any] = {}
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.bfloat16).eval()
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    data: dict[str, Any] = {}
    if given.scheme == "int4":
        from datasets import Dataset

        rows = read(given.calibration)[:CALIBRATION]
        data = {
            "dataset": Dataset.from_dict({"input_ids": rows, "attention_mask": [[1] * len(row) for row in rows]}),
            "num_calibration_samples": len(rows),
            "max_seq_length": max(map(len, rows)),
        }
    oneshot(model=model, recipe=recipe(given.scheme), tokenizer=tokenizer, **data)
    if windows:
        told["perplexity"] = perplexity(model, windows)  # before saving, which packs the weights of this very model
    given.out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(given.out)
    for path in given.model.iterdir():
        if path.name not in ("config.json", "generation_config.json") and not path.name.startswith("model"):
            shutil.copy(path, given.out / path.name)
    told["bytes"] = sum(path.stat().st_size for path in given.out.glob("*.safetensors"))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
