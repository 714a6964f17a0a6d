"""Documents with an equal 128-bit key are one document: the preferred of them stays. Shared by url and exact.

Each part scatters a row per document by key; each bucket finds its equal keys by sorting; verdicts travel back. A key
that a million documents share costs a million rows in one bucket, nothing quadratic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from winnow.stages.deduplicate.contender import (
    CONTENDER,
    Contending,
    Preference,
    contending,
    preference_keys,
    to_hexadecimal,
)
from winnow.stages.deduplicate.verdict import DropPart, drop_units, send_verdicts
from winnow.stages.run.exchange import gather, joined, scatter
from winnow.stages.run.unit import Counts, File, Files, Planned, Step, Unit, Units
from winnow.stages.run.workspace import Workspace

CLAIM = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("check", pa.uint64(), nullable=False),  # the other half of the 128-bit hash
        pa.field("part", pa.int32(), nullable=False),
        pa.field("label", pa.string()),  # of a question; what shares `key` with it is the same question
        *CONTENDER,
    ]
)
CONTRADICTION = pa.schema(
    [
        pa.field("question", pa.string(), nullable=False),  # the same for all that ask it
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
    ]
)
"""One row for each document that stays although another has another label for the same question."""
CONTRADICTIONS = "contradictions"
Keys = npt.NDArray[np.uint64]
"""n × 2 words of 128-bit hashes."""


class EqualSettings(BaseModel):
    """The manifest's `url` and `exact` sections."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    buckets: int = Field(default=4, ge=1)
    """Files of the exchange; one per 10 million documents keeps a bucket below 1 GB."""
    preference: Preference = Preference()


@dataclass(frozen=True, kw_only=True)
class HashPart:
    """The contenders of one part, the `index`-th, whose keys the level `stage` scatters into `buckets`."""

    stage: str
    index: int
    contending: Contending
    buckets: int


@dataclass(frozen=True, kw_only=True)
class ResolveBucket:
    """One bucket of the claims of all parts, `parts` of them; `verdicts` is the file to write."""

    bucket: int
    claims: Files
    verdicts: str
    parts: int


def send_claims(
    workspace: Workspace, unit: Unit[HashPart], keys: Keys, contenders: pa.Table, labels: pa.Array | None = None
) -> Counts:
    """Scatters the contenders of the unit's part by their keys, with the labels of those that have one."""
    asked = unit.asked
    numbers = np.full(contenders.num_rows, asked.index, np.int32)
    labels = pa.nulls(contenders.num_rows, pa.string()) if labels is None else labels
    claims = pa.table([keys[:, 0], keys[:, 1], numbers, labels, *contenders.columns], schema=CLAIM)
    scatter(workspace, _claims(asked.stage, unit.name), claims, asked.buckets)
    return {"documents": contenders.num_rows}


def resolve(workspace: Workspace, unit: Unit[ResolveBucket]) -> Counts:
    """One bucket: among equal keys the preferred document stays; the verdicts go back to the parts."""
    asked = unit.asked
    claims = gather(workspace, asked.claims, asked.bucket)
    keys, checks = claims["key"].to_numpy(), claims["check"].to_numpy()
    order = np.lexsort((*preference_keys(claims), checks, keys))
    keys, checks = keys[order], checks[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (keys[1:] != keys[:-1]) | (checks[1:] != checks[:-1])
    group = np.cumsum(fresh) - 1
    members = np.bincount(group, minlength=1)
    told_of = members[group] > 1
    sizes = np.zeros(len(members), np.int64)
    np.add.at(sizes, group, claims["weight"].to_numpy()[order])
    survivors = order[np.flatnonzero(fresh)][group[told_of]]
    named = claims.take(pa.array(order[told_of]))
    send_verdicts(
        workspace,
        asked.verdicts,
        {
            "part": named["part"],
            "row": named["row"],
            "survivor": claims["identity"].take(pa.array(survivors)),
            "similarity": np.ones(int(told_of.sum())),
            "size": sizes[group[told_of]],
            "dropped": ~fresh[told_of],
        },
        asked.parts,
    )
    contradictions = _contradictions(claims.take(pa.array(order[fresh])))
    if contradictions.num_rows:
        workspace.write_table(f"{CONTRADICTIONS}/{asked.bucket:05d}.parquet", contradictions)
    return {
        "keys": int(fresh.sum()),
        "duplicates": int(len(order) - fresh.sum()),
        "contradictory_labels": contradictions.num_rows,
    }


def _contradictions(claims: pa.Table) -> pa.Table:
    """The labelled questions among `claims` (sorted by key, no two equal) that stand there with another label, too."""
    claims = claims.filter(claims["label"].is_valid())
    keys = claims["key"].to_numpy()
    alike = np.zeros(len(keys), bool)
    equal = keys[1:] == keys[:-1]
    alike[1:] |= equal
    alike[:-1] |= equal
    claims = claims.filter(pa.array(alike))
    questions = pa.array([f"{key:016x}" for key in claims["key"].to_pylist()], pa.string())
    return pa.table([questions, to_hexadecimal(claims["identity"]), claims["label"]], schema=CONTRADICTION)


def hash_units(
    stage: str, parts: Sequence[str], settings: EqualSettings, earlier: Sequence[str] = ()
) -> Sequence[Unit[HashPart]]:
    """One unit per part for the step that hashes and calls `send_claims`."""
    return Units(
        parts,
        lambda index, part: HashPart(
            stage=stage,
            index=index,
            contending=contending(part, earlier, settings.preference),
            buckets=settings.buckets,
        ),
    )


def resolve_units(stage: str, claims: Files, parts: int, settings: EqualSettings) -> list[Unit[ResolveBucket]]:
    """One unit per bucket for the step whose work is `resolve`, over the claims of `parts` parts."""
    return [
        Unit(
            name=f"bucket-{bucket:05d}",
            asked=ResolveBucket(bucket=bucket, claims=claims, verdicts=str(_verdicts(stage, bucket)), parts=parts),
        )
        for bucket in range(settings.buckets)
    ]


def plan_equal(
    stage: str,
    steps: tuple[Step[HashPart], Step[ResolveBucket], Step[DropPart]],
    parts: Sequence[str],
    settings: EqualSettings,
    earlier: Sequence[str],
    *,
    rule: str,
    threshold: str,
) -> tuple[Planned, ...]:
    """The plan of a level that hashes, resolves and drops."""
    parts = sorted(parts)
    hashing, resolving, dropping = steps
    joining, claims = joined(hashing.name, tuple(_claims(stage, part) for part in parts))
    verdicts = tuple(_verdicts(stage, bucket) for bucket in range(settings.buckets))
    returning, verdicts = joined(resolving.name, verdicts)
    return (
        (hashing, hash_units(stage, parts, settings, earlier)),
        *joining,
        (resolving, resolve_units(stage, claims, len(parts), settings)),
        *returning,
        (dropping, drop_units(parts, stage, verdicts, rule=rule, threshold=threshold, earlier=earlier)),
    )


def _claims(stage: str, part: str) -> File:
    return File(f"exchange/{stage}.claims/{part}.buckets")


def _verdicts(stage: str, bucket: int) -> File:
    return File(f"exchange/{stage}.verdicts/{bucket:05d}.buckets")
