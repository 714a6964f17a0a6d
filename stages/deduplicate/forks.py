"""Forks and mirrors: repositories that say the same, found whole, before their files are compared one by one.

A repository is the set of its distinct lines (stripped, of 24 bytes or more), kept as the smallest of their 64-bit
hashes: a bottom-k sketch (Cohen, 1997), from which the Jaccard similarity of two repositories is estimated, exactly
where both have fewer than k lines, with a standard error of at most 0.5 ÷ √k else. Repositories are taken in the order
of preference; each that is similar enough to one that stays is dropped for it, with all its files. Memory: 8 k bytes a
repository, in one unit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from winnow.stages.run.drops import DROP as DROP_SCHEMA
from winnow.stages.run.drops import drops_of, surviving, write_drops
from winnow.stages.run.unit import Counts, File, Files, Planned, Step, Unit, Units
from winnow.stages.run.workspace import Workspace

STAGE = "deduplicate.repositories"
KIND = "repositories"
LINE_BYTES = 24  # shorter lines (braces, returns) are everywhere
COMMON = 64  # a line that more repositories share says nothing of two of them
VERDICTS = File(f"exchange/{STAGE}/verdicts.parquet")
SKETCH = pa.schema(
    [
        pa.field("repository", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("sketch", pa.list_(pa.uint64()), nullable=False),
        pa.field("files", pa.int64(), nullable=False),
        pa.field("stars", pa.int64(), nullable=False),
        pa.field("date", pa.string(), nullable=False),  # "" where none is known
    ]
)
VERDICT = pa.schema(
    [(name, pa.string()) for name in ("repository", "origin", "survivor")] + [("similarity", pa.float64())]
)


class Preferred(StrEnum):
    """Which of several similar repositories stays, by what they can be asked."""

    STARS = "stars"
    NEWEST = "newest"
    FILES = "files"


class Settings(BaseModel):
    """The manifest's `repositories` section of deduplication. Ties fall to the smaller name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = 0.7  # of the Jaccard similarity, as StarCoder2 has it for files
    sketch: int = 256
    prefer: tuple[Preferred, ...] = (Preferred.STARS, Preferred.FILES, Preferred.NEWEST)


@dataclass(frozen=True, kw_only=True)
class SketchPart:
    """A part, and how many hashes of its lines a repository is told by."""

    documents: File
    drops: Files
    sketch: int


@dataclass(frozen=True, kw_only=True)
class CompareAll:
    """The sketches of all parts."""

    sketches: Files
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class DropPart:
    """A part, the repositories that go, and the similarity from which they do."""

    documents: File
    verdicts: File
    threshold: float


def sketch_part(workspace: Workspace, unit: Unit[SketchPart]) -> Counts:
    """Writes one row for each repository that has surviving files in the part."""
    asked, size = unit.asked, unit.asked.sketch
    hashes: dict[tuple[str, str], npt.NDArray[np.uint64]] = {}
    facts: dict[tuple[str, str], list[tuple[int, str]]] = {}
    columns = ["text", "kind", "locator", "repository", "date", "metadata"]
    with workspace.parquet(asked.documents) as file:
        mask, first = surviving(workspace, file.metadata.num_rows, asked.drops), 0
        for group in range(file.num_row_groups):
            documents = file.read_row_group(group, columns=columns)
            kept = documents.filter(pa.array(mask[first : first + documents.num_rows]))
            first += documents.num_rows
            for row in _rows(kept):
                seen = hashes.get(row.key, np.empty(0, np.uint64))
                hashes[row.key] = np.union1d(seen, line_hashes(row.text))[:size]
                facts.setdefault(row.key, []).append((row.stars, row.date))
    table = pa.table(
        {
            "repository": [key[0] for key in hashes],
            "origin": [key[1] for key in hashes],
            "sketch": [sketch.tolist() for sketch in hashes.values()],
            "files": [len(facts[key]) for key in hashes],
            "stars": [max(stars for stars, _ in facts[key]) for key in hashes],
            "date": [max(date for _, date in facts[key]) for key in hashes],
        },
        schema=SKETCH,
    )
    workspace.write_table(_sketches(unit.name), table)
    return {"repositories": table.num_rows}


