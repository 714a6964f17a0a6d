"""What a run's report tells beyond counts: tokens by source, phases, lengths, fertility, measures, texts with their reasons.

Read from small tables and footers, and of texts from a few row groups, so that the report of a large run stays quick.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.recipes import Rule
from winnow.pipeline.record.funnel import Funnel, document_rows
from winnow.pipeline.reports.rejections import DRAWN as EXAMPLES
from winnow.pipeline.reports.rejections import Rejections
from winnow.stages.mixing.mix import PLAN as MIX
from winnow.stages.run.drops import drops_path, surviving
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import ShardIndex
from winnow.stages.tokens.schema import list_lengths

EXCERPT = 280  # characters of a text
FERTILITY_PARTS = 24  # of which a row group is looked at
PAIRED = re.compile(r"([0-9a-f]{32})(?: (\S+))?")


@dataclass(frozen=True)
class Source:
    """A source's way in documents and tokens; `epochs`: tokens built for each token that there was."""

    name: str
    read: int
    kept: int
    available: int
    built: int

    @property
    def epochs(self) -> float:
        return self.built / self.available if self.available else 0.0


@dataclass(frozen=True)
class Example:
    """A document with what became of it: `reason` is empty where it was kept."""

    id: str
    source: str
    locator: str
    reason: str
    text: str


@dataclass(frozen=True)
class Pair:
    """A dropped document beside the one that stays."""

    similarity: str
    stays: Example
    dropped: Example


def sources(
    workspace: Workspace, index: ShardIndex | None, lost: Mapping[str, int], rows: Mapping[str, int] | None = None
) -> list[Source]:
    """Each source's documents and tokens, in the order of its tokens. `lost`: dropped ones; `rows`: see `document_rows`."""
    read: Counter[str] = Counter()
    for path, count in (document_rows(workspace) if rows is None else rows).items():
        if count:
            read[path.rpartition("/")[2].rpartition("-")[0]] += count
    available: Counter[str] = Counter()
    if workspace.exists(MIX):
        for cell in json.loads(workspace.read_bytes(MIX))["cells"]:
            available[cell["source"]] += cell["available"]
    built = Counter((index.mixture if index else {}).get("built", {}).get("sources", {}))
    names = sorted({*read, *built}, key=lambda name: (-built[name], -read[name], name))
    return [Source(name, read[name], read[name] - lost.get(name, 0), available[name], built[name]) for name in names]


def by_phase(workspace: Workspace, index: ShardIndex | None) -> dict[str, Counter[str]]:
    """Tokens of each source in each phase, as packing noted them."""
    found: dict[str, Counter[str]] = {phase.name: Counter() for phase in index.phases} if index else {}
    for path in workspace.list("packed", ".json"):
        phase = path.removeprefix("packed/").rpartition("-")[0]
        if phase in found:
            found[phase].update(json.loads(workspace.read_bytes(path)).get("sources", {}))
    return {phase: tokens for phase, tokens in found.items() if tokens}


def lengths(workspace: Workspace) -> list[tuple[int, int]]:
    """Tokens there were in documents by their length: (longest of the class, or 0 for longer than all; tokens)."""
    if not workspace.exists(MIX):
        return []
    counted: Counter[int] = Counter()
    for cell in json.loads(workspace.read_bytes(MIX))["cells"]:
        counted[cell["length"]] += cell["available"]
    return sorted(counted.items(), key=lambda item: item[0] or math.inf)


