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

    def to(self, device: torch.device) -> Targets:
        return Targets(index=self.index.to(device), tokens=self.tokens.to(device))


@dataclass(frozen=True, kw_only=True)
class Depth:
    """What the prediction layer of depth k (from 1) reads, and what it is asked: every document but its last k tokens.

    These N tokens lie at the indices `leading` among those of the depth before (depth 0 is the batch itself). At each
    the layer embeds `following`, the token k places on, and foresees the one after it.
    """

    leading: torch.Tensor  # int64 [N]
    following: torch.Tensor  # int64 [N], token ids
    documents: Documents
    rows: list[int]  # bounds of the sequences among the N tokens, [B + 1]
    targets: Targets  # indices among the N tokens

    def to(self, device: torch.device) -> Depth:
        return replace(
            self,
            leading=self.leading.to(device),
            following=self.following.to(device),
            targets=self.targets.to(device),
        )


@dataclass(frozen=True, kw_only=True)
class Batch:
    """T tokens of B sequences in one row. A document here is a segment: attention and positions restart with each."""

    tokens: torch.Tensor  # int64 [T]
    positions: torch.Tensor  # int64 [T], from 0 in each document
    sources: torch.Tensor  # int64 [T], number of the token's source in `source_names`
    source_names: tuple[str, ...]
    documents: Documents
    rows: list[int]  # bounds of the sequences in the flat row, [B + 1]
    next: Targets
    depths: tuple[Depth, ...]  # of the prediction layers, the first first

    def to(self, device: torch.device) -> Batch:
        if device.type == "cpu":
            return self
        moved: dict[str, Any] = {name: getattr(self, name).to(device) for name in _TENSORS}
        return replace(
            self, next=self.next.to(device), depths=tuple(depth.to(device) for depth in self.depths), **moved
        )


_TENSORS = ("tokens", "positions", "sources")


def make_batch(sequences: Sequences, depths: int = 1) -> Batch:
    """Flattens sequences, for a model of at most `depths` prediction layers.

    A target counts where it lies in the document of the token that predicts it and the loss mask allows it.
    """
    starts = sequences.rows * sequences.length + sequences.positions
    lengths = sequences.lengths.astype(np.int64)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    inside = np.arange(bounds[-1])
    inside -= np.repeat(bounds[:-1], lengths)
    unpadded = np.array_equal(starts, bounds[:-1])  # then the tokens lie as they are wanted
    flat = slice(0, bounds[-1]) if unpadded else np.repeat(starts, lengths) + inside
    tokens = sequences.input_ids.reshape(-1)[flat].astype(np.int64)

    counts = None if sequences.loss_mask is None else sequences.loss_mask.reshape(-1)[flat]
    inner = np.flatnonzero(_all_but_last(lengths))  # what leads to another token of its document
    places, left, further = inner, lengths, list[Depth]()
    next_targets = _targets(inner, places + 1, tokens, counts)
    for depth in range(1, depths + 1):
        leading, following = inner, tokens[places + depth]
        left = np.maximum(left - 1, 0)
        inner = np.flatnonzero(_all_but_last(left))
        places = places[inner]  # in the flat row
        ends = np.concatenate([[0], np.cumsum(left)])
        further.append(
            Depth(
                leading=torch.from_numpy(leading),
                following=torch.from_numpy(following),
                documents=Documents(bounds=np.unique(ends).tolist()),
                rows=ends[sequences.bounds].tolist(),
                targets=_targets(inner, places + depth + 1, tokens, counts),
            )
        )

    sources = sequences.segments.field("source").dictionary_encode()
    return Batch(
        tokens=torch.from_numpy(tokens),
        positions=torch.from_numpy(inside),
        sources=torch.from_numpy(np.repeat(sources.indices.to_numpy().astype(np.int64), lengths)),
        source_names=tuple(sources.dictionary.to_pylist()),
        documents=Documents(bounds=bounds.tolist()),
        rows=bounds[sequences.bounds].tolist(),
        next=next_targets,
        depths=tuple(further),
    )


def _targets(index: np.ndarray, places: np.ndarray, tokens: np.ndarray, counts: np.ndarray | None) -> Targets:
    """At each index the token at its place [N] in the flat row, where the loss mask, if there is one, lets it count."""
    if counts is not None:
        index, places = index[counts[places]], places[counts[places]]
    return Targets(index=torch.from_numpy(index), tokens=torch.from_numpy(tokens[places]))


def _all_but_last(lengths: np.ndarray) -> np.ndarray:
    """True for every token of documents of these lengths, one after another, but the last of each; bool [T]."""
    inner = np.ones(lengths.sum(), dtype=bool)
    inner[np.cumsum(lengths[lengths > 0]) - 1] = False
    return inner
