"""Evaluation against a slow, obvious reckoning: softmax of whole logits, one document at a time."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import Sequences
from winnow.stages.shards.shard import INDEX, ShardIndex
from winnow.tokenizer.encoder import digest_of
from winnow.tokenizer.train import train_model
from winnow.trainer.batch import make_batch
from winnow.trainer.config import ModelConfig
from winnow.trainer.evaluate import evaluate_run, length_cost, long_windows, one_document, print_results, score
from winnow.trainer.history import History
from winnow.trainer.loop import Training
from winnow.trainer.model import Transformer
from winnow.trainer.parallel import World
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig

MakeModel = Callable[..., Transformer]


def losses_of(model: Transformer, tokens: np.ndarray) -> torch.Tensor:
    """Cross-entropy of each token but the first of one document, from its logits."""
    with torch.no_grad():
        logits = model.logits(make_batch(one_document(tokens))).double()
    return -torch.log_softmax(logits[:-1], dim=-1)[torch.arange(len(tokens) - 1), torch.tensor(tokens[1:].astype(int))]


def test_scores_are_means_over_documents_and_sources(
    make_model: MakeModel, tiny: ModelConfig, pack: Callable[..., Sequences]
) -> None:
    model = make_model(tiny)
    rows = [pack([lengths], seed=number) for number, lengths in enumerate([[20, 7, 5], [1, 31], [9, 2, 21]])]
    sizes = np.arange(64) % 5  # bytes that each token stands for
    nats: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    spelled: dict[str, int] = defaultdict(int)
    for row in rows:
        for segment in row.segments.to_pylist():
            tokens = row.input_ids[0, segment["position"] : segment["position"] + segment["length"]]
            nats[segment["source"]] += float(losses_of(model, tokens).sum())
            counts[segment["source"]] += len(tokens) - 1
            spelled[segment["source"]] += int(sizes[tokens[1:]].sum())
    found = score(model, iter(rows), sizes)
    assert found["tokens"] == sum(counts.values())
    assert found["loss"] == pytest.approx(sum(nats.values()) / sum(counts.values()), rel=1e-5)
    assert set(found["sources"]) == {"web", "code"}
    for source, figures in found["sources"].items():
        assert figures["tokens"] == counts[source]
        assert figures["perplexity"] == pytest.approx(math.exp(nats[source] / counts[source]), rel=1e-5)
        assert figures["bits_per_byte"] == pytest.approx(nats[source] / math.log(2) / spelled[source], rel=1e-5)


def test_balance_is_that_of_all_rows_together(
    make_model: MakeModel, tiny: ModelConfig, pack: Callable[..., Sequences]
) -> None:
    model = make_model(tiny)
    rows = [pack([[16, 16]], seed=number) for number in range(3)]
    with torch.no_grad():
        loads = sum(model(make_batch(row)).loads for row in rows)
    wanted = [float(max(load) / (sum(load) / len(load)) - 1) for load in loads.tolist()]
    assert score(model, iter(rows))["max_violation"] == pytest.approx(wanted, abs=1e-4)


def test_long_windows_lie_inside_one_document(pack: Callable[..., Sequences]) -> None:
    row = pack([[10, 33, 21]])
    found = [window.tolist() for window in long_windows(iter([row]), 10)]
    ids = row.input_ids[0].tolist()
    assert found == [ids[start : start + 10] for start in (0, 10, 20, 30, 43, 53)]
    assert list(long_windows(iter([row]), 34)) == []


def test_qd_compares_the_same_targets_read_from_near_and_from_afar(make_model: MakeModel, tiny: ModelConfig) -> None:
    model = make_model(tiny)
    random = np.random.default_rng(5)
    windows = [random.integers(0, 64, 48, dtype=np.uint16) for _ in range(3)]
    far = torch.stack([losses_of(model, window)[-8:] for window in windows]).mean().exp()
    near = torch.stack([losses_of(model, window[-16:])[-8:] for window in windows]).mean().exp()
    found = length_cost(model, windows, 16)
    assert found["perplexity"] == pytest.approx(float(far), rel=1e-5)
    assert found["base_perplexity"] == pytest.approx(float(near), rel=1e-5)
    assert found["qd"] == pytest.approx(float(far / near) - 1, abs=1e-5) and abs(found["qd"]) > 1e-3
    assert (found["windows"], found["targets"], found["base"]) == (3, 24, 16)


def test_a_model_that_reads_nothing_far_has_no_cost_of_length(make_model: MakeModel, tiny: ModelConfig) -> None:
    """Without values attention adds nothing, so a token's loss can't depend on where its window begins."""
    model = make_model(replace(tiny, num_hidden_layers=1))
    with torch.no_grad():
        for block in model.layers:
            block.self_attn.v_proj.weight.zero_()
            block.self_attn.v_proj.bias.zero_()
    windows = [np.random.default_rng(6).integers(0, 64, 40, dtype=np.uint16)]
    assert length_cost(model, windows, 8)["qd"] == pytest.approx(0.0, abs=1e-6)


def test_a_run_is_evaluated_on_held_out_documents_that_it_did_not_read(
    shards: Workspace, tiny: ModelConfig, tmp_path: Path
) -> None:
    model = train_model(["a few words to learn letters from " * 40], 340)
    shards.write_bytes("tokenizer/tokenizer.model", model)
    index = ShardIndex.from_json(shards.read_bytes(INDEX))
    known = {**index.tokenizer, "path": "tokenizer/tokenizer.model", "digest": digest_of(model)}
    shards.write_bytes(INDEX, replace(index, tokenizer=known).to_json())
    config = RunConfig(
        model=tiny,
        schedule=Schedule(steps=4),
        batch_tokens=128,  # four rows of 32 or two of 64
        held_out=0.5,
    )
    Training(shards.path(""), tmp_path, config, World()).run()
    found = evaluate_run(shards.path(""), tmp_path, most_tokens=1 << 20)

    documents = {}  # of each phase, row by row, id and length; both phases count their documents from 0
    for name in ("length-32", "length-64"):
        rows = pq.read_table(shards.path(f"shards/{name}/part-00000.parquet"))["segments"].to_pylist()
        documents[name] = [[(one["document"], one["length"]) for one in row] for row in rows]
    taken = {"length-32": 2 * 4, "length-64": 2 * 2}  # rows; each phase got two of the steps
    assert [note["phase"] for note in History(tmp_path / "steps.jsonl")] == ["length-32"] * 2 + ["length-64"] * 2
    read = {document for name, rows in documents.items() for row in rows[: taken[name]] for document, _ in row}
    for name, rows in documents.items():
        held_out = [one for row in rows[len(rows) // 2 :] for one in row]
        assert found["phases"][name]["tokens"] == sum(
            length - 1 for document, length in held_out if document not in read
        )
    assert found["qd"] == {}  # no document has 64 tokens
    assert json.loads((tmp_path / "evaluation.json").read_text()) == found


def test_results_are_printed_by_phase_source_and_length(
    make_model: MakeModel, tiny: ModelConfig, pack: Callable[..., Sequences]
) -> None:
    model, lines = make_model(tiny), list[str]()
    windows = [np.arange(32, dtype=np.uint16)]
    found = score(model, iter([pack([[20, 12]])]))
    print_results({"phases": {"short": found}, "qd": {"32": length_cost(model, windows, 8)}}, lines.append)
    assert [line.split()[0] for line in lines] == ["short:", "code", "web", "all", "drafts", "window"]
    assert f"{found['perplexity']:.2f}" in lines[3]
