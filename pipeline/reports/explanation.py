"""One document's way through a run: where it came from, what was measured, what was decided, where its tokens are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.pipeline.proof import lock, seal
from winnow.pipeline.record.funnel import DROPS, read_index
from winnow.pipeline.reports.finding import find
from winnow.stages.generate.judging import FOLDER as GENERATED
from winnow.stages.generate.judging import STAGE as GENERATE
from winnow.stages.generate.kept import answers_path
from winnow.stages.measuring import LABEL, unmeasured
from winnow.stages.passes import attributes_path
from winnow.stages.run.workspace import Workspace

PREFERENCES = "rl"  # where prompts and pairs lie
IDENTITY = re.compile(r"[0-9a-f]{32}\b")


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
    unmeasured: Mapping[str, Sequence[str]]  # recipes that weren't measured on it, and the languages that they are for
    drop: dict[str, Any] | None
    other: dict[str, Any] | None  # id, locator and text of the document that the drop names
    places: tuple[Place, ...]
    asked_for: tuple[
        tuple[str, int], ...
    ] = ()  # of a run of preferences: tables of prompts and pairs, and the row there
    preferences: bool = False  # whether it is such a run
    finished: bool = True  # whether the run has come to its end
    answers: Answers | None = None  # of a run that asks a model


@dataclass(frozen=True)
class Answers:
    """How often a model was asked about a document, and how many records were made of what it said."""

    asked: int
    records: int
    made: str  # the file of the part's records
    left: str  # the file of the answers that became none, with the reasons


def explain(workspace: Workspace, wanted: str) -> Explanation:
    """The story of the document that `wanted` means, as `finding.find` has it, and with its errors."""
    found = find(workspace, wanted)
    part, row, identity = found.part, found.row, found.identity
    fields = workspace.read_table(f"documents/{part}.parquet").slice(row, 1).to_pylist()[0]
    measured, idle = _measured(workspace, part, row)
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
    other = _named_in(workspace, drop["value"]) if drop else None
    places, tables = tuple(_places(workspace, owners)), tuple(_preferences(workspace, part, identity))
    preferences = bool(workspace.list(PREFERENCES, ".parquet"))
    finished = workspace.exists(lock.PATH) or workspace.exists(seal.PATH)
    answers = _answers(workspace, part, identity)
    return Explanation(part, row, fields, measured, idle, drop, other, places, tables, preferences, finished, answers)


def _measured(workspace: Workspace, part: str, row: int) -> tuple[dict[str, Any], Mapping[str, Sequence[str]]]:
    """The document's attributes, and the recipes that its language spared it."""
    path = attributes_path(part)
    if not workspace.exists(path):
        return {}, {}
    attributes = workspace.read_table(path)
    measured = dict(attributes.slice(row, 1).to_pylist()[0])
    return measured, unmeasured(attributes.schema, str(measured.get(LABEL)))


def _preferences(workspace: Workspace, part: str, identity: str) -> Iterator[tuple[str, int]]:
    for path in workspace.list(PREFERENCES, f"/{part}.parquet"):
        ids = pc.struct_field(workspace.read_table(path, columns=["metadata"])["metadata"].combine_chunks(), "id")
        yield from ((path, row) for row in pc.indices_nonzero(pc.equal(ids, identity)).to_pylist())


def _answers(workspace: Workspace, part: str, identity: str) -> Answers | None:
    told, made = answers_path(part), f"{GENERATED}/{part}.jsonl"
    if not workspace.exists(told):
        return None
    asked = pc.sum(pc.equal(workspace.read_table(told, columns=["parent"])["parent"], identity)).as_py() or 0
    lines = workspace.read_bytes(made).splitlines() if workspace.exists(made) else ()
    records = sum(json.loads(line)["generation"]["parent"] == identity for line in lines)
    return Answers(asked, records, made, f"rejections/{GENERATE}/{part}.parquet")


def _named_in(workspace: Workspace, value: str | None) -> dict[str, Any] | None:
    """The other document that a drop names, as duplicates name the one that stays."""
    identity = IDENTITY.match(value or "")
    if identity is None:
        return None
    for path in workspace.list("documents", ".parquet"):
        table = workspace.read_table(path, columns=["id", "locator", "text"])
        rows = pc.indices_nonzero(pc.equal(table["id"], identity[0])).to_pylist()
        if rows:
            return dict(table.slice(rows[0], 1).to_pylist()[0])
    return None


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