@dataclass(frozen=True)
class _Row:
    key: tuple[str, str]
    text: bytes
    stars: int
    date: str


def _rows(documents: pa.Table) -> Iterator[_Row]:
    ours = documents.filter(pc.and_(pc.equal(documents["kind"], KIND), pc.is_valid(documents["repository"])))
    columns = [ours[name].to_pylist() for name in ("locator", "repository", "date", "metadata")]
    for place, (locator, name, date, metadata) in enumerate(zip(*columns, strict=True)):
        stars = json.loads(metadata or "{}").get("stars")
        text = ours["text"][place].as_buffer().to_pybytes()
        yield _Row((name, origin_of(locator)), text, stars if isinstance(stars, int) else 0, date or "")


def origin_of(locator: str) -> str:
    """The input that holds a repository's file; ``""`` for a row of a table, where only names differ."""
    return locator.partition("!")[0] if "!" in locator else ""


def line_hashes(text: bytes) -> npt.NDArray[np.uint64]:
    """The hashes of the distinct lines of a file that are long enough, ascending."""
    import xxhash

    lines = {line for line in map(bytes.strip, text.split(b"\n")) if len(line) >= LINE_BYTES}
    return np.unique(np.fromiter((xxhash.xxh3_64_intdigest(line) for line in lines), np.uint64, len(lines)))


def similarity(one: npt.NDArray[np.uint64], other: npt.NDArray[np.uint64], size: int) -> float:
    """The Jaccard similarity of two sets by their bottom-`size` sketches."""
    union = np.union1d(one, other)[:size]
    if not len(union):
        return 0.0
    return float((np.isin(union, one) & np.isin(union, other)).sum() / len(union))


def compare(workspace: Workspace, unit: Unit[CompareAll]) -> Counts:
    """Writes which repositories are dropped, for which survivor, and how similar the two are."""
    settings = unit.asked.settings
    repositories = _merged([workspace.read_table(name) for name in unit.asked.sketches], settings)
    near: dict[int, list[int]] = {}
    for first, second in _candidates([repository.sketch for repository in repositories]).tolist():
        near.setdefault(second, []).append(first)
    stays = np.ones(len(repositories), dtype=bool)
    verdicts = []
    for index, repository in enumerate(repositories):
        rivals = [
            (similarity(repositories[other].sketch, repository.sketch, settings.sketch), -other)
            for other in near.get(index, ())
            if stays[other]
        ]
        best, other = max(rivals, default=(0.0, 0))
        if best >= settings.threshold:
            stays[index] = False
            verdicts.append((*repository.key, "!".join(filter(None, reversed(repositories[-other].key))), best))
    rows = [dict(zip(VERDICT.names, verdict, strict=True)) for verdict in verdicts]
    workspace.write_table(VERDICTS, pa.Table.from_pylist(rows, schema=VERDICT))
    return {"repositories": len(repositories), "dropped": len(verdicts)}


@dataclass(frozen=True)
class _Repository:
    key: tuple[str, str]
    sketch: npt.NDArray[np.uint64]
    rank: tuple[object, ...]


def _merged(tables: Sequence[pa.Table], settings: Settings) -> list[_Repository]:
    """Every repository once, the preferred ones first."""
    found: dict[tuple[str, str], list[dict[str, object]]] = {}
    for row in pa.concat_tables(tables).to_pylist():
        found.setdefault((row["repository"], row["origin"]), []).append(row)
    merged = []
    for key, rows in found.items():
        sketch = np.unique(np.concatenate([np.array(row["sketch"], np.uint64) for row in rows]))[: settings.sketch]
        stars, files = max(int(str(row["stars"])) for row in rows), sum(int(str(row["files"])) for row in rows)
        asked = {
            Preferred.STARS: -stars,
            Preferred.FILES: -files,
            Preferred.NEWEST: [-ord(sign) for sign in max(str(row["date"]) for row in rows)] + [0],
        }
        merged.append(_Repository(key, sketch, (*(asked[name] for name in settings.prefer), key)))
    return sorted(merged, key=lambda repository: repository.rank)


