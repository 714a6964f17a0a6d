"""Who stays: greedily, in order of preference, over the pairs that reached the threshold.

The most preferred document stays and claims every document that reaches the threshold with it; then the next that is
neither claimed nor staying, and so on. So a chain A ~ B ~ C whose ends differ never costs C: whoever goes has itself
reached the threshold with the one that stays for it. The result is the same for any order of the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.deduplicate.address import unpack
from winnow.stages.deduplicate.contender import PREFERENCE, preference_keys
from winnow.stages.deduplicate.verdict import send_verdicts
from winnow.stages.run.exchange import gather
from winnow.stages.run.unit import Counts, Files, Unit
from winnow.stages.run.workspace import Workspace

_SIDES = ("address", *PREFERENCE, "weight")


@dataclass(frozen=True, kw_only=True)
class ChooseAll:
    """The evidence of every part; the file of verdicts to write, for `parts` parts."""

    evidence: Files
    threshold: float
    verdicts: str
    parts: int


@dataclass(frozen=True, kw_only=True)
class ChooseBucket:
    """One bucket of labelled pairs; the file of verdicts to write, for `parts` parts."""

    bucket: int
    labelled: Files
    verdicts: str
    parts: int


def choose_all(workspace: Workspace, unit: Unit[ChooseAll]) -> Counts:
    """Chooses among all documents at once, from the evidence of every part."""
    pairs = [verified_pairs(workspace, name, unit.asked.threshold) for name in unit.asked.evidence]
    return _choose(workspace, unit.asked, pa.concat_tables(pairs))


def choose_bucket(workspace: Workspace, unit: Unit[ChooseBucket]) -> Counts:
    """Chooses among the components of one bucket."""
    pairs = gather(workspace, unit.asked.labelled, unit.asked.bucket)
    return _choose(workspace, unit.asked, pairs.drop_columns(["key"]))


def _choose(workspace: Workspace, asked: ChooseAll | ChooseBucket, edges: pa.Table) -> Counts:
    verdicts = survivors(edges)
    send_verdicts(workspace, asked.verdicts, verdicts, asked.parts)
    dropped = int(np.asarray(verdicts["dropped"]).sum())
    return {"pairs": edges.num_rows, "dropped": dropped}


def survivors(edges: pa.Table) -> dict[str, object]:
    """The verdicts (columns of `VERDICT` but `key`) on all documents of `edges`, verified rows of `EVIDENCE`."""
    from winnow.filters.kernels.pairs import choose_survivors

    nodes = _nodes(edges)
    order = np.lexsort(preference_keys(nodes))
    nodes = nodes.take(pa.array(order))
    address = nodes["address"].to_numpy()
    by_address = np.argsort(address)
    left = by_address[np.searchsorted(address[by_address], edges["left_address"].to_numpy())]
    right = by_address[np.searchsorted(address[by_address], edges["right_address"].to_numpy())]

    count = len(address)
    begin, neighbour, edge = _adjacency(left, right, count)
    survivor, through = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    choose_survivors(begin, neighbour, edge, survivor, through)
    size = np.zeros(count, np.int64)
    np.add.at(size, survivor, nodes["weight"].to_numpy())
    members = np.bincount(survivor, minlength=count)
    similarity = np.ones(count)
    gone = through >= 0
    similarity[gone] = edges["similarity"].to_numpy()[through[gone]]
    clustered = np.flatnonzero(members[survivor] > 1)
    part, row = unpack(address[clustered])
    return {
        "part": part,
        "row": row,
        "survivor": nodes["identity"].take(pa.array(survivor[clustered])).combine_chunks(),
        "similarity": similarity[clustered],
        "size": size[survivor[clustered]],
        "dropped": gone[clustered],
    }


def verified_pairs(workspace: Workspace, name: str, threshold: float) -> pa.Table:
    """The rows of an evidence file that reach the threshold."""
    pairs = workspace.read_table(name)
    return pairs.filter(pa.array(pairs["similarity"].to_numpy() >= threshold))


def _nodes(edges: pa.Table) -> pa.Table:
    """Every document of the edges once."""
    sides = [edges.select([f"{side}_{name}" for name in _SIDES]).rename_columns(_SIDES) for side in ("left", "right")]
    both = pa.concat_tables(sides)
    _, first = np.unique(both["address"].to_numpy(), return_index=True)
    return both.take(pa.array(first))


def _adjacency(
    left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], count: int
) -> tuple[npt.NDArray[np.int64], ...]:
    """Begin, neighbour and edge of every document's pairs, in both directions, neighbours in order of preference."""
    here = np.concatenate([left, right])
    there = np.concatenate([right, left])
    edge = np.tile(np.arange(len(left)), 2)
    order = np.lexsort((there, here))
    begin = np.searchsorted(here[order], np.arange(count + 1))
    return begin, there[order], edge[order]
