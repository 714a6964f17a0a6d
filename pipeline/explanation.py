"""One document's way through a run: where it came from, what was measured, what was decided, where its tokens are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.pipeline.funnel import DROPS, read_index
from winnow.stages.run.workspace import Workspace

EXCERPT = 400


@dataclass(frozen=True)
class Place:
    """Where the tokens of a document lie: a row of a shard and a piece of that row."""

    shard: str
    row: int
    position: int
    length: int
    offset: int


@dataclass(frozen=True)
class Explanation:
    part: str
    row: int
    document: dict[str, Any]
    attributes: dict[str, Any]
    drop: dict[str, Any] | None
    places: tuple[Place, ...]


def explain(workspace: Workspace, document: str) -> Explanation:
    """The story of the document whose id starts with `document`.

    Raises `LookupError` when no document or more than one has such an id.
    """
    found = list(_find(workspace, document))
    if not found:
        raise LookupError(f"no document of this run has an id that starts with {document!r}")
    if len({identity for _, _, identity in found}) > 1:
        raise LookupError(f"{len(found)} documents have ids that start with {document!r}; give more digits")
    part, row, identity = found[0]
    fields = workspace.read_table(f"documents/{part}.parquet").slice(row, 1).to_pylist()[0]
    attributes = f"attributes/{part}.parquet"
    measured = workspace.read_table(attributes).slice(row, 1).to_pylist()[0] if workspace.exists(attributes) else {}
    drop = next(
        (
            entry
            for path in workspace.list(DROPS, f"/{part}.parquet")
            for entry in workspace.read_table(path).to_pylist()
            if entry["row"] == row
        ),
        None,
    )
    owners = {identity, *_sequences_holding(workspace, identity)}
    return Explanation(part, row, fields, measured, drop, tuple(_places(workspace, owners)))


def _find(workspace: Workspace, prefix: str) -> Iterator[tuple[str, int, str]]:
    for path in workspace.list("documents", ".parquet"):
        ids = workspace.read_table(path, columns=["id"])["id"]
        for row in pc.indices_nonzero(pc.starts_with(ids, prefix)).to_pylist():
            yield path.removeprefix("documents/").removesuffix(".parquet"), row, ids[row].as_py()


def _sequences_holding(workspace: Workspace, identity: str) -> Iterator[str]:
    """A file of a repository travels inside the repository's sequences: the ids of those that hold it."""
    for path in workspace.list("sequences", ".parquet"):
        for entry in workspace.read_table(path, columns=["pieces", "order"]).to_pylist():
            for file in entry["order"]:
                if file["document"] == identity:
                    yield entry["pieces"][file["piece"]]


def _places(workspace: Workspace, owners: set[str]) -> Iterator[Place]:
    index = read_index(workspace)
    wanted = pa.array(sorted(owners))
    for phase in index.phases if index else ():
        for file in phase.files:
            segments = workspace.read_table(f"shards/{file.path}", columns=["segments"])["segments"].combine_chunks()
            flat = pc.list_flatten(segments)
            parents = pc.list_parent_indices(segments)
            hits = pc.indices_nonzero(pc.is_in(pc.struct_field(flat, "document"), value_set=wanted))
            for hit in hits.to_pylist():
                piece = flat[hit].as_py()
                yield Place(file.path, parents[hit].as_py(), piece["position"], piece["length"], piece["offset"])
