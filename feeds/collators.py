"""Rows of `ShardDataset` and `ShardRows` as batches that other trainers take, each document by itself.

In all of them the loss and the gradients are those of the documents one by one; `docs/training-elsewhere.md` says what
happens without. Labels are −100 where no loss is due. Arguments are lists of rows, so that all of them serve as the
`collate_fn` of a `DataLoader`, the `data_collator` of a trainer or the `collate` of a data set.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch

from winnow.stages.shards.columns import IGNORED

Row = dict[str, Any]
Batch = dict[str, Any]
TENSORS = ("input_ids", "position_ids", "labels")


def stacked(rows: Sequence[Row]) -> Batch:
    """`input_ids`, `position_ids` and `labels`, int64 [B, L], and nothing else.

    transformers (≥ 4.53; eager, SDPA, Flex) parts the documents by the positions as long as there is no
    `attention_mask` and no cache: with `use_cache=False`, which our exports have set.
    """
    return {name: torch.stack([row[name] for row in rows]) for name in TENSORS}


def document_numbers(rows: Sequence[Row]) -> torch.Tensor:
    """Which document of its row each token belongs to, int64 [B, L]."""
    starts = torch.stack([row["position_ids"] for row in rows]) == 0
    return starts.cumsum(dim=1) - 1


def block_mask(rows: Sequence[Row], *, dtype: torch.dtype | None = None) -> Batch:
    """`stacked` and an `attention_mask` [B, 1, L, L]: causal inside each document, nothing between two.

    bool, True where attended, as SDPA takes it; with a floating `dtype` 0 and the least value, as eager attention takes
    it. L² elements a row: for rows up to some 8,192 tokens. Right with and without a cache.
    """
    numbers = document_numbers(rows)
    same = numbers[:, None, :, None] == numbers[:, None, None, :]
    allowed = same & torch.ones(same.shape[-2:], dtype=torch.bool).tril()
    if dtype is None:
        return {**stacked(rows), "attention_mask": allowed}
    least = torch.finfo(dtype).min
    return {**stacked(rows), "attention_mask": torch.zeros(allowed.shape, dtype=dtype).masked_fill(~allowed, least)}


def flex_mask(rows: Sequence[Row], *, device: str | torch.device = "cpu") -> Batch:
    """`stacked` and an `attention_mask` that is a `BlockMask` of FlexAttention, made on `device`."""
    from torch.nn.attention.flex_attention import create_block_mask

    numbers = document_numbers(rows).to(device)
    size, length = numbers.shape

    def attends(row: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        return (query >= key) & (numbers[row, query] == numbers[row, key])

    return {**stacked(rows), "attention_mask": create_block_mask(attends, size, None, length, length, device=device)}


def varlen(rows: Sequence[Row]) -> Batch:
    """All documents in one row of T tokens without padding, and the bounds that FlashAttention's varlen kernels take.

    `input_ids`, `position_ids`, `labels` int64 [1, T]; `cu_seq_lens_q` and `cu_seq_lens_k` int32 [D + 1]; `max_length_q`
    and `max_length_k` integers: transformers' own keyword arguments (`attn_implementation="flash_attention_2"`).
    """
    lengths, parts = [], []
    for row in rows:
        bounds = row["cu_seqlens"].tolist()
        if _is_padding(row, bounds):
            bounds.pop()
        lengths += [stop - start for start, stop in itertools.pairwise(bounds)]
        parts.append({name: row[name][: bounds[-1]] for name in TENSORS})
    bounds = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)
    most = max(lengths, default=0)
    flat = {name: torch.cat([part[name] for part in parts])[None] for name in TENSORS}
    return {**flat, "cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": most, "max_length_k": most}


def trl_row(row: Row) -> dict[str, list[int]]:
    """A row as TRL's collator for language modelling takes it with `padding_free=True`, padding left out.

    `input_ids`, `labels` and `seq_lengths`, lists of integers; the collator makes positions of the lengths.
    """
    bounds = row["cu_seqlens"].tolist()
    if _is_padding(row, bounds):
        bounds.pop()
    return {
        "input_ids": row["input_ids"][: bounds[-1]].tolist(),
        "labels": row["labels"][: bounds[-1]].tolist(),
        "seq_lengths": [stop - start for start, stop in itertools.pairwise(bounds)],
    }


def torchtitan(rows: Sequence[Row]) -> tuple[Batch, torch.Tensor]:
    """`({"input": [B, L], "positions": [B, L]}, labels [B, L])`, labels shifted, −100 where no loss is due.

    Attention must be parted by the positions: a mask made of end-of-text ids misses the ends of cut documents.
    """
    batch = stacked(rows)
    return {"input": batch["input_ids"], "positions": batch["position_ids"]}, _shifted(batch["labels"])


def nanotron(rows: Sequence[Row]) -> Batch:
    """`input_ids`, `position_ids`, `label_ids` int64 and `label_mask` bool, all [B, L]; labels are shifted.

    As nanotron's collator with position ids makes them for models with masks by document (`_use_doc_masking`).
    """
    batch = stacked(rows)
    wanted = _shifted(batch["labels"])
    following = torch.roll(batch["input_ids"], -1, dims=1)
    return {
        "input_ids": batch["input_ids"],
        "position_ids": batch["position_ids"],
        "label_ids": following,
        "label_mask": wanted != IGNORED,
    }


def _shifted(labels: torch.Tensor) -> torch.Tensor:
    """Labels of the next token in place of the token's own; the last has none."""
    return torch.cat([labels[:, 1:], labels.new_full((len(labels), 1), IGNORED)], dim=1)


def _is_padding(row: Row, bounds: Sequence[int]) -> bool:
    """Whether the last stretch of a row is padding."""
    return bool(row["padding"]) and len(bounds) > 1
