"""Semantic duplicates: SemDeDup (Abbas, Tirumala, Simig, Ganguli, Morcos, arXiv 2303.09540) on document embeddings.

    embed       each part: embeddings/<part>.parquet by the model that the settings name; without one, they are there
    centre      one unit: k-means on a sample of the vectors
    assign      each part: every document goes to the bucket of its nearest centre
    resolve     each bucket: within a cluster, whoever is closer than the threshold to one that stays goes
    drop        each part: drops/deduplicate.semantic/ and clusters/deduplicate.semantic/

Where SemDeDup keeps the document farthest from its centre, the preferred one stays here, as at every level. Only
documents of the same cluster are compared: pairs across a border between clusters are missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from winnow.filters.embedder import Vectors
from winnow.stages.deduplicate.contender import (
    CONTENDER,
    Contending,
    Preference,
    contending,
    preference_keys,
    read_contenders,
)
from winnow.stages.deduplicate.embeddings import embeddings_path, unit_vectors, write_embeddings
from winnow.stages.deduplicate.verdict import drop as drop_part
from winnow.stages.deduplicate.verdict import drop_units, send_verdicts
from winnow.stages.run.code import Code, code_of
from winnow.stages.run.exchange import gather, joined, scatter
from winnow.stages.run.unit import Counts, File, Files, Planned, Step, Unit, Units
from winnow.stages.run.workspace import Workspace

STAGE = "deduplicate.semantic"
CENTRES = File(f"exchange/{STAGE}.centres.parquet")
BLOCK = 1024
"""Documents of a cluster compared at a time."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class SemanticSettings(BaseModel):
    """The manifest's `semantic` section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    """`sentence-transformers:<name or folder>` or `package.module:function`; without one, embeddings/ must be there."""
    threshold: float = Field(default=0.95, gt=0, le=1)
    """Cosine similarity from which two documents of a cluster are duplicates."""
    clusters: int = Field(default=100, ge=1)
    """The paper takes 11,000 for 440 million images; about one for 10,000 documents keeps a cluster small."""
    sample: int = Field(default=50_000, ge=1)
    """Vectors that k-means sees, those with the smallest ids."""
    iterations: int = Field(default=20, ge=1)
    buckets: int = Field(default=4, ge=1)
    preference: Preference = Preference()


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """The contenders of a part and their embeddings."""

    contending: Contending
    embeddings: File

    def vectors(self, workspace: Workspace, rows: npt.NDArray[np.int32]) -> Vectors:
        return unit_vectors(workspace, self.embeddings, self.contending.documents, rows)


@dataclass(frozen=True, kw_only=True)
class EmbedPart:
    """The documents of a part, and the model that embeds them."""

    documents: File
    model: str
    code: tuple[Code, ...] = ()  # of the user's own that the model names


@dataclass(frozen=True, kw_only=True)
class CentreAll:
    """All parts."""

    parts: tuple[Embedded, ...]
    clusters: int
    sample: int
    iterations: int


@dataclass(frozen=True, kw_only=True)
class AssignPart:
    """The `index`-th part, and the centres that its documents go to."""

    index: int
    part: Embedded
    centres: File
    buckets: int


@dataclass(frozen=True, kw_only=True)
class ResolveBucket:
    """One bucket of what the parts assigned; the file of verdicts to write, for `parts` parts."""

    bucket: int
    assigned: Files
    threshold: float
    verdicts: str
    parts: int


def embed_part(workspace: Workspace, unit: Unit[EmbedPart]) -> Counts:
    for code in unit.asked.code:
        code.check()
    return {"dimensions": write_embeddings(workspace, unit.name, unit.asked.documents, unit.asked.model)}


def centre(workspace: Workspace, unit: Unit[CentreAll]) -> Counts:
    """K-means on the documents with the smallest ids: ids are hashes, so that is a fair sample."""
    asked = unit.asked
    identity, vectors = np.zeros(0, "S16"), None
    for part in asked.parts:
        contenders, _ = read_contenders(workspace, part.contending)
        here = np.array(contenders["identity"].to_pylist(), "S16")
        found = part.vectors(workspace, contenders["row"].to_numpy())
        identity = np.concatenate([identity, here])
        vectors = found if vectors is None else np.concatenate([vectors, found])
        least = np.argsort(identity, kind="stable")[: asked.sample]
        identity, vectors = identity[least], vectors[least]
    sampled = np.zeros((0, 1), np.float32) if vectors is None else vectors
    centres = k_means(sampled, clusters=asked.clusters, iterations=asked.iterations)
    workspace.write_table(CENTRES, pa.table({"centre": pa.array(list(centres), pa.list_(pa.float32()))}))
    return {"centres": len(centres)}


def k_means(vectors: Vectors, *, clusters: int, iterations: int) -> Vectors:
    """Spherical k-means from evenly spaced vectors of the sample: unit centres, at most `clusters` × dimensions."""
    count = min(clusters, len(vectors))
    if count == 0:
        return np.zeros((0, vectors.shape[1]), np.float32)
    centres = vectors[np.linspace(0, len(vectors) - 1, count).astype(np.int64)].copy()
    for _ in range(iterations):
        nearest = nearest_centre(vectors, centres)
        sums = np.zeros_like(centres, np.float64)
        np.add.at(sums, nearest, vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        moved = np.where(norms > 0, sums / np.maximum(norms, 1e-12), centres).astype(np.float32)
        if np.allclose(moved, centres, atol=1e-6):
            break
        centres = moved
    return centres


def nearest_centre(vectors: Vectors, centres: Vectors) -> npt.NDArray[np.int64]:
    blocks = [np.argmax(vectors[at : at + BLOCK] @ centres.T, axis=1) for at in range(0, len(vectors), BLOCK)]
    return np.concatenate([np.zeros(0, np.int64), *blocks])


def assign_part(workspace: Workspace, unit: Unit[AssignPart]) -> Counts:
    """Scatters the documents of a part with their vectors by cluster."""
    asked = unit.asked
    contenders, _ = read_contenders(workspace, asked.part.contending)
    vectors = asked.part.vectors(workspace, contenders["row"].to_numpy())
    centres = np.array(workspace.read_table(asked.centres)["centre"].to_pylist(), np.float32)
    cluster = nearest_centre(vectors, centres)
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    rows = pa.table(
        {
            "key": (cluster.astype(np.uint64) + np.uint64(1)) * _SPREAD,
            "part": np.full(len(cluster), asked.index, np.int32),
            **dict(zip(CONTENDER.names, contenders.columns, strict=True)),
            "embedding": embedding,
        }
    )
    scatter(workspace, _assigned(unit.name), rows, asked.buckets)
    return {"documents": len(cluster)}


def resolve_bucket(workspace: Workspace, unit: Unit[ResolveBucket]) -> Counts:
    """Chooses the survivors within every cluster of one bucket."""
    asked = unit.asked
    rows = gather(workspace, asked.assigned, asked.bucket)
    order = np.lexsort((*preference_keys(rows), rows["key"].to_numpy()))
    keys = rows["key"].to_numpy()[order]
    flat = rows["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = flat.reshape(rows.num_rows, -1)[order] if rows.num_rows else np.zeros((0, 1), np.float32)
    survivor, similarity = np.arange(len(order)), np.ones(len(order))
    bounds = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1], [True]])) if len(keys) else np.zeros(1, int)
    for start, stop in pairwise(bounds):
        chosen, close = choose_within(vectors[start:stop], asked.threshold)
        survivor[start:stop], similarity[start:stop] = chosen + start, close
    sizes = np.zeros(len(order), np.int64)
    np.add.at(sizes, survivor, rows["weight"].to_numpy()[order])
    shared = np.flatnonzero(np.bincount(survivor, minlength=len(order))[survivor] > 1)
    named = rows.take(pa.array(order[shared]))
    verdicts = {
        "part": named["part"],
        "row": named["row"],
        "survivor": rows["identity"].take(pa.array(order[survivor[shared]])),
        "similarity": similarity[shared],
        "size": sizes[survivor[shared]],
        "dropped": survivor[shared] != shared,
    }
    send_verdicts(workspace, asked.verdicts, verdicts, asked.parts)
    return {"clusters": max(len(bounds) - 1, 0)}


def choose_within(vectors: Vectors, threshold: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """For each of n vectors in order of preference: who stays for it (itself, if no survivor is close), how close.

    Compared block by block with the survivors so far: n × survivors products, memory for one block of them.
    """
    survivor, similarity = np.arange(len(vectors)), np.ones(len(vectors))
    stays = np.zeros(0, np.int64)
    for start in range(0, len(vectors), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(vectors)))
        if len(stays):
            close = vectors[block] @ vectors[stays].T
            first = np.argmax(close >= threshold, axis=1)
            near = close[np.arange(len(block)), first]
            gone = near >= threshold
            survivor[block[gone]], similarity[block[gone]] = stays[first[gone]], near[gone]
            block = block[~gone]
        within = vectors[block] @ vectors[block].T
        free = np.ones(len(block), bool)
        for at in range(len(block)):
            if free[at]:
                taken = np.flatnonzero(free & (within[at] >= threshold))
                taken = taken[taken > at]
                survivor[block[taken]], similarity[block[taken]] = block[at], within[at][taken]
                free[taken] = False
        stays = np.concatenate([stays, block[free]])
    return survivor, similarity


EMBED = Step(name="deduplicate.semantic.embed", version=1, work=embed_part)
CENTRE = Step(name="deduplicate.semantic.centre", version=1, work=centre)
ASSIGN = Step(name="deduplicate.semantic.assign", version=1, work=assign_part)
RESOLVE = Step(name="deduplicate.semantic.resolve", version=1, work=resolve_bucket)
DROP = Step(name="deduplicate.semantic.drop", version=2, work=drop_part)


def plan(parts: Sequence[str], settings: SemanticSettings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it."""
    parts = sorted(parts)
    embedded = {
        part: Embedded(contending=contending(part, earlier, settings.preference), embeddings=embeddings_path(part))
        for part in parts
    }
    embed: Sequence[Unit[EmbedPart]] = ()
    if settings.model is not None:
        model, code = settings.model, code_of(settings.model)
        embed = Units(
            parts,
            lambda _, part: EmbedPart(documents=embedded[part].contending.documents, model=model, code=code),
        )
    # Whoever is preferred, the sample is the same: it needs no quality.
    sampled = tuple(Embedded(contending=contending(part, earlier), embeddings=embeddings_path(part)) for part in parts)
    centring = CentreAll(
        parts=sampled, clusters=settings.clusters, sample=settings.sample, iterations=settings.iterations
    )
    assign = Units(
        parts,
        lambda index, part: AssignPart(index=index, part=embedded[part], centres=CENTRES, buckets=settings.buckets),
    )
    verdicts = [f"exchange/{STAGE}.verdicts/{bucket:05d}.buckets" for bucket in range(settings.buckets)]
    joining, assigned = joined(ASSIGN.name, tuple(_assigned(part) for part in parts))
    returning, returned = joined(RESOLVE.name, tuple(map(File, verdicts)))
    resolve = [
        Unit(
            name=f"bucket-{bucket:05d}",
            asked=ResolveBucket(
                bucket=bucket,
                assigned=assigned,
                threshold=settings.threshold,
                verdicts=verdicts[bucket],
                parts=len(parts),
            ),
        )
        for bucket in range(settings.buckets)
    ]
    drop = drop_units(
        parts,
        STAGE,
        returned,
        rule="cosine",
        threshold=f"≥ {settings.threshold:g}",
        earlier=earlier,
    )
    return (
        *(((EMBED, embed),) if embed else ()),
        (CENTRE, [Unit(name="all", asked=centring)]),
        (ASSIGN, assign),
        *joining,
        (RESOLVE, resolve),
        *returning,
        (DROP, drop),
    )


def _assigned(part: str) -> File:
    return File(f"exchange/{STAGE}.assigned/{part}.buckets")
