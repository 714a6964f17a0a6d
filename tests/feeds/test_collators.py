"""Every collator gives the loss and the gradients of the documents one by one; the obvious other ways don't."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformers import AutoModelForCausalLM, PreTrainedModel

from tests.feeds.conftest import export_model
from winnow.torch import ShardDataset, block_mask, flex_mask, nanotron, stacked, torchtitan, trl_row, varlen

TOLERANCE = 1e-6
Result = tuple[float, torch.Tensor]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of ours as `winnow-train` exports it."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("model")
    export_model(folder)
    return folder


@pytest.fixture(scope="module")
def rows(index: str) -> list[dict[str, Any]]:
    """Two packed rows, read from a shard: six documents, padding, a loss mask."""
    return next(iter(ShardDataset(index, "short", batch_size=2, shuffle=False)))


def load(folder: Path, attention: str = "sdpa") -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention).eval()


def gradients(model: PreTrainedModel) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def total(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of labels that are shifted already."""
    return cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


@pytest.fixture(scope="module")
def one_by_one(exported: Path, rows: list[dict[str, Any]]) -> Result:
    """The oracle: every document alone through the model, the losses of its tokens summed by hand."""
    model = load(exported, "eager")
    losses, count = torch.zeros(()), 0
    for row in rows:
        bounds = row["cu_seqlens"].tolist()
        for start, stop in pairwise(bounds[:-1]):
            logits = model(input_ids=row["input_ids"][None, start:stop]).logits[0]
            for place in range(start + 1, stop):
                if row["labels"][place] >= 0:
                    losses = losses - logits[place - start - 1].log_softmax(-1)[row["input_ids"][place]]
                    count += 1
    loss = losses / count
    loss.backward()
    return loss.item(), gradients(model)


def ours(model: PreTrainedModel, batch: dict[str, Any]) -> Result:
    loss = model(**batch).loss
    loss.backward()
    return loss.item(), gradients(model)


def agrees(found: Result, wanted: Result) -> None:
    assert abs(found[0] - wanted[0]) <= TOLERANCE
    assert (found[1] - wanted[1]).abs().max() <= TOLERANCE * max(1.0, float(wanted[1].abs().max()))


CASES: dict[str, tuple[str, Callable[[list[dict[str, Any]]], dict[str, Any]]]] = {
    "positions alone, SDPA": ("sdpa", stacked),
    "positions alone, eager": ("eager", stacked),
    "block mask, SDPA": ("sdpa", block_mask),
    "block mask, eager": ("eager", lambda rows: block_mask(rows, dtype=torch.float32)),
    "block mask, SDPA, with a cache": ("sdpa", lambda rows: {**block_mask(rows), "use_cache": True}),
    "flattened": ("sdpa", varlen),
}


@pytest.mark.parametrize(("attention", "collate"), CASES.values(), ids=CASES)
def test_transformers_trains_on_each_document_by_itself(
    exported: Path, rows: list[dict[str, Any]], one_by_one: Result, attention: str, collate: Callable[..., Any]
) -> None:
    agrees(ours(load(exported, attention), collate(rows)), one_by_one)


@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention_parts_the_documents(rows: list[dict[str, Any]]) -> None:
    """The block mask lets through what the dense one does; the compiled kernel itself wants a GPU."""
    made = flex_mask(rows)["attention_mask"]
    size, length = 2, 24
    at = torch.arange(length)
    row, query, key = torch.meshgrid(torch.arange(size), at, at, indexing="ij")
    dense = made.mask_mod(row, torch.zeros(()), query, key)
    assert torch.equal(dense, block_mask(rows)["attention_mask"][:, 0])
    random = torch.Generator().manual_seed(0)
    states = [torch.randn(size, 1, length, 16, generator=random) for _ in range(3)]
    found = flex_attention(*states, block_mask=made)
    wanted = scaled_dot_product_attention(*states, attn_mask=block_mask(rows)["attention_mask"])
    assert (found - wanted).abs().max() <= TOLERANCE


def test_varlen_bounds_part_the_documents(rows: list[dict[str, Any]]) -> None:
    batch = varlen(rows)
    assert batch["cu_seq_lens_q"].tolist() == [0, 8, 9, 21, 29, 30, 42] and batch["cu_seq_lens_q"].dtype == torch.int32
    assert (batch["max_length_q"], batch["input_ids"].shape) == (12, (1, 42))
    starts = batch["cu_seq_lens_k"][:-1].long()
    assert (batch["position_ids"][0] == 0).nonzero().flatten().tolist() == starts.tolist()


def test_shifted_batches_of_torchtitan_and_nanotron(
    exported: Path, rows: list[dict[str, Any]], one_by_one: Result
) -> None:
    """Their models take positions and give logits; here ours stands for them."""
    inputs, labels = torchtitan(rows)
    model = load(exported)
    loss = total(model(input_ids=inputs["input"], position_ids=inputs["positions"]).logits, labels)
    loss.backward()
    agrees((loss.item(), gradients(model)), one_by_one)

    batch = nanotron(rows)
    model = load(exported)
    logits = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"]).logits
    each = cross_entropy(logits.flatten(0, 1), batch["label_ids"].flatten(), reduction="none")
    loss = (each * batch["label_mask"].flatten()).sum() / batch["label_mask"].sum()
    loss.backward()
    agrees((loss.item(), gradients(model)), one_by_one)


def test_rows_for_trl_hold_lengths_that_make_the_positions(
    exported: Path, rows: list[dict[str, Any]], one_by_one: Result
) -> None:
    """What TRL's collator documents of `padding_free`: rows joined, positions from `seq_lengths`, first labels ignored."""
    examples = [trl_row(row) for row in rows]
    positions = torch.cat([torch.arange(n) for example in examples for n in example["seq_lengths"]])[None]
    ids = torch.tensor([token for example in examples for token in example["input_ids"]])[None]
    labels = torch.tensor([label for example in examples for label in example["labels"]])[None]
    labels[positions == 0] = -100
    batch = {"input_ids": ids, "position_ids": positions, "labels": labels}
    agrees(ours(load(exported), batch), one_by_one)


@pytest.mark.parametrize("wrong", ["plain rows", "a mask of ones", "a cache"])
def test_the_obvious_other_ways_are_wrong(
    exported: Path, rows: list[dict[str, Any]], one_by_one: Result, wrong: str
) -> None:
    batch = stacked(rows)
    if wrong == "plain rows":
        del batch["position_ids"]
    elif wrong == "a mask of ones":
        batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    else:
        batch["use_cache"] = True
    with torch.no_grad():
        assert abs(load(exported)(**batch).loss.item() - one_by_one[0]) > 1e-3