def _candidates(sketches: Sequence[npt.NDArray[np.uint64]]) -> npt.NDArray[np.int64]:
    """Pairs (i, j), i < j, of sketches that share a hash which at most 64 have; int64 of shape (n, 2)."""
    owners = np.repeat(np.arange(len(sketches)), [len(sketch) for sketch in sketches])
    hashes = np.concatenate([*sketches, np.empty(0, np.uint64)])
    order = np.lexsort((owners, hashes))
    hashes, owners = hashes[order], owners[order]
    bounds = (
        np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1], [True]])) if len(hashes) else np.zeros(1, int)
    )
    pairs = [np.empty((0, 2), np.int64)]
    for count in range(2, COMMON + 1):
        starts = bounds[:-1][np.diff(bounds) == count]
        if len(starts):
            members = owners[starts[:, None] + np.arange(count)]
            first, second = np.triu_indices(count, 1)
            pairs.append(np.unique(np.stack([members[:, first].ravel(), members[:, second].ravel()], axis=1), axis=0))
    return np.unique(np.concatenate(pairs), axis=0)


def drop_part(workspace: Workspace, unit: Unit[DropPart]) -> Counts:
    """Writes the part's drops: every file of a repository that goes."""
    asked = unit.asked
    verdicts = {
        (row["repository"], row["origin"]): f"{row['survivor']} {row['similarity']:.4f}"
        for row in workspace.read_table(asked.verdicts).to_pylist()
    }
    columns = ["id", "locator", "source", "kind", "repository"]
    documents = workspace.read_table(asked.documents, columns=columns)
    names = zip(
        documents["kind"].to_pylist(),
        documents["repository"].to_pylist(),
        documents["locator"].to_pylist(),
        strict=True,
    )
    found = [verdicts.get((name, origin_of(locator))) if kind == KIND else None for kind, name, locator in names]
    rows = [row for row, verdict in enumerate(found) if verdict is not None]
    dropped = documents.select(["id", "locator", "source"]).take(pa.array(rows, pa.int32()))
    threshold = f"< {asked.threshold:g}"
    drops = pa.table(
        {
            **{name: dropped[name] for name in ("id", "locator", "source")},
            "stage": pa.array([STAGE] * len(rows), pa.string()),
            "rule": pa.array(["repositories.similarity"] * len(rows), pa.string()),
            "value": pa.array([found[row] for row in rows], pa.string()),
            "threshold": pa.array([threshold] * len(rows), pa.string()),
            "row": pa.array(rows, pa.int32()),
        },
        schema=DROP_SCHEMA,
    )
    write_drops(workspace, STAGE, unit.name, drops)
    return {"dropped": len(rows)}


SKETCHES = Step(name=f"{STAGE}.sketch", version=1, work=sketch_part)
COMPARE = Step(name=f"{STAGE}.compare", version=1, work=compare)
DROPS = Step(name=f"{STAGE}.drop", version=1, work=drop_part)


def plan(parts: Sequence[str], settings: Settings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps in order, with their units. `earlier`: the dropping stages before this one."""
    parts = sorted(parts)
    documents = {part: File(f"documents/{part}.parquet") for part in parts}
    sketching = Units(
        parts,
        lambda _, part: SketchPart(documents=documents[part], drops=drops_of(part, earlier), sketch=settings.sketch),
    )
    sketches = tuple(_sketches(part) for part in parts)
    comparing = [Unit(name="all", asked=CompareAll(sketches=sketches, settings=settings))]
    dropping = Units(
        parts, lambda _, part: DropPart(documents=documents[part], verdicts=VERDICTS, threshold=settings.threshold)
    )
    return (SKETCHES, sketching), (COMPARE, comparing), (DROPS, dropping)


def _sketches(part: str) -> File:
    return File(f"exchange/{STAGE}/sketches/{part}.parquet")
