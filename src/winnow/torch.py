"""Shards for any torch trainer: data sets that know ranks, workers and where they stopped, and collators.

    from winnow.torch import ShardDataset, varlen

    data = ShardDataset("runs/mid/shards/index.json", "length-4096", batch_size=4, collate=varlen)
    for batch in torch.utils.data.DataLoader(data, batch_size=None, num_workers=2): …

Needs torch, pyarrow and numpy. `docs/training-elsewhere.md` has a recipe for each trainer.
"""

from winnow.feeds.collators import block_mask, flex_mask, nanotron, stacked, torchtitan, trl_row, varlen
from winnow.feeds.dataset import ShardDataset, ShardRows
from winnow.stages.shards.reader import Uneven

__all__ = [
    "ShardDataset",
    "ShardRows",
    "Uneven",
    "block_mask",
    "flex_mask",
    "nanotron",
    "stacked",
    "torchtitan",
    "trl_row",
    "varlen",
]
