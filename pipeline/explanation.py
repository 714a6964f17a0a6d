"""One document's way through a run: where it came from, what was measured, what was decided, where its tokens are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.pipeline.funnel import DROPS, INGEST_REJECTIONS, read_index
from winnow.stages.document import REJECTION
from winnow.stages.measuring import LABEL, unmeasured
from winnow.stages.passes import attributes_path
from winnow.stages.run.workspace import Workspace

SHOWN = 10  # documents that are listed where several are meant
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


def explain(workspace: Workspace, wanted: str) -> Explanation:
    """The story of the document whose id starts with `wanted`, or else whose address or locator is or ends with it, or
    else whose text holds these words.

    Raises `LookupError` when there is none; when there are several, with the first of them. Of a record that never became
    a document, or of the name of a rule, the error says what is known: why it was left out, or what the rule took.
    """
    found = list(_find(workspace, wanted))
    if not found:
        raise LookupError(
            _left_out(workspace, wanted)
            or f"no document of this run has an id that starts with {wanted!r}, such an address or locator, or these words, "
            "no record that became no document has such a locator, and no rule of that name took one"
        )
    if len({identity for _, _, identity in found}) > 1:
        shown = "\n".join(f"  {identity}  {_locator(workspace, part, row)}" for part, row, identity in found[:SHOWN])
        raise LookupError(f"{len(found)} documents are meant by {wanted!r}; choose one by its id:\n{shown}")
    part, row, identity = found[0]
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
    return Explanation(part, row, fields, measured, idle, drop, other, tuple(_places(workspace, owners)))


def _locator(workspace: Workspace, part: str, row: int) -> str:
    return str(workspace.read_table(f"documents/{part}.parquet", columns=["locator"])["locator"][row].as_py())


def _left_out(workspace: Workspace, wanted: str) -> str | None:
    """Why records whose locator is or ends with `wanted` became no documents; or what the rule of that name took."""
    ways: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
        ("records that became no document", "locator", lambda column: pc.ends_with(column, wanted)),
        (f"records that {wanted} took", "rule", lambda column: pc.equal(column, wanted)),
    )
    for what, name, matches in ways:
        count, shown = 0, list[str]()
        for path in (entry for folder in (INGEST_REJECTIONS, DROPS) for entry in workspace.list(folder, ".parquet")):
            table = workspace.read_table(path, columns=REJECTION.names)
            rows = pc.indices_nonzero(matches(table[name]))
            count += len(rows)
            shown += map(_reason, table.take(rows[: SHOWN - len(shown)]).to_pylist())
        if count:
            return f"{what}: {count:,}{', the first of them' if count > len(shown) else ''}\n" + "\n".join(shown)
    return None


def _reason(entry: Mapping[str, Any]) -> str:
    value, threshold = (entry[name] for name in ("value", "threshold"))
    figures = (f": {value}" if value else "") + (f", asked {threshold}" if threshold else "")
    return f"  {entry['id'] or entry['stage']}  {entry['locator']}  {entry['rule']}{figures}"


def _measured(workspace: Workspace, part: str, row: int) -> tuple[dict[str, Any], Mapping[str, Sequence[str]]]:
    """The document's attributes, and the recipes that its language spared it."""
    path = attributes_path(part)
    if not workspace.exists(path):
        return {}, {}
    attributes = workspace.read_table(path)
    measured = dict(attributes.slice(row, 1).to_pylist()[0])
    return measured, unmeasured(attributes.schema, str(measured.get(LABEL)))


def _find(workspace: Workspace, wanted: str) -> Iterator[tuple[str, int, str]]:
    """Part, row and id of what is meant, by the first of the ways that finds anything."""
    ways: tuple[tuple[tuple[str, ...], Callable[[Any], Any]], ...] = (
        (("id",), lambda column: pc.starts_with(column, wanted)),
        (("url", "locator", "path"), lambda column: pc.ends_with(column, wanted)),
        (("text",), lambda column: pc.match_substring(column, wanted)),
    )
    for names, matches in ways:
        found = False
        for path in workspace.list("documents", ".parquet"):
            table = workspace.read_table(path, columns=list(dict.fromkeys(("id", *names))))
            rows = {row for name in names for row in pc.indices_nonzero(matches(table[name])).to_pylist()}
            for row in sorted(rows):
                found = True
                yield path.removeprefix("documents/").removesuffix(".parquet"), row, table["id"][row].as_py()
        if found:
            return


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
