"""Small models and shards for the trainer's tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import torch

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import Phase, build_index, write_shard
from winnow.trainer.config import ModelConfig
from winnow.trainer.model import Transformer

VOCABULARY = 64

Packer = Callable[..., Sequences]


@pytest.fixture(scope="module", autouse=True)
def _repeatable(_subnormal_numbers: None) -> None:
    """As `winnow-train` sets the process up; one thread, so that a busy machine changes nothing."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True)


TINY = ModelConfig(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=64,
    moe_intermediate_size=16,
    num_hidden_layers=3,
    first_k_dense_replace=1,
    num_nextn_predict_layers=1,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    n_routed_experts=8,
    num_experts_per_tok=3,
    routed_scaling_factor=2.5,
    use_qk_norm=True,
    initializer_range=0.2,
)
"""Every feature of the model at the least size."""


@pytest.fixture(scope="session")
def tiny() -> ModelConfig:
    return TINY


def made(config: ModelConfig, seed: int = 0) -> Transformer:
    model = Transformer(config).initialise(seed)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
        for router in model.routers:
            router.e_score_correction_bias.normal_(0.0, 0.3, generator=generator)
    return model.eval()


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Transformer]:
    """A model in which every parameter and every correction bias counts."""
    return made


def packed(rows: list[list[int]], *, seed: int = 0, mask: bool = False, learnable: bool = False) -> Sequences:
    """Rows of documents of the given lengths; `learnable` documents count up, others are random."""
    random = np.random.default_rng(seed)
    segments, ids = [], []
    for lengths in rows:
        ids.append([])
        for length in lengths:
            segments.append(
                {
                    "document": f"{len(segments):032x}",
                    "source": ("web", "code")[len(segments) % 2],
                    "language": None,
                    "position": len(ids[-1]),
                    "length": length,
                    "offset": 0,
                    "continued": False,
                }
            )
            start = int(random.integers(VOCABULARY))
            counted = [(start + i) % VOCABULARY for i in range(length)]
            ids[-1] += counted if learnable else random.integers(0, VOCABULARY, length).tolist()
    longest = max(len(row) for row in ids)
    padded = np.array([row + [0] * (longest - len(row)) for row in ids], dtype=np.uint16)
    return Sequences(
        input_ids=padded,
        segments=pa.array(segments, type=SEGMENT),
        bounds=np.cumsum([0] + [len(lengths) for lengths in rows]),
        loss_mask=random.random(padded.shape) < 0.7 if mask else None,
    )


@pytest.fixture(scope="session")
def pack() -> Packer:
    return packed


@pytest.fixture
def shards(workspace: Workspace) -> Workspace:
    """A finished run of two phases: 48 sequences of 32 tokens, 24 of 64, that a model can learn."""
    for number, (length, count) in enumerate([(32, 48), (64, 24)]):
        rows = [[length // 2, length // 4, length - length // 2 - length // 4]] * count
        sequences = packed(rows, seed=number, learnable=True)
        write_shard(workspace, f"shards/length-{length}/part-00000.parquet", sequences)
    phases = [
        Phase(name="length-32", length=32, rotary_base=10_000.0),
        Phase(name="length-64", length=64, rotary_base=1_000_000.0),
    ]
    tokenizer = {"path": "tokenizer", "digest": "t0", "vocabulary_size": VOCABULARY}
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer=tokenizer, phases=phases)
    workspace.write_bytes("lock.json", b'{"run": 1}\n')
    return workspace
