"""Decontamination alone, on files of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from winnow.stages.decontaminate.settings import DecontaminationSettings
from winnow.stages.decontaminate.steps import STAGE, plan
from winnow.stages.layout import carry_out, keep, lay_out
from winnow.stages.run.workspace import Workspace


@dataclass(frozen=True)
class Summary:
    """What came of it: documents read, dropped and kept, hits, documents that hold items with other numbers, all counts."""

    documents: int
    dropped: int
    kept: int
    hits: int
    altered: int
    counts: Mapping[str, int]


def decontaminate_files(
    inputs: Sequence[str], out: str, settings: DecontaminationSettings, *, text: str = "text"
) -> Summary:
    """Drops the documents of Parquet, JSONL, CSV or Arrow files that hold benchmark items, into `out`.

    Leaves there `kept/`, `drops/`, `contamination/` (every hit) and `documents/`, which `review.review` quotes from.
    `text` is the inputs' column. Raises `FileNotFoundError` for a missing input or benchmark.
    """
    workspace = Workspace(out)
    parts = lay_out(workspace, inputs, {"text": text})
    if not parts:
        raise ValueError(f"{', '.join(inputs)}: no document found; see {workspace.path('rejections.parquet')}")
    counts = carry_out(workspace, plan(parts, settings))
    kept = keep(workspace, parts, [STAGE])
    workspace.remove("exchange")
    dropped = counts[f"{STAGE}.drop.dropped"]
    hits = counts[f"{STAGE}.drop.hits"]
    altered = counts[f"{STAGE}.drop.altered"]
    return Summary(kept + dropped, dropped, kept, hits, altered, dict(counts))
