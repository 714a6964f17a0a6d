"""Connected components of the verified pairs as an exchange, when they exceed one worker.

Alternating large-star and small-star (Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii, "Connected Components in
MapReduce and Beyond", 2014): every bucket sees all neighbours of its documents, nothing else, and ties them to the
smallest. When each component is a star around its smallest document, that document labels it, and the pairs of a
component meet in one bucket, where survivors are chosen. Memory is that of a bucket, or of the largest component.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.deduplicate.survivor import verified_pairs
from winnow.stages.run.exchange import gather, scatter
from winnow.stages.run.unit import Counts, File, Files, Unit
from winnow.stages.run.workspace import Workspace

Addresses = npt.NDArray[np.uint64]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class LinkPart:
    """The evidence of one part, at the level `stage`."""

    stage: str
    evidence: File
    threshold: float
    buckets: int


@dataclass(frozen=True, kw_only=True)
class StarBucket:
    """One bucket of the links of a round."""

    stage: str
    bucket: int
    buckets: int
    round: int
    links: Files


@dataclass(frozen=True, kw_only=True)
class LabelBucket:
    """One bucket of the links of the last round, and of the pairs of all parts."""

    stage: str
    bucket: int
    buckets: int
    links: Files
    pairs: Files


def link_part(workspace: Workspace, unit: Unit[LinkPart]) -> Counts:
    """The verified pairs of one part: as links for the stars, and whole, to be labelled later."""
    asked = unit.asked
    pairs = verified_pairs(workspace, asked.evidence, asked.threshold)
    left, right = pairs["left_address"].to_numpy(), pairs["right_address"].to_numpy()
    _send_links(workspace, links_path(asked.stage, 0, unit.name), *both_ways(left, right), asked.buckets)
    keyed = pairs.add_column(0, "key", pa.array(_keys(left)))
    scatter(workspace, pairs_path(asked.stage, unit.name), keyed, asked.buckets)
    return {"pairs": pairs.num_rows}


def star_bucket(workspace: Workspace, unit: Unit[StarBucket]) -> Counts:
    """One large-star (even rounds) or small-star (odd rounds) over the documents of one bucket."""
    asked = unit.asked
    links = gather(workspace, asked.links, asked.bucket)
    here, there = links["here"].to_numpy(), links["there"].to_numpy()
    if asked.round % 2 == 0:
        here, there = small_first(*large_star(here, there))  # small-star wants each link at its larger end
    else:
        here, there = both_ways(*small_star(here, there))
    _send_links(workspace, links_path(asked.stage, asked.round + 1, asked.bucket), here, there, asked.buckets)
    return {"links": len(here)}


def label_bucket(workspace: Workspace, unit: Unit[LabelBucket]) -> Counts:
    """Labels the pairs of one bucket with their component and sends them to the bucket of the label.

    Raises `RuntimeError` when the rounds weren't enough: some component isn't a star yet.
    """
    asked = unit.asked
    links = gather(workspace, asked.links, asked.bucket)
    here, there = links["here"].to_numpy(), links["there"].to_numpy()
    leaves, centres = labels(here, there)
    pairs = gather(workspace, asked.pairs, asked.bucket)
    left = pairs["left_address"].to_numpy()
    label = left.copy()
    if len(leaves):
        place = np.minimum(np.searchsorted(leaves, left), len(leaves) - 1)
        label = np.where(leaves[place] == left, centres[place], left)
    keyed = pairs.set_column(0, "key", pa.array(_keys(label)))
    scatter(workspace, labelled_path(asked.stage, asked.bucket), keyed, asked.buckets)
    return {"components": len(np.unique(centres))}


def large_star(here: Addresses, there: Addresses) -> tuple[Addresses, Addresses]:
    """Every larger neighbour of a document is tied to the smallest of the document and its neighbours."""
    here, there, first = _grouped(here, there)
    smallest = np.minimum(there[first], here)
    larger = there > here
    return distinct_links(there[larger], smallest[larger])


def small_star(here: Addresses, there: Addresses) -> tuple[Addresses, Addresses]:
    """A document and its smaller neighbours are tied to the smallest of them; `there` is below `here` everywhere."""
    here, there, first = _grouped(here, there)
    smallest = there[first]
    return distinct_links(np.concatenate([there, here]), np.concatenate([smallest, smallest]))


def labels(here: Addresses, there: Addresses) -> tuple[Addresses, Addresses]:
    """Leaves, sorted, and the centre of each, of links that go both ways.

    Raises `RuntimeError` when a document has a smaller neighbour and another one besides: no star.
    """
    here, there, first = _grouped(here, there)
    smaller = there < here
    alone = np.bincount(first, minlength=len(here))[first] == 1
    if bool((smaller & ~alone).any()):
        raise RuntimeError("components haven't become stars: raise component_rounds of the minhash section")
    return here[smaller], there[smaller]


def both_ways(here: Addresses, there: Addresses) -> tuple[Addresses, Addresses]:
    return distinct_links(np.concatenate([here, there]), np.concatenate([there, here]))


def small_first(here: Addresses, there: Addresses) -> tuple[Addresses, Addresses]:
    """Each link once, at its larger end."""
    return distinct_links(np.maximum(here, there), np.minimum(here, there))


def distinct_links(here: Addresses, there: Addresses) -> tuple[Addresses, Addresses]:
    """The links without repeats and without those of a document to itself, sorted."""
    order = np.lexsort((there, here))
    here, there = here[order], there[order]
    fresh = here != there
    fresh[1:] &= (here[1:] != here[:-1]) | (there[1:] != there[:-1])
    return here[fresh], there[fresh]


def _grouped(here: Addresses, there: Addresses) -> tuple[Addresses, Addresses, npt.NDArray[np.int64]]:
    """The links sorted, and for each the row where those of its document begin: there stands the smallest neighbour."""
    here, there = distinct_links(here, there)
    fresh = np.ones(len(here), bool)
    fresh[1:] = here[1:] != here[:-1]
    return here, there, np.maximum.accumulate(np.where(fresh, np.arange(len(here)), 0))


def links_path(stage: str, round_: int, name: str | int) -> File:
    return File(f"exchange/{stage}.components/links-{round_:02d}/{name}.buckets")


def pairs_path(stage: str, part: str) -> File:
    return File(f"exchange/{stage}.components/pairs/{part}.buckets")


def labelled_path(stage: str, bucket: int) -> File:
    return File(f"exchange/{stage}.components/labelled/{bucket}.buckets")


def link_files(stage: str, round_: int, parts: Sequence[str], buckets: int) -> Files:
    """The files that hold the links of one round: the parts' at first, then the buckets'."""
    return tuple(links_path(stage, round_, name) for name in (parts if round_ == 0 else range(buckets)))


def _keys(addresses: Addresses) -> Addresses:
    return addresses * _SPREAD


def _send_links(workspace: Workspace, name: str, here: Addresses, there: Addresses, buckets: int) -> None:
    scatter(workspace, name, pa.table({"key": _keys(here), "here": here, "there": there}), buckets)
