"""A finished run of two sources that small models can tell apart, made by the steps of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from distributed import Client

from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.planning.plan_shards import Layout, mixing_steps, mixture_of, phases_of
from winnow.stages.run.unit import File, Unit
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.emit import Method
from winnow.stages.tokens.sample import SAMPLE, TRAIN_STEP, TrainTokenizer
from winnow.stages.tokens.schema import lists, tokens_path, tokens_schema
from winnow.tokenizer.load import load
from winnow.trainer.config import PRESETS, ModelConfig

SMALLEST = ModelConfig(
    vocab_size=600,
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
)
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


def prose(random: np.random.Generator) -> str:
    """Words of which each is followed by one of three."""
    place, said = int(random.integers(len(WORDS))), []
    for _ in range(int(random.integers(60, 160))):
        said.append(WORDS[place])
        place = (place * 7 + int(random.integers(3))) % len(WORDS)
    return " ".join(said)


def sums(random: np.random.Generator) -> str:
    """Lines of addition."""
    lines = []
    for _ in range(int(random.integers(20, 40))):
        a, b = (int(number) for number in random.integers(0, 5, 2))
        lines.append(f"{NUMBERS[a]} and {NUMBERS[b]} are {NUMBERS[min(a + b + 1, 9)]}.")
    return "\n".join(lines)


def manifest(**changes: Any) -> Manifest:
    return Manifest.model_validate(
        {
            "stage": "mid",
            "seed": 1,
            "mixture": {"sources": {"prose": 60, "sums": 40}, "epochs": 4},
            "curriculum": [{"length": 128, "share": 100}],
            **changes,
        }
    )


def make_run(
    folder: Path, tokenizer: Path | None = None, *, documents: int = 150, noise: float = 0.0, **changes: Any
) -> Path:
    """A run of so many documents of each source; `noise`: the part of the words of prose that are swapped at random."""
    random = np.random.default_rng(0)
    texts = {"prose": [prose(random) for _ in range(documents)], "sums": [sums(random) for _ in range(documents)]}
    if noise:
        texts["prose"] = [
            " ".join(str(random.choice(WORDS)) if random.random() < noise else word for word in text.split())
            for text in texts["prose"]
        ]
    asked = manifest(**changes)
    workspace = Workspace(str(folder))
    if tokenizer is None:
        every = [text for mine in texts.values() for text in mine]
        table = pa.table([pa.array(["all"] * len(every)), pa.array(every)], schema=SAMPLE)
        workspace.write_table("sample/all.parquet", table)
        training = TrainTokenizer(
            samples=(File("sample/all.parquet"),), vocabulary_size=600, special=("<|endoftext|>",)
        )
        TRAIN_STEP.work(workspace, Unit(name="tokenizer", asked=training))
    else:
        for path in Workspace(str(tokenizer)).list("tokenizer"):
            workspace.write_bytes(path, Workspace(str(tokenizer)).read_bytes(path))
    encoder = load(workspace.path("tokenizer"))
    schema = tokens_schema(encoder.dtype)
    for source, mine in texts.items():
        encoded = [encoder.encode(pa.array([text], pa.large_string())).ids for text in mine]
        columns = {
            "id": [f"{source}-{number:04d}" for number in range(len(mine))],
            "source": [source] * len(mine),
            "language": ["en"] * len(mine),
            "kind": ["tables"] * len(mine),
            "bucket": [-1] * len(mine),
            "tokens": lists(encoded, schema.field("tokens").type),
            "loss": [None] * len(mine),
            "cuts": [[]] * len(mine),
        }
        workspace.write_table(tokens_path(source), pa.Table.from_pydict(columns, schema=schema))
    layout = Layout(method=Method(asked.packing.value), seed=asked.seed, buckets=[1], loss_mask=False)
    for step, units in mixing_steps(["prose", "sums"], mixture_of(asked), phases_of(asked), layout):
        for unit in units:
            step.work(workspace, unit)
    lock = {"manifest": asked.model_dump(mode="json"), "made": folder.name}
    workspace.write_bytes("lock.json", json.dumps(lock).encode())
    return folder


@pytest.fixture(scope="package", autouse=True)
def smallest() -> Iterator[None]:
    """A preset that learns in seconds what sets the two sources apart."""
    PRESETS["smallest"] = SMALLEST
    yield
    del PRESETS["smallest"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of prose and sums."""
    return make_run(tmp_path_factory.mktemp("experiments") / "run")


@contextmanager
def here() -> Iterator[Client]:
    """A Dask client whose worker is a thread of this process."""
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        yield client


@pytest.fixture
def cluster() -> Callable[[], Any]:
    return here
