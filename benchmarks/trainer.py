"""Training speed beside Hugging Face's `Glm4MoeForCausalLM` of the same configuration and weights.

Forward and backward of the next-token loss on the same packed rows in one process, interleaved; medians of processor
time, so that a busy machine changes little. Their side gets position ids that restart with each document, from which
it masks documents (`use_cache=False`). Also: the model-FLOP rate beside the matrix-product rate measured in between,
the optimizer's share of a step of 16,384 tokens, and the way from a shard to batches. The two losses must agree before
anything is printed.

    python -m benchmarks.trainer [--tokens 4096] [--rounds 5] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import INDEX, Phase, build_index, write_shard
from winnow.trainer.batch import Batch, make_batch
from winnow.trainer.config import ModelConfig, preset
from winnow.trainer.export import export
from winnow.trainer.model import Transformer
from winnow.trainer.optimizer import OptimizerConfig, make_optimizers

LENGTH = 512
VOCABULARY = 16_384
STEP_TOKENS, MICRO_TOKENS = 16_384, 8_192  # of the step whose optimizer is timed


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--tokens", type=int, default=4_096)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=1)
    asked = arguments.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(asked.threads)
    torch.set_flush_denormal(True)
    config = preset("nano", vocab_size=VOCABULARY)
    model = Transformer(config).initialise(0)
    with torch.no_grad():
        for router in model.routers:
            router.e_score_correction_bias.normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
    with tempfile.TemporaryDirectory() as folder:
        export(model, Path(folder))
        theirs = their_model(folder)
    for documents in (4, 1):
        compare(model, theirs, config, asked.tokens, documents, asked.rounds)
    share_of_optimizer(model, min(3, asked.rounds))
    loader(asked.rounds)


def their_model(folder: str) -> torch.nn.Module:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).train()


def rows_of(tokens: int, documents: int) -> Sequences:
    """Rows of `LENGTH` random tokens in equally many documents of uneven length."""
    random = np.random.default_rng(0)
    count = tokens // LENGTH
    segments = []
    for _ in range(count):
        cuts = np.sort(random.choice(np.arange(16, LENGTH - 16), documents - 1, replace=False))
        for start, stop in zip([0, *cuts.tolist()], [*cuts.tolist(), LENGTH], strict=True):
            segments.append(
                {
                    "document": "",
                    "source": "random",
                    "language": None,
                    "position": start,
                    "length": stop - start,
                    "offset": 0,
                    "continued": False,
                }
            )
    return Sequences(
        input_ids=random.integers(0, VOCABULARY, (count, LENGTH), dtype=np.uint16),
        segments=pa.array(segments, type=SEGMENT),
        bounds=np.arange(0, count * documents + 1, documents),
    )


def compare(
    model: Transformer, theirs: torch.nn.Module, config: ModelConfig, tokens: int, documents: int, rounds: int
) -> None:
    sequences = rows_of(tokens, documents)
    batch = make_batch(sequences)
    ids = torch.from_numpy(sequences.input_ids.astype(np.int64))
    positions = batch.positions.view(ids.shape)
    labels = torch.full(ids.shape, -100)
    labels.view(-1)[batch.next.index + 1] = batch.next.tokens

    def our_step() -> float:
        state, _ = model.encode(batch.tokens, batch.positions, batch.documents, batch.rows)
        from winnow.trainer.loss import head_loss

        total, _ = head_loss(state[batch.next.index], model.lm_head.weight, batch.next.tokens)
        loss = total / len(batch.next.tokens)
        loss.backward()
        return loss.item()

    def their_step() -> float:
        loss = theirs(ids, position_ids=positions, labels=labels, use_cache=False).loss
        loss.backward()
        return loss.item()

    first, second = our_step(), their_step()
    assert abs(first - second) < 1e-4, f"the losses differ: {first} and {second}"
    seconds: dict[str, list[float]] = {"ours": [], "theirs": [], "products": []}
    for _ in range(rounds):
        for name, work in (("ours", our_step), ("theirs", their_step), ("products", product_rate)):
            model.zero_grad(set_to_none=True)
            theirs.zero_grad(set_to_none=True)
            seconds[name].append(timed(work) if name != "products" else product_rate())
    ours, other = statistics.median(seconds["ours"]), statistics.median(seconds["theirs"])
    ratio = statistics.median(b / a for a, b in zip(seconds["ours"], seconds["theirs"], strict=True))
    rate = flops(config, batch) / ours
    products = statistics.median(seconds["products"])
    name = f"{documents} documents a row" if documents > 1 else "one document a row"
    print(f"{name}: ours {tokens / ours:,.0f}, theirs {tokens / other:,.0f} tokens/s")
    print(f"  ratio of medians {other / ours:.2f}, median of ratios {ratio:.2f}")
    print(f"  {rate / 1e9:.1f} GFLOP/s of the model, {rate / products:.0%} of matrix products' {products / 1e9:.1f}")


def timed(work: Callable[[], float]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def product_rate() -> float:
    """Floating-point operations a second of a large fp32 matrix product."""
    a = torch.randn(1024, 1024)
    begun = time.process_time()
    for _ in range(8):
        a @ a
    return 8 * 2 * 1024**3 / (time.process_time() - begun)


def flops(config: ModelConfig, batch: Batch) -> float:
    """Floating-point operations of forward and backward: 6 a token and active weight, and causal attention."""
    attention = config.hidden_size * config.head_dim * (2 * config.num_attention_heads + 2 * config.num_key_value_heads)
    dense = 3 * config.hidden_size * config.intermediate_size
    active = config.num_experts_per_tok + config.n_shared_experts
    sparse = config.hidden_size * (3 * active * config.moe_intermediate_size + config.n_routed_experts)
    layers = config.num_hidden_layers
    weights = layers * attention + dense + (layers - 1) * sparse
    scores = sum(length * length for length in batch.documents.lengths) / 2
    per_score = 4 * config.num_attention_heads * config.head_dim * 3 * layers
    head = config.hidden_size * config.vocab_size * len(batch.next.tokens)
    return 6 * (weights * len(batch.tokens) + head) + per_score * scores


def share_of_optimizer(model: Transformer, rounds: int) -> None:
    """The optimizer's share of a whole step, prediction layer and all, of `STEP_TOKENS` tokens."""
    batches = [make_batch(rows_of(MICRO_TOKENS, 4))] * (STEP_TOKENS // MICRO_TOKENS)
    optimizers = make_optimizers(model, OptimizerConfig())

    def gradients() -> float:
        for batch in batches:
            losses = model(batch)
            ((losses.next + losses.ahead.sum()) / STEP_TOKENS).backward()
        return 0.0

    def update() -> float:
        for optimizer in optimizers:
            optimizer.step()
        return 0.0

    work, updates = [], []
    for _ in range(rounds):
        model.zero_grad(set_to_none=True)
        work.append(timed(gradients))
        updates.append(timed(update))
    share = statistics.median(u / (w + u) for w, u in zip(work, updates, strict=True))
    print(f"optimizer: {share:.1%} of a step of {STEP_TOKENS:,} tokens ({statistics.median(updates):.2f} s)")


def loader(rounds: int) -> None:
    """From a shard on the disk to batches of tensors: what training pays for its data."""
    rows = rows_of(1 << 20, 4)
    reading, both = [], []
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        write_shard(workspace, "shards/short/part-00000.parquet", rows)
        tokenizer = {"path": "tokenizer", "digest": "", "vocabulary_size": VOCABULARY}
        phase = Phase(name="short", length=LENGTH, rotary_base=10_000.0)
        build_index(workspace, stage="mid", dtype=np.uint16, tokenizer=tokenizer, phases=[phase])
        for _ in range(rounds):
            begun = time.process_time()
            for _ in ShardReader(workspace.path(INDEX), "short", batch=16):
                pass
            between = time.process_time()
            for sequences in ShardReader(workspace.path(INDEX), "short", batch=16):
                make_batch(sequences)
            reading.append(rows.input_ids.size / (between - begun))
            both.append(rows.input_ids.size / (time.process_time() - between))
    print(f"loader: {statistics.median(both) / 1e6:.0f} M tokens/s a core from the shard to batches of 8,192 tokens,")
    print(f"  {statistics.median(reading) / 1e6:.0f} M tokens/s for the reader alone")


if __name__ == "__main__":
    main()
