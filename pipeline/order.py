"""One repository, alone: its files in reading order with edges and cycles, and its sequences on disk.

What `winnow order` and `winnow repository` do. Both take whatever `stages/ingest/repositories.py` takes: a git
repository, an archive, a folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from winnow.filters.license import Category
from winnow.formats.languages import imports
from winnow.formats.languages.imports.facts import Facts
from winnow.formats.languages.imports.graph import Evidence, Graph, Policy, build
from winnow.stages.ingest import repositories
from winnow.stages.ingest.source import Builder
from winnow.stages.repositories.reading import Reader
from winnow.stages.repositories.repository import KIND, Settings, Take, allowed, files_of
from winnow.stages.repositories.repository import write_sequences as write_bucket
from winnow.stages.run.unit import Counts
from winnow.stages.run.workspace import Workspace
from winnow.tokenizer.load import load

ALONE = "repository"
SHOWN = 8  # dependencies and members of a cycle that a line of the report lists


@dataclass(frozen=True, kw_only=True)
class OrderReport:
    """What `winnow order` knows of a repository. `order` holds indices into `graph.paths`, int64."""

    repository: str
    policy: Policy
    graph: Graph
    order: np.ndarray
    evidence: Evidence
    parsed: int
    left_out: Counter[str]

    def lines(self) -> Iterator[str]:
        """The files in order, each with the files it depends on; then cycles and counts."""
        paths = self.graph.paths
        width = len(str(len(paths)))
        place = {file: i + 1 for i, file in enumerate(self.order.tolist())}
        for i, file in enumerate(self.order.tolist(), 1):
            needs = sorted(place[other] for other in self.graph.dependencies[file])
            shown = ", ".join(map(str, needs[:SHOWN])) + (
                f" and {len(needs) - SHOWN} more" if len(needs) > SHOWN else ""
            )
            yield f"{i:>{width}}  {paths[file]}" + (f"  ← {shown}" if needs else "")
        for members in self.graph.cycles:
            shown = ", ".join(paths[file] for file in members[:SHOWN])
            yield f"cycle of {len(members)}: {shown}" + (" …" if len(members) > SHOWN else "")
        said = self.evidence
        yield (
            f"{self.repository}: {len(paths)} files, {self.parsed} read for imports, {said.edges} edges, "
            f"{len(self.graph.cycles)} cycles; {said.share:.1%} of the {said.acyclic} edges outside cycles and "
            f"{said.respected} of all {said.edges} have the dependency first ({self.policy.value} order)"
        )
        if self.left_out:
            yield "left out: " + ", ".join(f"{count} {rule}" for rule, count in sorted(self.left_out.items()))

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def html(self) -> str:
        """The graph as one page without references to anything outside it."""
        from winnow.formats.languages.imports.drawing import draw

        return draw(self.graph, self.order, f"{self.repository}, {self.policy.value} order")


def order_report(path: str, *, policy: Policy = Policy.DEPENDENCY, seed: int = 0, commit: str = "HEAD") -> OrderReport:
    """Reads a repository for its imports and puts its files in order. Raises `OSError` or `GitError` for a bad path."""
    facts: list[Facts] = []
    name = path

    def take(documents: pa.Table) -> None:
        nonlocal name
        for row in files_of(documents, np.ones(documents.num_rows, dtype=bool)).to_pylist():
            name = row["repository"]
            found = imports.read(row["text"].encode("utf-8"), row["path"], row["language"])
            facts.append(replace(found, package=row["package"]) if row["package"] else found)

    left_out = _read(path, commit, take)
    graph = build(facts)
    order = graph.order(policy, seed=seed, name=name)
    return OrderReport(
        repository=name,
        policy=policy,
        graph=graph,
        order=order,
        evidence=graph.evidence(order),
        parsed=sum(found.parsed for found in facts),
        left_out=left_out,
    )


def write_sequences(
    path: str,
    length: int,
    out: str,
    *,
    tokenizer: str,
    policy: Policy = Policy.DEPENDENCY,
    seed: int = 0,
    commit: str = "HEAD",
    licenses: Sequence[Category] = tuple(Category),
) -> Counts:
    """Writes `tokens/repository.parquet` (one row a sequence) and
    `sequences/repository.parquet` (how each came about) below the folder `out`; returns counts.

    Alone, every licence is allowed unless `licenses` says otherwise: whose repository it is, knows.
    """
    settings = Settings(policy=policy, length=length, seed=seed, licenses=tuple(licenses))
    unlicensed = 0

    def feed(take: Take) -> None:
        def emit(documents: pa.Table) -> None:
            nonlocal unlicensed
            mask = allowed(documents["license"], [name.value for name in settings.licenses], settings.unknown)
            unlicensed += int((~mask).sum())
            for files in reader.read(files_of(documents, mask)):
                take(files)

        left_out.update(_read(path, commit, emit))

    left_out: Counter[str] = Counter()
    encoder = load(tokenizer)
    reader = Reader(encoder, length=length, seed=seed)
    counts = write_bucket(Workspace(out), ALONE, feed, encoder, settings)
    return {**counts, "unlicensed": unlicensed, "left_out": dict(sorted(left_out.items()))}


def _read(path: str, commit: str, emit: Take) -> Counter[str]:
    """Hands a repository's files on in batches of about 16 MiB; returns how many were left out, by rule."""
    settings = repositories.Settings(commit=commit)
    builder = Builder(source=ALONE, kind=KIND, emit=emit)
    for split in repositories.splits(path, settings):
        repositories.read(split, settings, builder)
    builder.flush()
    return Counter(str(row["rule"]).removeprefix(f"{KIND}.") for row in builder.rejections)
