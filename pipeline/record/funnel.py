"""The funnel: how many records came in, what each stage dropped and why, what came out. Read from a run's tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from winnow.pipeline.record.ledger import units_of
from winnow.stages.deduplicate.equal import CONTRADICTIONS
from winnow.stages.passes import INGEST
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import INDEX, ShardIndex

PLAN = "plan.json"
FUNNEL = "funnel.json"
"""The funnel of a finished run of many parts, of which counting it takes minutes. The seal proves it."""
DROPS = "drops"
INGEST_REJECTIONS = "rejections/ingest"


@dataclass(frozen=True)
class Funnel:
    """Counts of documents. `dropped` maps each stage to its rules and the documents that each of them dropped."""

    records: int
    documents: int
    dropped: dict[str, Counter[str]]

    @property
    def kept(self) -> int:
        dropped = sum(sum(rules.values()) for stage, rules in self.dropped.items() if stage != "ingest")
        return self.documents - dropped


def write_funnel(workspace: Workspace) -> None:
    """Counts the funnel and keeps it."""
    found = vars(read_funnel(workspace))
    workspace.write_bytes(FUNNEL, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())


def kept_funnel(content: bytes) -> Funnel:
    """The funnel as `write_funnel` wrote it."""
    found: dict[str, Any] = json.loads(content)
    dropped = {stage: Counter(rules) for stage, rules in found["dropped"].items()}
    return Funnel(found["records"], found["documents"], dropped)


def document_rows(workspace: Workspace) -> dict[str, int]:
    """How many documents each part has, by its file."""
    return {path: workspace.parquet(path).metadata.num_rows for path in of_parts(workspace, "documents")}


def of_parts(workspace: Workspace, *folders: str) -> list[str]:
    """The tables below some folders that are named after a part of the run: what somebody else put there isn't counted."""
    paths = [path for folder in folders for path in workspace.list(folder, ".parquet")]
    parts = units_of(workspace, INGEST.name)
    return [path for path in paths if path.rpartition("/")[2].removesuffix(".parquet") in parts] if parts else paths


def read_funnel(
    workspace: Workspace,
    *,
    rows: Mapping[str, int] | None = None,
    rejected: Mapping[tuple[str, str], int] | None = None,
) -> Funnel:
    """The funnel of a run as far as it has come. `rows`, and `rejected` by stage and rule, where somebody has counted
    them already."""
    documents = sum((document_rows(workspace) if rows is None else rows).values())
    dropped: dict[str, Counter[str]] = {"ingest": Counter()}
    counted = _reasons(workspace) if rejected is None else ((*key, count) for key, count in rejected.items())
    for stage, rule, count in counted:
        dropped.setdefault(stage, Counter())[rule] += count
    steps = planned_steps(workspace)

    def position(stage: str) -> int:
        """Where the stage's first step stands; the steps of `deduplicate.exact` are `deduplicate.exact.hash` …"""
        return next((number for number, step in enumerate(steps) if f"{step}.".startswith(f"{stage}.")), len(steps))

    dropped = {stage: Counter(dict(sorted(rules.items()))) for stage, rules in dropped.items()}
    dropped = dict(sorted(dropped.items(), key=lambda item: (position(item[0]), item[0])))
    return Funnel(documents + dropped["ingest"].total(), documents, dropped)


def _reasons(workspace: Workspace) -> Iterator[tuple[str, str, int]]:
    """Stage, rule and documents, file by file, the two columns alone: a run may have dropped a billion documents."""
    for path in of_parts(workspace, INGEST_REJECTIONS, DROPS):
        with workspace.parquet(path) as file:
            if not file.metadata.num_rows:
                continue
            reasons = file.read(["stage", "rule"], use_threads=False).group_by(["stage", "rule"])
        for found in reasons.aggregate([([], "count_all")]).to_pylist():
            yield found["stage"], found["rule"], found["count_all"]


def contradictory_questions(workspace: Workspace) -> int:
    """Questions that stay with more than one label."""
    names = workspace.list(CONTRADICTIONS, ".parquet")
    tables = [workspace.read_table(name, columns=["question"]) for name in names]
    return len(pa.concat_tables(tables)["question"].unique()) if tables else 0


def planned_steps(workspace: Workspace) -> list[str]:
    """The names of the run's steps in order, as the conductor noted them."""
    plan: dict[str, Any] = json.loads(workspace.read_bytes(PLAN))
    return list(plan["steps"])


def planned_units(workspace: Workspace) -> dict[str, int]:
    """How many units each step of the run has, in the order of travel; 0 where the conductor didn't note it."""
    plan: dict[str, Any] = json.loads(workspace.read_bytes(PLAN))
    return {name: plan.get("units", {}).get(name, 0) for name in plan["steps"]}


def read_index(workspace: Workspace) -> ShardIndex | None:
    """The shard index, or None before there is one (and for `rl`, which makes tables of prompts and pairs)."""
    return ShardIndex.from_json(workspace.read_bytes(INDEX)) if workspace.exists(INDEX) else None
