"""From who stays to what is dropped: verdicts travel back to the parts and become drops and cluster sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from winnow.stages.deduplicate.address import lane_of, lanes_for, part_keys
from winnow.stages.deduplicate.contender import (
    CLUSTER_SIZE,
    IDENTITY,
    cluster_file,
    cluster_sizes,
    clusters_path,
    to_hexadecimal,
)
from winnow.stages.run.drops import DROP, write_drops
from winnow.stages.run.exchange import gather, scatter
from winnow.stages.run.unit import Counts, File, Files, Unit, Units
from winnow.stages.run.workspace import Workspace

VERDICT = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("survivor", IDENTITY, nullable=False),  # who stays for it; itself where it stays
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),  # documents of the cluster, the survivor among them
        pa.field("dropped", pa.bool_(), nullable=False),
    ]
)
"""One row for each document of a cluster of two or more."""

CLUSTERS = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field(CLUSTER_SIZE, pa.int64(), nullable=False)])


def send_verdicts(workspace: Workspace, name: str, verdicts: dict[str, object], parts: int) -> None:
    """Scatters verdicts (columns of `VERDICT` but `key`) to the parts that they concern."""
    rows = pa.table({"key": part_keys(verdicts["part"], parts), **verdicts}, schema=VERDICT)  # type: ignore[arg-type]
    scatter(workspace, name, rows, lanes_for(parts))


@dataclass(frozen=True, kw_only=True)
class DropPart:
    """The `index`-th of `parts` parts, which takes its verdicts at the level `stage`; what rule and threshold say."""

    stage: str
    index: int
    parts: int
    documents: File
    verdicts: Files
    clusters: File | None  # the sizes before this level
    rule: str
    threshold: str


def drop_units(
    parts: Sequence[str],
    stage: str,
    verdicts: Files,
    *,
    rule: str,
    threshold: str,
    earlier: Sequence[str],
    seats: int | None = None,
) -> Sequence[Unit[DropPart]]:
    """One unit per part: it takes its verdicts from the files `verdicts`. `threshold` is what was asked, as text.

    `earlier` are the dropping stages before this one. `seats` is the number of parts that the verdicts were sent to,
    where it isn't that of `parts`.
    """
    return Units(
        parts,
        lambda index, part: DropPart(
            stage=stage,
            index=index,
            parts=seats or len(parts),
            documents=File(f"documents/{part}.parquet"),
            verdicts=verdicts,
            clusters=cluster_file(part, earlier),
            rule=rule,
            threshold=threshold,
        ),
    )


def drop(workspace: Workspace, unit: Unit[DropPart]) -> Counts:
    """Writes `drops/<stage>/<part>.parquet` and `clusters/<stage>/<part>.parquet`, the latter row by row with the part.

    `value` of a drop is the id of the document that stays, and the similarity: `<id> 0.9312`. A document that this
    level leaves alone keeps the size that it had.
    """
    asked, part = unit.asked, unit.name
    stage, index = asked.stage, asked.index
    verdicts = gather(workspace, asked.verdicts, lane_of(index, asked.parts))
    verdicts = verdicts.filter(pa.array(verdicts["part"].to_numpy() == index))
    documents = workspace.read_table(asked.documents, columns=["id", "locator", "source"])

    sizes = cluster_sizes(workspace, asked.clusters, documents.num_rows).copy()
    sizes[verdicts["row"].to_numpy()] = verdicts["size"].to_numpy()
    workspace.write_table(clusters_path(stage, part), pa.table([documents["id"], sizes], schema=CLUSTERS))

    dropped = verdicts.filter(verdicts["dropped"]).sort_by("row")
    named = documents.take(dropped["row"])
    count = dropped.num_rows
    survivors = zip(to_hexadecimal(dropped["survivor"]), dropped["similarity"].to_pylist(), strict=True)
    drops = pa.table(
        {
            "id": named["id"],
            "locator": named["locator"],
            "source": named["source"],
            "stage": pa.array([stage] * count, pa.string()),
            "rule": pa.array([asked.rule] * count, pa.string()),
            "value": pa.array([f"{survivor} {similarity:.4f}" for survivor, similarity in survivors], pa.string()),
            "threshold": pa.array([asked.threshold] * count, pa.string()),
            "row": dropped["row"],
        },
        schema=DROP,
    )
    write_drops(workspace, stage, part, drops)
    return {"documents": documents.num_rows, "dropped": count, "clusters": verdicts.num_rows - count}