def fertility(workspace: Workspace) -> list[tuple[str, int, float, float]]:
    """(language, documents looked at, characters and UTF-8 bytes for each token), the most tokens first."""
    sums: dict[str, list[int]] = {}
    paths = workspace.list("tokens", ".parquet")
    for path in paths[:: max(1, len(paths) // FERTILITY_PARTS)]:
        documents = path.replace("tokens/", "documents/")
        if not workspace.exists(documents):
            continue  # a bucket of repositories
        with workspace.parquet(path) as file, workspace.parquet(documents) as texts:
            if not (file.num_row_groups and texts.num_row_groups):
                continue
            tokens = file.read_row_group(0, columns=["id", "language", "tokens", "loss"])
            text = texts.read_row_group(0, columns=["id", "text", "messages"])
        plain = text.filter(pc.is_null(text["messages"]))  # a conversation's tokens hold its template, too
        places = pc.index_in(tokens["id"], value_set=plain["id"].combine_chunks())
        counted = list_lengths(tokens["tokens"])
        rows = np.flatnonzero(pc.is_valid(places).to_numpy(zero_copy_only=False))
        chosen = plain["text"].take(places.take(pa.array(rows)))
        characters, sizes = pc.utf8_length(chosen).to_numpy(), pc.binary_length(chosen).to_numpy()
        names = tokens["language"].take(pa.array(rows)).to_pylist()
        for name, row, length, size in zip(names, rows.tolist(), characters.tolist(), sizes.tolist(), strict=True):
            entry = sums.setdefault(name or "not known", [0, 0, 0, 0])
            for place, value in enumerate((1, int(counted[row]), length, size)):
                entry[place] += value
    found = [
        (name, entry[0], entry[2] / entry[1], entry[3] / entry[1], entry[1]) for name, entry in sums.items() if entry[1]
    ]
    return [entry[:4] for entry in sorted(found, key=lambda entry: -entry[4])]


def rules_of(lock: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules that decided, by the names that drops give them: those of the lock, which outlive a user's code.

    Of a recipe that stands in the manifest several times, the first.
    """
    decided: dict[str, Rule] = {}
    for entry in lock["rules"]:
        for rule in entry["rules"]:
            decided.setdefault(f"{entry['recipe']}.{rule['name']}", Rule(**rule))
    return decided


def idle_rules(rules: Mapping[str, Rule], funnel: Funnel) -> list[str]:
    """The rules that dropped nothing: they may be right, or measure nothing here."""
    dropped = funnel.dropped.get("decide", Counter())
    return [name for name in rules if not dropped[name]]


def examples(
    workspace: Workspace, rejections: Rejections, seed: int, rows: Mapping[str, int] | None = None
) -> tuple[list[Example], list[Example]]:
    """Documents drawn at random, kept ones and dropped ones, up to `EXAMPLES` each; the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    sizes = document_rows(workspace) if rows is None else rows
    kept: list[Example] = []
    names, weights = list(sizes), np.array(list(sizes.values()), dtype=np.float64)
    tried: set[tuple[str, int]] = set()
    for _ in range(20 * EXAMPLES if weights.sum() else 0):
        path = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        row = int(rng.integers(sizes[path]))
        if (path, row) in tried:
            continue
        tried.add((path, row))
        part = path.removeprefix("documents/").removesuffix(".parquet")
        drops = [drops_path(stage, part) for stage in rejections.stages]
        if surviving(workspace, sizes[path], [drop for drop in drops if workspace.exists(drop)])[row]:
            kept.append(_at(workspace, path, row, ""))
        if len(kept) == EXAMPLES:
            break
    return kept, [_dropped(workspace, entry) for entry in rejections.drawn]


def _dropped(workspace: Workspace, entry: Mapping[str, Any]) -> Example:
    reason = f"{entry['stage']}: {entry['rule']}, measured {entry['value']}, asked {entry['threshold']}"
    return _at(workspace, f"documents/{entry['part']}.parquet", entry["row"], reason)


def near_duplicates(workspace: Workspace, rejections: Rejections) -> list[Pair]:
    """Documents that were dropped for another's sake, and the other, with their similarity."""
    matches = [(entry, matched) for entry in rejections.pairs if (matched := PAIRED.match(entry["value"]))]
    found = {example.id: example for example in find(workspace, {matched[1] for _, matched in matches})}
    return [
        Pair(matched[2] or "", found[matched[1]], replace(_dropped(workspace, entry), reason=""))
        for entry, matched in matches
        if matched[1] in found
    ]


def find(workspace: Workspace, wanted: set[str]) -> list[Example]:
    """The documents with these ids. Of a part that has none, only the column of ids is read."""
    found: list[Example] = []
    values = pa.array(sorted(wanted), pa.string())
    for path in workspace.list("documents", ".parquet"):
        if len(found) == len(wanted):
            break
        ids = workspace.read_table(path, columns=["id"])["id"]
        found += [
            _at(workspace, path, row, "") for row in pc.indices_nonzero(pc.is_in(ids, value_set=values)).to_pylist()
        ]
    return found


def _at(workspace: Workspace, path: str, row: int, reason: str) -> Example:
    with workspace.parquet(path) as file:
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if row < size:
                table = file.read_row_group(group, columns=["id", "source", "locator", "text"])
                fields: Mapping[str, Any] = table.slice(row, 1).to_pylist()[0]
                text = " ".join(fields["text"][: 3 * EXCERPT].split())[:EXCERPT]
                return Example(fields["id"], fields["source"], fields["locator"], reason, text)
            row -= size
    raise LookupError(f"{path} has no such row")


def preferences(workspace: Workspace) -> dict[str, int]:
    """How many prompts and pairs the stage `rl` made; empty for another stage."""
    found = {}
    for name in ("prompts", "pairs"):
        paths: Sequence[str] = workspace.list(f"rl/{name}", ".parquet")
        if paths:
            found[name] = sum(workspace.parquet(path).metadata.num_rows for path in paths)
    return found
