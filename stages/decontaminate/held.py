"""Which items of benchmarks the documents of a finished run hold: those that it kept, and those that it dropped.

Decontamination itself looks in what the stages before it left, for the benchmarks that the profile named. This asks
afterwards, about any benchmark, by the rules of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
import pyarrow as pa

from winnow.stages.decontaminate.items import KINDS, read_entries
from winnow.stages.decontaminate.judging import judge
from winnow.stages.decontaminate.settings import Benchmark, DecontaminationRules, DecontaminationSettings
from winnow.stages.run.drops import surviving
from winnow.stages.run.workspace import Workspace

Item = tuple[str, str]
"""Name of the benchmark, identifier."""


class Held(StrEnum):
    """Where an item was found. `looked` in vain, or too short to be looked for, is none of these."""

    KEPT = "kept"
    """In a document that went on to the tokens: a model may have read it."""
    DROPPED = "dropped"
    """In documents alone that some stage dropped, decontamination for example."""


def held_items(
    workspace: Workspace, benchmarks: Sequence[Benchmark], rules: DecontaminationRules
) -> Mapping[Item, Held]:
    """The items that documents of the run hold, by question, answer or passage. Reads each text of the run once."""
    from winnow.stages.decontaminate.index import build_postings, open_index  # numba: only who asks pays for it
    from winnow.stages.decontaminate.matching import match_texts

    settings = DecontaminationSettings(benchmarks=tuple(benchmarks), **rules.model_dump())
    entries, postings = build_postings(pa.concat_tables(map(read_entries, benchmarks)), settings)
    indexes = {kind: open_index(postings[kind], entries, kind) for kind in KINDS if postings[kind].num_rows}
    drops = workspace.list("drops", ".parquet")
    found, kept = [], []
    for number, name in enumerate(workspace.list("documents", ".parquet")):
        part = name.removeprefix("documents/")
        texts = workspace.read_table(name, columns=["text"])["text"]
        kept.append(surviving(workspace, len(texts), [drop for drop in drops if drop.endswith(f"/{part}")]))
        for kind, index in indexes.items():
            matches = match_texts(texts, index, entries, kind)
            found.append(matches.add_column(0, "part", pa.array(np.full(len(matches), number, np.int32))))
    if not found:
        return {}
    hits = judge(pa.concat_tables(found), entries, rules.boilerplate)
    held: dict[Item, Held] = {}
    names = entries.select(["benchmark", "item"]).take(hits["entry"]).to_pylist()
    for item, part, row in zip(names, hits["part"].to_pylist(), hits["row"].to_pylist(), strict=True):
        key = (item["benchmark"], item["item"])
        if kept[part][row]:
            held[key] = Held.KEPT
        else:
            held.setdefault(key, Held.DROPPED)
    return held
