"""A run of two phases whose rows carry their number, with documents, padding and a loss mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import Phase, build_index, write_shard
from winnow.trainer.config import ModelConfig
from winnow.trainer.export import export
from winnow.trainer.model import Transformer

VOCABULARY = 64
SHORT, LONG = 24, 48


def packed(first: int, rows: int, length: int, *, mask: bool) -> Sequences:
    """Rows of three documents and three tokens of padding; the offset of a row's first document is its number."""
    random = np.random.default_rng(length + first)
    edges = np.array([0, length // 3, length // 3 + 1, length - 3])
    segments = [
        {
            "document": f"{number}-{place}",
            "source": ("web", "code", "web")[place],
            "language": None,
            "position": int(edges[place]),
            "length": int(edges[place + 1] - edges[place]),
            "offset": number if place == 0 else 0,
            "continued": False,
        }
        for number in range(first, first + rows)
        for place in range(3)
    ]
    ids = random.integers(0, VOCABULARY, (rows, length)).astype(np.uint16)
    return Sequences(
        input_ids=ids,
        segments=pa.array(segments, type=SEGMENT),
        bounds=np.arange(0, 3 * rows + 1, 3),
        loss_mask=random.random(ids.shape) < 0.7 if mask else None,
    )


def export_model(folder: Path) -> None:
    """A small model of ours as `winnow-train` exports it."""
    config = ModelConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        moe_intermediate_size=16,
        num_hidden_layers=2,
        first_k_dense_replace=1,
        num_nextn_predict_layers=0,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        n_routed_experts=4,
        num_experts_per_tok=2,
        initializer_range=0.2,
    )
    export(Transformer(config).initialise(0), folder)


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    workspace = Workspace(str(tmp_path_factory.mktemp("run")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("winnow.stages.shards.shard.GROUP_TOKENS", 4 * SHORT)
        write_shard(workspace, "shards/short/0.parquet", packed(0, 20, SHORT, mask=True))
        write_shard(workspace, "shards/short/1.parquet", packed(20, 16, SHORT, mask=True))
        write_shard(workspace, "shards/long/0.parquet", packed(1000, 12, LONG, mask=True))
    phases = [Phase(name="short", length=SHORT, rotary_base=1e4), Phase(name="long", length=LONG, rotary_base=1e4)]
    tokenizer = {"path": "tokenizer", "digest": "t0", "vocabulary_size": VOCABULARY, "end": 0}
    build_index(workspace, stage="sft", dtype=np.uint16, tokenizer=tokenizer, phases=phases)
    return workspace.path("shards/index.json")
