"""A batch for the model: the tokens of some sequences in one flat row, padding left out, and what to predict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from winnow.stages.shards.sequences import Sequences
from winnow.trainer.attention import Documents


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Which tokens predict what: at flat index `index` [N] the token `tokens` [N] is wanted; int64 both."""

    index: torch.Tensor
    tokens: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Batch:
    """T tokens of B sequences in one row. A document here is a segment: attention and positions restart with each.

    For the prediction layer every document but its last token counts again: T − D tokens at the indices `leading`,
    whose followers `following` it embeds; `lead_documents`, `lead_rows` and `ahead` are bounds and targets among those.
    """

    tokens: torch.Tensor  # int64 [T]
    positions: torch.Tensor  # int64 [T], from 0 in each document
    sources: torch.Tensor  # int64 [T], number of the token's source in `source_names`
    source_names: tuple[str, ...]
    documents: Documents
    rows: list[int]  # bounds of the sequences in the flat row, [B + 1]
    next: Targets
    leading: torch.Tensor  # int64 [T − D]
    following: torch.Tensor  # int64 [T − D], token ids
    lead_documents: Documents
    lead_rows: list[int]
    ahead: Targets

    def to(self, device: torch.device) -> Batch:
        if device.type == "cpu":
            return self
        moved: dict[str, Any] = {name: getattr(self, name).to(device) for name in _TENSORS}
        for name, part in (("next", self.next), ("ahead", self.ahead)):
            moved[name] = Targets(index=part.index.to(device), tokens=part.tokens.to(device))
        return replace(self, **moved)


_TENSORS = ("tokens", "positions", "sources", "leading", "following")


def make_batch(sequences: Sequences) -> Batch:
    """Flattens sequences; a target counts where it lies in its predecessor's document and the loss mask allows it."""
    starts = sequences.rows * sequences.length + sequences.positions
    lengths = sequences.lengths.astype(np.int64)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    inside = np.arange(bounds[-1])
    inside -= np.repeat(bounds[:-1], lengths)
    unpadded = np.array_equal(starts, bounds[:-1])  # then the tokens lie as they are wanted
    flat = slice(0, bounds[-1]) if unpadded else np.repeat(starts, lengths) + inside
    tokens = sequences.input_ids.reshape(-1)[flat].astype(np.int64)

    leads = _all_but_last(lengths)
    predicts, following = np.flatnonzero(leads), tokens[1:][leads[:-1]]
    lead_lengths = np.maximum(lengths - 1, 0)
    lead_bounds = np.concatenate([[0], np.cumsum(lead_lengths)])
    foresees = _all_but_last(lead_lengths)
    next_index, next_tokens = predicts, following
    ahead_index, ahead_tokens = np.flatnonzero(foresees), following[1:][foresees[:-1]]
    if sequences.loss_mask is not None:
        counts = sequences.loss_mask.reshape(-1)[flat]
        next_counts, ahead_counts = counts[predicts + 1], counts[predicts[ahead_index] + 2]
        next_index, next_tokens = next_index[next_counts], next_tokens[next_counts]
        ahead_index, ahead_tokens = ahead_index[ahead_counts], ahead_tokens[ahead_counts]

    sources = sequences.segments.field("source").dictionary_encode()
    return Batch(
        tokens=torch.from_numpy(tokens),
        positions=torch.from_numpy(inside),
        sources=torch.from_numpy(np.repeat(sources.indices.to_numpy().astype(np.int64), lengths)),
        source_names=tuple(sources.dictionary.to_pylist()),
        documents=Documents(bounds=bounds.tolist()),
        rows=bounds[sequences.bounds].tolist(),
        next=Targets(index=torch.from_numpy(next_index), tokens=torch.from_numpy(next_tokens)),
        leading=torch.from_numpy(predicts),
        following=torch.from_numpy(following),
        lead_documents=Documents(bounds=np.unique(lead_bounds).tolist()),
        lead_rows=lead_bounds[sequences.bounds].tolist(),
        ahead=Targets(index=torch.from_numpy(ahead_index), tokens=torch.from_numpy(ahead_tokens)),
    )


def _all_but_last(lengths: np.ndarray) -> np.ndarray:
    """True for every token of documents of these lengths, one after another, but the last of each; bool [T]."""
    inner = np.ones(lengths.sum(), dtype=bool)
    inner[np.cumsum(lengths[lengths > 0]) - 1] = False
    return inner
